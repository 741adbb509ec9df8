"""What really happened, which no log holds, as Parquet and JSON."""
