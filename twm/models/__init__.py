"""Networks and their training steps."""
