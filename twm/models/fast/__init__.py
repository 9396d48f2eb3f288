"""Backward passes written by hand."""
