"""A real fabric from the record of its cables, and what had to be inferred for it."""
