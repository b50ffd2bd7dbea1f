"""Floats: distances in ULP, a-priori bounds on rounding, the rules that these bounds are made of."""
