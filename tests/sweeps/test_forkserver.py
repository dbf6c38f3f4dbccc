import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CELL = """
from pathlib import Path
from goldpan.sweeps.cells import plan
from goldpan.sweeps.forkserver import DATA, nursery

def look():
    import os, sys
    from goldpan.data.held import _held
    print([key[0] for key in _held], "torch" in sys.modules, DATA in os.environ)

if __name__ == "__main__":
    cells = plan(["seed=0,1", "dataset=digits"], Path("conf")).runs
    process = nursery(cells).Process(target=look)
    process.start()
    process.join()
"""


def test_cells_are_born_with_their_data(tmp_path: Path) -> None:
    script = tmp_path / "cell.py"
    script.write_text(CELL)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "['digits'] True False\n", done.stderr
