"""What failures cost a run, measured and expected: ETTR, checkpoints, restarts, and a simulation that judges them."""
