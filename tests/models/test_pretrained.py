import copy

import pytest
import torch
from torch import nn

from goldpan.models.pretrained import Start, load_fitting, of_classifier, start_of


def test_what_fits_is_loaded_and_the_rest_stays_as_drawn(net: nn.Module) -> None:
    drawn = {name: value.clone() for name, value in net.state_dict().items()}
    state = {name: value + 1 for name, value in drawn.items() if not name.endswith("mask")}
    state["8.weight"], state["8.bias"] = torch.ones(100, 8), torch.ones(100)
    load_fitting(net, state, "net.pt")
    for name, value in net.state_dict().items():
        moved = not name.startswith("8.") and not name.endswith("mask")
        assert torch.equal(value, drawn[name] + 1 if moved else drawn[name]), name
    assert start_of(net) == Start("net.pt", 12, ("8.weight", "8.bias"))
    assert start_of(copy.deepcopy(net)) == start_of(net)


def test_a_start_is_one_line_however_much_was_drawn() -> None:
    assert Start("net.pt", 12, ("fc.weight", "fc.bias")).sentence() == (
        "first weights: 12 of 14 tensors from net.pt; drawn anew: fc.weight, fc.bias"
    )
    assert (
        Start("net.pt", 12, ())
        .sentence()
        .endswith("12 of 12 tensors from net.pt; drawn anew: nothing")
    )
    many = tuple(f"{index}.weight" for index in range(8))
    assert Start("net.pt", 12, many).sentence().endswith("5.weight and 2 more")


def test_weights_of_which_nothing_fits_are_refused(net: nn.Module) -> None:
    sentence = (
        r"nothing of x.pt fits this network: it has a of shape \(2,\), the network 0.weight of"
    )
    with pytest.raises(ValueError, match=sentence):
        load_fitting(net, {"a": torch.ones(2)}, "x.pt")
    assert start_of(net) is None


def test_the_classifier_has_an_output_for_each_class(net: nn.Module) -> None:
    assert of_classifier(net, 5) == {"8.weight", "8.bias", "8.mask"}
