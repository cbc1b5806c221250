"""What is measured, and against what: each figure is a ratio to a limit or peer in the same run."""
