"""Export: what the log and its views hold, as files that other tools read."""
