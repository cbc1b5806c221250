"""Running a pipeline: its stages, their attempts, and how each is ended."""
