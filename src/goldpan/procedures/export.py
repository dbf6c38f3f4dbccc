"""The command `goldpan export`: a finished run's network, plain, for programs without goldpan.

The network is built from the choices in the run's record, so they need not be typed again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from goldpan.channels.export import export_onnx, export_program
from goldpan.procedures.finished import load_finished
from goldpan.runs.experiment import make_folder
from goldpan.runs.record import RECORD, WEIGHTS
from goldpan.runs.refusal import Refusal, refusing
from goldpan.runs.sentences import sentence

HELP = """goldpan export RUN [output=FOLDER]   the network of the run in the folder RUN

It writes model.onnx (input images, output logits) and model.pt2 (torch.export), for batches of any
size, in RUN or in the output folder. RUN has a record.json, its model.pt and architecture.json.
Cut weights are zeros in them, removed channels are gone. Both files are run beside the network on
random images first: their logits must be its own."""

OUTPUT = "output="


def main(words: Sequence[str]) -> int:
    """Export the run that the words name, and print where the files lie; the exit code."""
    if not words or {"-h", "--help"} & {*words}:
        print(HELP)
        return 0 if words else 1
    try:
        with refusing():
            differences = export(*read_words(words))
    except Refusal as error:
        print(sentence(error), file=sys.stderr)
        return 1
    for path, difference in differences.items():
        print(f"{path}: logits differ from the run's network by at most {difference:.1g}")
    return 0


def read_words(words: Sequence[str]) -> tuple[Path, Path]:
    """The run's folder and the folder to write to, which is the same unless output= says so.

    Raises:
        ValueError: if there are other words.
    """
    given = [word.removeprefix(OUTPUT) for word in words if word.startswith(OUTPUT)]
    runs = [word for word in words if not word.startswith(OUTPUT)]
    if len(runs) != 1 or runs[0].startswith("-") or len(given) > 1 or "" in given:
        raise ValueError(
            "expected goldpan export RUN, and output=FOLDER if it is to lie elsewhere; all else is "
            f"in the run's record; got {' '.join(words)}"
        )
    return Path(runs[0]), Path((given or runs)[0])


def export(run: Path, output: Path) -> dict[Path, float]:
    """Write model.onnx and model.pt2 of a run's network; each file's largest difference of logits.

    Raises:
        FileNotFoundError: if the folder has no record or no weights.
        ValueError: if they do not belong together, or a file's logits are not the network's.
        ModuleNotFoundError: if ONNX is not installed.
    """
    for name in (RECORD, WEIGHTS):
        if not (run / name).is_file():
            raise FileNotFoundError(
                f"expected the folder of a finished run, such as outputs/RUN; {run} has no {name}"
            )
    net, images = load_finished(run)
    make_folder(output)
    onnx, program = output / "model.onnx", output / "model.pt2"
    return {
        onnx: export_onnx(net, onnx, images.image_shape),
        program: export_program(net, program, images.image_shape),
    }
