"""The repairable view: failures that recur while the unit goes back into service; rate, trend and clustering."""
