"""The line: an event as bytes, and back; where batches end; what old payloads become."""
