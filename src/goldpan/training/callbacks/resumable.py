"""Callbacks whose state goes on after a resume."""

from typing import Any, ClassVar

import pytorch_lightning as pl


class Resumable(pl.Callback):
    """Keeps the attributes that `kept` names in every checkpoint."""

    kept: ClassVar[tuple[str, ...]] = ()

    def state_dict(self) -> dict[str, Any]:
        """The attributes, by name."""
        return {name: getattr(self, name) for name in self.kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the checkpoint of a run that was cut short."""
        for name in self.kept:
            setattr(self, name, state_dict[name])
