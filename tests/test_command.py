"""The command goldpan: its subcommands, and the package that brings it."""

import json
import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from goldpan import command
from goldpan.choices import checkout, conf_folder

ROOT = Path(__file__).parents[1]
SHORT = ("model=lenet_300_100", "recipe.epochs=1", "logger=none", "strategy.threads=1")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What Hydra was started with, instead of starting it."""
    started = list[list[str]]()
    monkeypatch.setattr(command, "_run", lambda: started.append(sys.argv[1:]))
    return started


def type_in(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | None:
    monkeypatch.setattr(sys, "argv", ["goldpan", *words])
    return command.main()


def test_a_table_is_an_option_of_the_command(
    typed: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, "table", "digits", "seed=2", "--cfg", "job")
    type_in(monkeypatch, "method=snip", "-m")
    assert typed == [["--cfg", "job", "+table=digits", "seed=2"], ["-m", "method=snip"]]
    with pytest.raises(SystemExit, match="the name is missing"):
        type_in(monkeypatch, "table")
    with pytest.raises(SystemExit, match="did you mean digits"):
        type_in(monkeypatch, "table", "digts")


def test_reports_and_exports_are_subcommands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type_in(monkeypatch, "report", str(tmp_path)) == 1
    assert f"no record.json below {tmp_path}" in capsys.readouterr().err
    assert type_in(monkeypatch, "export", str(tmp_path)) == 1
    assert f"{tmp_path} has no record.json" in capsys.readouterr().err


def test_the_version_is_goldpans(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "--version")
    assert capsys.readouterr().out == f"goldpan {version('goldpan')}\n"


def test_a_checkout_uses_its_own_conf() -> None:
    assert checkout() == ROOT
    assert conf_folder() == ROOT / "conf"
    assert (ROOT / "src/goldpan/conf").resolve() == ROOT / "conf"  # for the wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder bin of an environment with goldpan's wheel and the libraries of this one."""
    pytest.importorskip("setuptools", minversion="77")
    place = tmp_path_factory.mktemp("package")
    tree, wheels = place / "tree", place / "wheels"
    tree.mkdir()
    for name in ("conf", "src"):
        shutil.copytree(
            ROOT / name,
            tree / name,
            symlinks=True,
            ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"),
        )
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(wheels)]
    subprocess.run([*pip, "wheel", str(tree), *build], check=True)
    venv.create(place / "venv", symlinks=True)
    (site,) = (place / "venv/lib").glob("*/site-packages")
    libraries = Path(pytest.__file__).parents[1]
    (site / "libraries.pth").write_text(f"{libraries}\n")  # its own .pth files do not count
    (wheel,) = wheels.glob("goldpan-*.whl")
    into = ["--python", str(place / "venv/bin/python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, *into, str(wheel)], check=True)
    return place / "venv/bin"


@pytest.mark.slow
def test_a_wheel_prunes_sweeps_reports_and_exports_in_an_empty_folder(
    installed: Path, tmp_path: Path
) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "GOLDPAN_DATA")}

    def goldpan(*words: str) -> str:
        done = subprocess.run(
            [str(installed / "goldpan"), *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    released = goldpan("--version").strip()
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{released.removeprefix("goldpan ")}"' in project
    assert "method: " in goldpan("--help")
    goldpan("method=snip", "sparsity=0.9", *SHORT)
    (folder,) = tmp_path.glob("outputs/digits-lenet_300_100-snip-*")
    origin = json.loads((folder / "record.json").read_text())["origin"]
    assert origin["commit"] == released
    sweep = goldpan("-m", "method=snip,magnitude", *SHORT, "launcher.slots=2")
    assert "2 cells: 1 skipped, 1 finished" in sweep
    page = tmp_path / goldpan("report", "outputs", "to=html").strip()
    assert released in page.read_text()
    goldpan("export", str(folder))
    assert {"model.onnx", "model.pt2"} <= {path.name for path in folder.iterdir()}
    asked = [str(installed / "python"), "-c", FINGERPRINT, str(folder / "record.json")]
    here = subprocess.run([sys.executable, *asked[1:]], capture_output=True, text=True, check=True)
    assert here.stdout.strip() == origin["fingerprint"]


FINGERPRINT = """
import sys
from pathlib import Path
from goldpan.runs.fingerprint import code_fingerprint
from goldpan.runs.record import read_record
print(code_fingerprint(read_record(Path(sys.argv[1])).identity.choices))
"""


@pytest.mark.slow
def test_a_wheel_needs_what_is_in_the_requirements(installed: Path) -> None:
    (metadata,) = (installed.parent / "lib").glob("*/site-packages/goldpan-*.dist-info/METADATA")
    lines = metadata.read_text().splitlines()
    needs = [line.removeprefix("Requires-Dist: ") for line in lines if "Requires-Dist" in line]
    found = {str(Requirement(need)) for need in needs if "extra ==" not in need}
    listed = (ROOT / "requirements.txt").read_text().splitlines()
    assert found == {str(Requirement(line)) for line in listed if not line.startswith("#")}
