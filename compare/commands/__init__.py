"""The command line, a file per command."""

from compare.commands.main import main

__all__ = ["main"]
