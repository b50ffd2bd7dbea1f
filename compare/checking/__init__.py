"""Verdicts: `check` on users' code, `prove` on our networks."""
