"""Training twice, by the graph and by δ, compared in bits after every update."""
