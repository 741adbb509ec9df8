"""The mathematics: pure functions and frozen results. No files, no SQL, no clock, no global randomness."""
