"""One module per log format, the registry, and the pipeline identify → parse → validate → commit."""
