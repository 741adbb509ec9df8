"""What happens in the LLM service of a simulated cluster."""
