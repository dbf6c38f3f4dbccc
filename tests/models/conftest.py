"""Lets tests, and the configurations that they compose, import written_networks.py by its name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
