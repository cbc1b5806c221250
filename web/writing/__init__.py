"""What is written over HTTP: events of producers elsewhere, and signs that they are still there."""
