"""Checkpoints that a kill or a full disk cannot spoil."""

from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

from goldpan.runs.checkpoint import save


class AtomicFiles(TorchCheckpointIO):
    """Writes the new checkpoint beside the old one and then renames it.

    Lightning 2.6.6 (its issue 21824) writes to the system's temporary folder and moves the file. If
    that folder is on another file system the move is a copy, and a kill leaves half a checkpoint.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write the checkpoint, whole or not at all."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save(checkpoint, Path(path))
