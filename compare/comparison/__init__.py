"""The numbers of a comparison: both sides, rows, counts, the first divergence; no text."""
