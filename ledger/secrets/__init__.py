"""Secrets are taken out of an event before it is appended: the log cannot forget."""
