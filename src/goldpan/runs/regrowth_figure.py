"""A figure of a dynamic sparse training: densities of layers, and what became of weights."""

from pathlib import Path

from goldpan.pictures import figure
from goldpan.runs.record import Record


def draw_regrowth(record: Record, folder: Path) -> list[Path]:
    """Draw regrowth.png if masks moved in the training; return its path in a list."""
    moved = record.weights.regrowth if record.weights else None
    if moved is None or not moved.densities:
        return []
    path, epochs = folder / "regrowth.png", range(1, len(moved.explored) + 1)
    with figure(path, 1, 2, (11, 4)) as ((layers, weights),):
        rows = [*moved.densities.values()]
        extent = (0.5, len(epochs) + 0.5, len(rows) - 0.5, -0.5)
        image = layers.imshow(
            [[max(value, 1e-4) for value in row] for row in rows],
            norm="log", aspect="auto", cmap="viridis", extent=extent, interpolation="nearest",
        )  # fmt: skip
        layers.figure.colorbar(image, ax=layers, label="density")
        layers.set_yticks(range(len(rows)), moved.densities, fontsize="xx-small")
        layers.set(xlabel="epoch", title=f"{record.identity.method}: density of each layer")
        for name, values in (
            ("of all weights, kept at some time", moved.explored),
            ("of those kept, kept from the first on", moved.steady),
            ("of those kept, cut once and grown again", moved.returned),
        ):
            weights.plot(epochs, [100 * value for value in values], label=name)
        weights.set(xlabel="epoch", ylabel="weights (%)", ylim=(0, 100))
        weights.set_title(f"{moved.updates} updates")
        weights.legend(fontsize="x-small")
    return [path]
