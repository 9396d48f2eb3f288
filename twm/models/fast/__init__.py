"""Hand-written backward passes."""
