"""Where a job stands in a fabric: what takes it down there, what slows it, and how many spares stand beside it."""
