"""Tiny ImageNet's own layout of files: 200 classes of 64x64 pixels, Stanford CS231n.

Its `test` images have no labels, so `val` is the test split.
"""

from pathlib import Path

from goldpan.data.folders import Layout, read_members

FOLDER = "tiny-imagenet-200"


def arrange(source: Path, names: list[str]) -> Layout:
    """Find the members of both splits among `names`; raise ValueError if they are not all there."""
    images = {name: name.split("/") for name in names if name.endswith(".JPEG")}
    train = {name: parts[-3] for name, parts in images.items() if "train" in parts[:-3]}
    annotations = next((name for name in names if name.endswith("val/val_annotations.txt")), None)
    if annotations is None or not train:
        raise ValueError(
            f"expected train/ and val/val_annotations.txt of Tiny ImageNet in {source}, got "
            f"{len(names)} other files; delete it and run again"
        )
    [(_, content)] = read_members(source, {annotations})
    rows = [line.split("\t")[:2] for line in content.decode().splitlines()]
    folder = annotations.removesuffix("val_annotations.txt") + "images/"
    class_names = tuple(sorted(set(train.values())))
    labels = {class_name: label for label, class_name in enumerate(class_names)}
    test = {folder + file: labels[class_name] for file, class_name in rows}
    missing = next((name for name in test if name not in images), None)
    if missing is not None:
        raise ValueError(f"expected {missing} in {source}, got no such file; get the zip again")
    return Layout({name: labels[wnid] for name, wnid in train.items()}, test, class_names)
