"""What a simulated cluster prints: one module per native format."""
