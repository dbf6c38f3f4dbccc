"""What requirements.txt must not let pip install."""

from pathlib import Path

from packaging.requirements import Requirement

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"


def test_the_stolen_versions_of_lightning_are_excluded() -> None:
    lines = REQUIREMENTS.read_text().splitlines()
    (lightning,) = [Requirement(line) for line in lines if line.startswith("pytorch-lightning")]
    allowed = [*lightning.specifier.filter(["2.6.1", "2.6.2", "2.6.3", "2.6.4"])]
    assert allowed == ["2.6.1", "2.6.4"]
