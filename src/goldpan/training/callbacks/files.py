"""Checkpoints that a kill or a full disk cannot spoil."""

from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

from goldpan.runs.checkpoint import save


class AtomicFiles(TorchCheckpointIO):
    """Writes beside the old checkpoint and then renames.

    Lightning's own way goes through the system's temporary folder: on another file system that is
    a copy, and a kill in the middle of it leaves half a checkpoint.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write the checkpoint, whole or not at all."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save(checkpoint, Path(path))
