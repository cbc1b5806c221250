"""Failures by their fingerprints."""
