"""Reading the log: after a position, one run, a time, over damage, or following."""
