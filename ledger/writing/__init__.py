"""An append, from the batches of new events to lines that are synced."""
