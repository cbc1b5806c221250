"""The health of a data folder: what is measured, what it means, and what to do."""
