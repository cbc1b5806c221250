"""Runs that another system recorded."""
