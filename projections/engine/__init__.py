"""How projections follow the log: folded, caught up, and rebuilt beside the live model."""
