import torch
from torch import nn

from goldpan.channels.choosing import prunable_groups
from goldpan.channels.magnitudes import filter_magnitudes
from goldpan.models.resnet import resnet20


def test_a_channel_scores_by_the_norm_of_its_filter_over_the_root_of_its_size(
    net: nn.Module,
) -> None:
    scores = filter_magnitudes(net, prunable_groups(net, (3, 8, 8)))
    weight = net[3].weight  # type: ignore[index]
    expected = torch.stack([part.norm() / (6 * 9) ** 0.5 for part in weight])
    torch.testing.assert_close(scores["4"], expected)


def test_layers_of_one_distribution_score_alike_whatever_their_size() -> None:
    net = resnet20()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight)
    scores = filter_magnitudes(net, prunable_groups(net, (3, 32, 32)))
    means = torch.stack([score.mean() for score in scores.values()])
    torch.testing.assert_close(means, torch.ones_like(means), rtol=0.05, atol=0)
