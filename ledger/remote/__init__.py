"""Recording to a ledger elsewhere: what a run sends, and keeps until it is taken."""
