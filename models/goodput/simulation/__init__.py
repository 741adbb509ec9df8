"""A discrete-event simulation of training runs on a cluster, the judge of every closed form of the goodput models."""
