"""Training: one loop, one process pool, one resumable table."""
