"""The run summary: its fold, its rows, and where each field came from."""
