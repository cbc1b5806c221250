"""The pages in a real browser. A package, so that what all its tests share ends with the last."""
