import torch

from goldpan.masks import Masks
from goldpan.training.callbacks.mask_history import MaskHistory


def masks(bits: str) -> Masks:
    return Masks({"w": torch.tensor([bit == "1" for bit in bits])})


def test_what_was_alive_what_stayed_and_what_returned() -> None:
    history = MaskHistory()
    history.begin(masks("1100000000"))
    history.note(masks("1100000000"))
    history.update(masks("1100000000"), masks("1010000000"))
    history.note(masks("1010000000"))
    history.update(masks("1010000000"), masks("1100000000"))
    history.note(masks("1100000000"))
    found = history.result()
    assert found.updates == 2
    assert found.densities == {"w": [0.2, 0.2, 0.2]}
    assert found.explored == [0.2, 0.3, 0.3]
    assert found.steady == [1.0, 0.5, 0.5]
    assert found.returned == [0.0, 0.0, 0.5]


def test_a_history_goes_on_after_a_checkpoint() -> None:
    history, resumed = MaskHistory(), MaskHistory()
    history.begin(masks("1100"))
    history.update(masks("1100"), masks("0110"))
    resumed.load_state_dict(history.state_dict())
    resumed.begin(masks("0110"))
    resumed.note(masks("0110"))
    assert resumed.result().steady == [0.5]
    assert resumed.result().explored == [0.75]
