"""The command line: ``python -m compare``."""

import sys

from compare.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
