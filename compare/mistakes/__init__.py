"""Mistakes: the catalogue, what each computes instead, and the lab that plants them."""

from compare.mistakes.lab import MistakenNetwork, mistaken
from compare.mistakes.known import Mistake, catalogue, find

__all__ = ["Mistake", "MistakenNetwork", "catalogue", "find", "mistaken"]
