import pytest
import torch

from goldpan.channels.groups import LOGITS, ChannelGroup, Coupling, removed
from goldpan.masks import UnknownLayer

PLACE = ("linear", "in")
GROUP = ChannelGroup(
    name="norm",
    size=2,
    norms=("norm", "later"),
    producers=("conv",),
    consumers=("linear",),
    places={PLACE: torch.tensor([0, 0, -1, 1, 1])},
)


def test_kept_channels_are_spread_over_the_inputs_and_those_of_no_channel_stay() -> None:
    kept = torch.tensor([False, True])
    assert GROUP.spread(kept, PLACE).tolist() == [False, False, True, True, True]


def test_a_channel_has_a_flag_if_any_of_its_inputs_has() -> None:
    assert GROUP.gather(torch.tensor([0, 1, 1, 0, 0]) > 0, PLACE).tolist() == [True, False]


def test_removed_is_the_fraction_of_all_channels() -> None:
    kept = {"a": torch.tensor([True, False]), "b": torch.tensor([True] * 6)}
    assert removed(kept) == 1 / 8
    assert removed({}) == 0


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("later", UnknownLayer, "later shrinks with norm, which names their group"),
        ("last", ValueError, f"the channels of last must stay: {LOGITS}"),
        ("conv", UnknownLayer, "conv names no group of channels; the model's groups: norm"),
    ],
)
def test_a_refusal_says_why_no_group_has_a_name(
    name: str, error: type[Exception], sentence: str
) -> None:
    refusal = Coupling((GROUP,), {"last": LOGITS}).refusal(name)
    assert type(refusal) is error
    assert str(refusal) == sentence
