"""Engines that run the marts over the lake: DuckDB, embedded, and Spark, for a cluster."""
