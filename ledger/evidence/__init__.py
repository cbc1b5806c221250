"""The evidence: a Merkle tree over the raw lines, signed heads, and proofs that stand alone."""
