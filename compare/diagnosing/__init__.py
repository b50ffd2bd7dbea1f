"""`diagnose`: which mistakes of the catalogue explain a candidate's gradients."""
