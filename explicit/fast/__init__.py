"""BP1–BP4 in contract order, compiled by numba (extra `fast`): imported where it is used."""
