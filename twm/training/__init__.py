"""One loop, one pool, one resumable table."""
