"""Whether our runs agree with what was published."""

from goldpan.reports.report import Report
from goldpan.reports.results import Tally


def verify(report: Report) -> list[str]:
    """A sentence for each published cell that lies outside its band, or that cannot be judged."""
    if report.metric != report.table.metric:
        asked = f"published is {report.table.metric}, and ours is {report.metric}"
        return [f"cannot verify: {asked}"]
    if report.changed:
        return [f"cannot verify: {' '.join(report.changed)} is not the table's own setting"]
    judged = [t for t in report.results.tallies if t.published and t.published.verify]
    if not judged:
        return [f"cannot verify: table {report.table.name} has no published number to judge by"]
    sentences = (_judge(tally) for tally in judged)
    return [sentence for sentence in sentences if sentence]


def _judge(tally: Tally) -> str | None:
    where = ", ".join(f"{name}={value}" for name, value in tally.axes.items())
    if not tally.complete:
        return f"cannot verify {where}: {tally}"
    if tally.outside:
        return (
            f"outside {where}: {tally}, published {tally.published}, difference "
            f"{tally.difference:+.2f}, band ±{tally.band:.2f}"
        )
    return None
