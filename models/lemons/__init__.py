"""Which nodes fail more than the fleet: the rule of Kokolis et al., and a model of every node's rate."""
