"""A figure of how often neurons fire on test images and on scrambled ones, and in which layer."""

from pathlib import Path
from textwrap import fill

from goldpan.pictures import STYLES, figure
from goldpan.runs.record import Record


def draw_firing(record: Record, folder: Path) -> list[Path]:
    """Draw firing.png if the firing was measured; return its path in a list."""
    if record.firing is None or not record.firing.real:
        return []
    firing, path = record.firing, folder / "firing.png"
    with figure(path, 1, 2, (10, 4)) as ((neurons, layers),):
        for number, (name, real) in enumerate(firing.real.items()):
            colour, marker = STYLES[number % len(STYLES)]
            scrambled = firing.scrambled[name]
            neurons.scatter(scrambled, real, s=8, c=colour, marker=marker, label=name, alpha=0.6)
        neurons.plot((0, 1), (0, 1), "k:", linewidth=1)
        neurons.set(xlabel="fires on scrambled images", ylabel="fires on test images")
        neurons.set_title("AND-like above the line, OR-like below", fontsize="small")
        if len(firing.real) <= 10:
            neurons.legend(fontsize="x-small")
        shares = firing.and_like()
        layers.bar(range(len(shares)), [100 * share for share in shares.values()], color="#009E73")
        layers.set_xticks(range(len(shares)), shares, rotation=60, ha="right", fontsize="x-small")
        layers.set(xlabel="read by layer", ylabel="AND-like neurons (%)", ylim=(0, 100))
        who = record.identity
        layers.set_title(fill(f"{who.method}, {who.setting}", 60), fontsize="small")
    return [path]
