"""Collectives in the alpha-beta model, what a training step moves, and how long it takes on a damaged network."""
