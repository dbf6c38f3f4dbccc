"""Writes docs/options.md from the options of goldpan: python docs/make_options.py."""

from pathlib import Path

from goldpan.runs.options import OPTIONS

PAGE = Path(__file__).parent / "options.md"

HEAD = """# Options

Every value that a command may set, what it may be, and what it means. A command with another name
or value is refused in one sentence before any work. Names with (function) belong to one option of a
group. Made by `python docs/make_options.py` from src/goldpan/runs/options.py: edit that.
"""


def page() -> str:
    """The page: a table for each group, and one for the options that are in none."""
    roots = [name.partition(".")[0] for name in OPTIONS]
    groups = dict.fromkeys(root for root in roots if roots.count(root) > 1)
    single = [name for name in OPTIONS if name not in groups and "." not in name]
    tables = {"a run": single} | {
        group: [name for name in OPTIONS if name.partition(".")[0] == group] for group in groups
    }
    return HEAD + "".join(f"\n## {title}\n\n{_table(names)}" for title, names in tables.items())


def _table(names: list[str]) -> str:
    lines = ["| option | is | meaning |", "| --- | --- | --- |"]
    for dotted in names:
        name, _, function = dotted.partition("@")
        shown = f"`{name}` ({function})" if function else f"`{name}`"
        lines.append(f"| {shown} | {OPTIONS[dotted].kind.words} | {OPTIONS[dotted].meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
