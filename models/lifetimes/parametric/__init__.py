"""Parametric lifetimes: distributions fitted to lives under truncation and censoring."""
