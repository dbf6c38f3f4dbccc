import json
import os
import subprocess
import sys

from goldpan.sweeps.forkserver import DATA

CODE = """
import os, sys
import goldpan.sweeps.preload
from goldpan.data.in_memory import _in_memory
print([source.spec.name for source in _in_memory], {DATA!r} in os.environ)
"""
VISION = {"_target_": "goldpan.data.vision.VisionData"}


def test_data_that_cannot_be_read_is_left_to_the_cell_that_needs_it() -> None:
    wanted = [VISION | {"name": "image_folder", "root": "nowhere"}, VISION | {"name": "digits"}]
    done = subprocess.run(
        [sys.executable, "-c", CODE.replace("{DATA!r}", repr(DATA))],
        env=os.environ | {DATA: json.dumps(wanted)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "['digits'] False\n", done.stderr
