"""goldpan in a checkout: `python run.py --help` says what can be chosen."""

import sys

from goldpan.command import main

if __name__ == "__main__":
    sys.exit(main())
