"""The figures, a file a page."""
