"""Any table of text or Parquet, described by a TOML file instead of code."""
