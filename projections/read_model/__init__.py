"""The read model: a SQLite file per generation, and how it stands."""
