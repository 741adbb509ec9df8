"""What happens in a simulated cluster: demand, scheduler, machines, faults, and the books of it all."""
