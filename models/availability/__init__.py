"""Availability: what share of the time a fabric, a pod or a placed job is whole, exactly and by simulation."""
