import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CELL = """
from pathlib import Path
from goldpan.sweeps.cells import plan
from goldpan.sweeps.forkserver import DATA, start_forkserver

def look():
    import os, sys
    from goldpan.data.in_memory import _in_memory
    print([source.spec.name for source in _in_memory], "torch" in sys.modules, DATA in os.environ)

if __name__ == "__main__":
    cells = plan(["seed=0,1", "dataset=digits"], Path("conf")).runs
    process = start_forkserver(cells).Process(target=look)
    process.start()
    process.join()
"""


def test_cells_start_with_their_data_in_memory(tmp_path: Path) -> None:
    script = tmp_path / "cell.py"
    script.write_text(CELL)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "['digits'] True False\n", done.stderr
