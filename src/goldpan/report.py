"""The command that prints tables and draws curves: `python -m goldpan.report outputs`."""

import sys

from goldpan.reports.command import main

if __name__ == "__main__":
    sys.exit(main())
