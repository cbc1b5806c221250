"""The care of a log: checking all of it, repairing it in the open, and keeping a copy."""
