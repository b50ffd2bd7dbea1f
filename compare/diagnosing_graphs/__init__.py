"""`diagnose_graph`: what is wrong with the gradients in somebody's graph of scalars."""
