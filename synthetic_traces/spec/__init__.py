"""What a simulated cluster is: fleet, faults, workload, service; as Python and as TOML."""
