"""The non-repairable view: how long a unit lives until it fails, from lives that enter late and may be censored."""
