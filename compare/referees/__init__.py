"""Outside opinions on δ: other libraries, and differences of the cost."""
