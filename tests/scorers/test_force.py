import torch

from goldpan.layers.masked import MaskedLinear
from goldpan.masks import Masks, set_masks
from goldpan.scorers.force import force


def test_a_cut_weight_scores_by_its_dense_value_at_the_masked_network() -> None:
    """L = (w . x - y)^2 / 2, w0 = (1, -2), x = (3, 1), y = 5, the second cut: g = x (3 - 5)."""
    layer = MaskedLinear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0]])
    set_masks(layer, Masks({"weight": torch.tensor([[True, False]])}))

    def square(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((logits[:, 0] - y) ** 2).mean() / 2

    scores = force(layer, [(torch.tensor([[3.0, 1.0]]), torch.tensor([5]))], square)
    assert scores["weight"].tolist() == [[1 * 3 * 2.0, 2 * 1 * 2.0]]
