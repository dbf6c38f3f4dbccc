"""Figures for screen and print: one set-up, colours told apart by most eyes, a marker each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from goldpan.files import replacing

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, told apart by colour-blind readers."""

MARKERS = "os^DvPX"

STYLES = tuple((COLOURS[n % 7], MARKERS[(n + n // 7) % 7]) for n in range(49))
"""A colour and a marker, for print without colours; no two alike."""

RULES: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,  # letters stay letters, as publishers ask
}
"""Readable where a panel of 3.4 inches fills a column of a paper."""


def sign(content: object, code: str) -> str:
    """A hash of what is drawn, by its repr, and of the code that draws it, a file beside this."""
    drawing = Path(code).read_bytes() + Path(__file__).read_bytes()
    return sha256(repr(content).encode() + drawing).hexdigest()


def is_signed(path: Path, signature: str) -> bool:
    """Whether a picture is there that was drawn with this signature."""
    return path.exists() and signature.encode() in path.read_bytes()


@contextmanager
def figure(
    path: Path,
    rows: int,
    columns: int,
    size: tuple[float, float],
    *,
    also: Sequence[str] = (),
    rules: dict[str, Any] | None = None,
    dpi: int = 160,
    signature: str = "",
) -> Iterator[Any]:
    """Axes, (rows, columns), to draw on; the figure is saved at the end.

    Args:
        size: width and height in inches.
        also: suffixes of further files beside `path`, such as ".pdf".
        rules: matplotlib's settings, such as RULES; its own if None.
        signature: what the files say of themselves, by `sign`.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    with pyplot.rc_context(rules or {}):
        shown, axes = pyplot.subplots(
            rows, columns, figsize=size, layout="constrained", squeeze=False
        )
        try:
            yield axes
            for file in (path, *map(path.with_suffix, also)):
                with replacing(file) as temporary:
                    shown.savefig(temporary, dpi=dpi, metadata={"Keywords": signature})
        finally:
            pyplot.close(shown)
