"""A graph recorded once and replayed for other numbers, with the bits of the eager pass."""
