"""Figures, with one module per page."""
