"""The theory of the papers."""
