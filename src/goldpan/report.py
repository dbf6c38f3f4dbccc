"""Records into tables and figures: `python -m goldpan.report outputs`."""

import sys

from goldpan.reports.command import main

if __name__ == "__main__":
    sys.exit(main())
