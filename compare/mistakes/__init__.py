"""Mistakes: the catalogue, what each computes instead, and the lab that plants them."""

from compare.mistakes.known import Mistake, catalogue, find
from compare.mistakes.lab import MistakenNetwork, mistaken

__all__ = ["Mistake", "MistakenNetwork", "catalogue", "find", "mistaken"]
