from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from goldpan.procedures.setup import build_system, load_data
from goldpan.procedures.train import check_penalty, choose_compact
from goldpan.runs.experiment import run
from goldpan.runs.refusal import Refusal
from goldpan.types import Batch

Configure = Callable[..., DictConfig]
SMALL = ("dataset=digits", "model=resnet20", "recipe=quick", "dataset.limit=100")


def test_the_check_of_a_penalty_leaves_the_network_as_it_was(configure: Configure) -> None:
    """Also of a penalty that runs the network, which moves the statistics of its norms."""
    seen: list[torch.Size] = []

    def penalty(model: nn.Module, batch: Batch) -> Tensor:
        seen.append(batch[0].shape)
        return model(batch[0]).square().mean()  # type: ignore[no-any-return]

    cfg = configure(*SMALL)
    data = load_data(cfg)
    system = build_system(cfg, data)
    system.penalty = penalty
    before = {name: value.clone() for name, value in system.net.state_dict().items()}
    check_penalty(system, data)
    assert seen == [torch.Size([2, 1, 8, 8])]
    assert all(torch.equal(v, before[n]) for n, v in system.net.state_dict().items())


@pytest.mark.parametrize("asked", ["true", "false"])
def test_a_run_that_began_without_compaction_goes_on_without(
    configure: Configure, asked: str, tmp_path: Path
) -> None:
    cfg = configure(*SMALL, f"compact={asked}")
    data = load_data(cfg)
    torch.save({"callbacks": {}}, tmp_path / "last.ckpt")
    system = build_system(cfg, data)
    assert choose_compact(cfg, None, system, data, tmp_path / "last.ckpt") is None


@pytest.mark.parametrize("method", ["snip", "set"])
def test_sparse_layers_train_as_masked_ones_do(
    configure: Configure, tmp_path: Path, method: str
) -> None:
    """Also where masks change in training, as long as no gradient of a cut weight is asked for."""
    options = (f"method={method}", "model=lenet_300_100", "sparsity=0.95", "allocation=layerwise")
    options += ("recipe.epochs=2", "dataset.limit=400")
    ends, records = [], []
    for how in ("false", "true"):
        output = tmp_path / how
        cfg = configure(*options, f"output={output}", f"strategy.sparse_linear={how}")
        chosen = {"dataset": "digits", "model": "lenet_300_100", "recipe": "quick"}
        record = run(cfg, chosen | {"method": method})
        [weights] = output.glob("*/model.pt")
        ends.append(torch.load(weights))
        records.append(record)
    assert records[0].identity.id == records[1].identity.id
    assert records[0].weights == records[1].weights
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=1e-4, atol=1e-5)


def test_a_method_that_grows_by_gradients_takes_no_sparse_layers(configure: Configure) -> None:
    cfg = configure("method=rigl", "model=lenet_300_100", "strategy.sparse_linear=true")
    with pytest.raises(Refusal, match="no gradients of cut weights, by which this method"):
        run(
            cfg,
            {"dataset": "digits", "model": "lenet_300_100", "recipe": "quick", "method": "rigl"},
        )
