"""What touches the disk: the folder, its files, the lock and the durable mark in it."""
