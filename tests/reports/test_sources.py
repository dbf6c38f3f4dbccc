"""Where the numbers of a report come from."""

from dataclasses import replace
from typing import Any

from goldpan.reports.sources import evidence, images, whole_networks
from goldpan.runs.results import Accuracy, ChannelResult, Sparsity

SPARSITY = Sparsity(0.5, 0.5, 0.5, 0.5, {})


def test_the_evidence_counts_the_runs_and_says_what_made_them(made_up: Any) -> None:
    made_up.finish()
    assert evidence(made_up.results.records) == (
        "4 runs, seeds 0, 1; 1294 training images, 359 test; a processor; torch 2.15.0; commit abc"
    )


def test_runs_of_an_installed_version_say_it_instead_of_a_commit(made_up: Any) -> None:
    made_up.finish()
    record = made_up.results.records[0]
    installed = replace(record, origin=replace(record.origin, commit="goldpan 0.2.0"))
    assert evidence([installed]).endswith("; torch 2.15.0; goldpan 0.2.0")


def test_images_from_files_are_said_to_be_so(made_up: Any) -> None:
    made_up.finish()
    record = made_up.results.records[0]
    assert images(record) == "digits, 1294 training images"
    choices = {"dataset": {"root": "data/cifar10-jpeg.tar.xz"}}
    files = replace(
        record,
        identity=replace(record.identity, choices=choices),
        origin=replace(record.origin, data={"name": "image_folder", "train": 9}),
    )
    assert images(files) == (
        "image_folder, 9 training images from the files in cifar10-jpeg.tar.xz: JPEG files are not "
        "the original images"
    )


def test_whole_networks_are_counted_once_a_seed_and_panel(made_up: Any) -> None:
    runs = ("snip-0.9-0", "snip-0.99-0")  # share one training
    channels = ChannelResult(SPARSITY, 1, 1, trained=Accuracy(9, 95.0), pruned=Accuracy(0, 9.0))
    made_up.write(dict.fromkeys(runs, 90.0), weights=None, channels=channels)
    panels = made_up.results.panels
    lead = "ours before channels were removed, last epoch:"
    assert whole_networks(panels, "method") == [f"{lead} snip 95.00 (n=1)"]
    two = [replace(panels[0], title="a"), replace(panels[0], title="b")]
    assert whole_networks(two, "method") == [f"{lead} a, snip 95.00 (n=1), b, snip 95.00 (n=1)"]
