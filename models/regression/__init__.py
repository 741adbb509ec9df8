"""Hazards and rates that depend on covariates: Cox, Fine–Gray, Poisson and negative binomial regression."""
