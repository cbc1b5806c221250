"""That a view equals the log, or what differs: by run and by field."""
