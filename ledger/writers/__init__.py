"""Who writes, and the signs that it is still there."""
