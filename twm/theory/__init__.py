"""Theory, with one module per section of the papers."""
