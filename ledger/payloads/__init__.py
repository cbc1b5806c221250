"""The payloads of what a ledger and its runs say of themselves, which are made in a moment."""
