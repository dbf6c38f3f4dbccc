"""What would stop many cells of a sweep is said once, before the first one starts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpan.runs.experiment import make_folder
from goldpan.runs.fingerprint import FROM_FILES
from goldpan.sweeps.cells import Cell


def check_ready(cells: Sequence[Cell]) -> None:
    """Raise OSError or ValueError, once for all cells, if their images or folder would stop them.

    Planning does not look at them, since a report needs neither.
    """
    found = dict[tuple[str, str], list[Cell]]()
    for cell in cells:
        dataset = cell.choices["dataset"]
        if dataset["name"] in FROM_FILES:
            found.setdefault((dataset["name"], dataset["root"]), []).append(cell)
    for same in found.values():
        if fault := _fault(same[0].choices["dataset"]):
            raise ValueError(f"{fault} (in {len(same)} of {len(cells)} cells)")
    for output in {cell.folder.parent for cell in cells}:
        make_folder(output)


def _fault(dataset: Mapping[str, Any]) -> str:
    """Why the user's own images cannot be read, as their names tell; empty if they can."""
    root = Path(dataset["root"])
    if not root.exists():
        return (
            f"expected images at {root.absolute()}, got nothing there; set dataset.root to where "
            "they are"
        )
    from goldpan.data import folders, image_files  # torch: other sweeps wait for no import of it

    try:
        if dataset["name"] == "imagenet":
            for split in ("train", "val"):
                image_files.require_folder(root / split)
        else:
            folders.arrange(folders.list_members(root))
    except (ValueError, OSError) as error:
        return str(error)
    return ""
