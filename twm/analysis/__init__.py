"""What is in a trained network."""
