from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch.nn.functional as F
from torch import nn

from goldpan.data.sampling import Sampling
from goldpan.panning.callback import Pan
from goldpan.panning.policies import Uniform
from goldpan.types import Batch


@pytest.mark.parametrize(("watch", "drawn"), [(0, [1, 2]), (1, [0, 1, 2])])
def test_a_batch_is_drawn_for_each_round_and_one_to_watch_with(
    watch: int, drawn: list[int], net: nn.Module, draw: Callable[[int], list[Batch]], tmp_path: Path
) -> None:
    asked: list[int] = []

    def noting(done: int) -> list[Batch]:
        asked.append(done)
        return draw(done)

    indices = ["snip", "magnitude"]
    pan = Pan(Uniform(), Sampling(10), sparsity=0.5, indices=indices, rounds=2, watch=watch)
    trainer: Any = SimpleNamespace(loggers=[], default_root_dir=tmp_path)
    system: Any = SimpleNamespace(net=net, loss=F.cross_entropy)
    masks = pan.find(trainer, system, noting, lambda done, sparsity: None)
    assert sorted(asked) == drawn
    assert masks.kept == 317  # of 634
    assert (tmp_path / "force.json").exists() == bool(watch)
