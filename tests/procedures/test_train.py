from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from goldpan.masks import masked_layers
from goldpan.procedures.finished import load_finished
from goldpan.procedures.setup import build_system, load_data
from goldpan.procedures.train import check_penalty, choose_compact
from goldpan.runs.experiment import run
from goldpan.runs.record import read_record
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
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: str
) -> None:
    """Also where masks change in training, as long as no gradient of a cut weight is asked for."""
    monkeypatch.setattr("goldpan.layers.sparse_linear.SMALLEST", 1)
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


QUANTIZED = ("model=lenet_300_100", "dataset.limit=400", "recipe.epochs=2", "sparsity=0.5")
CHOSEN = {"dataset": "digits", "model": "lenet_300_100", "recipe": "quick"}


def test_a_quantised_run_says_so_and_leaves_the_weights_that_it_was_measured_with(
    configure: Configure, tmp_path: Path
) -> None:
    words = ("method=prune_quantize", "quantization.weight_bits=3", "quantization.start=0.7")
    words += ("quantization.activation_bits=32", "quantization.sampling.size=50")
    record = run(configure(*QUANTIZED, *words), CHOSEN | {"method": "prune_quantize"}, words[1:])
    assert record.identity.method == (
        "prune_quantize quantization.activation_bits=32 quantization.sampling.size=50 "
        "quantization.start=0.7 quantization.weight_bits=3"
    )
    assert record.weights is not None
    found = record.weights.quantization
    assert found is not None
    assert found.weight_bits == 3
    kept, biases = round(0.5 * (64 * 300 + 300 * 100 + 100 * 10)), 410
    assert found.size_in_bits == 3 * kept + 32 * biases
    [folder] = (path.parent for path in tmp_path.glob("*/record.json"))
    net, _ = load_finished(folder)
    for name, layer in masked_layers(net).items():
        whole = layer.weight.detach() * 2.0 ** found.weight_exponents[name]
        assert torch.equal(whole, whole.round().clamp(-4, 3))
    assert read_record(folder / "record.json") == record


def test_a_network_of_quantised_activations_is_not_loaded_as_a_plain_one(
    configure: Configure, tmp_path: Path
) -> None:
    words = ("method=quantize_prune", "quantization.sampling.size=50")
    run(configure(*QUANTIZED, *words), CHOSEN | {"method": "quantize_prune"}, words[1:])
    [folder] = (path.parent for path in tmp_path.glob("*/record.json"))
    with pytest.raises(ValueError, match=r"expected a run with quantization\.activation_bits=32"):
        load_finished(folder)


def test_quantising_first_is_refused_where_the_method_cuts_before(configure: Configure) -> None:
    words = ("quantization=power_of_two", "quantization.order=quantize_first")
    with pytest.raises(Refusal, match="the method cuts before training"):
        run(configure(*QUANTIZED, "method=snip", *words), CHOSEN | {"method": "snip"})
