"""``python -m automation.commands``: the command line where its script is not on the path."""

import sys

from automation.commands import main

if __name__ == "__main__":
    sys.exit(main())
