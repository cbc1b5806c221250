"""How often, how well and how fast: pipelines and stages over time."""
