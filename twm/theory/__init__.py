"""The theory, a file a section of the papers."""
