"""What speaks against trusting a report's runs: other code, other images, code not committed."""

from collections import Counter
from collections.abc import Mapping, Sequence

from goldpan.reports.recorded import own_commit, recorded
from goldpan.runs.fingerprint import changed, code_names
from goldpan.runs.provenance import commit, is_release
from goldpan.runs.record import Record

REPEAT = "rerun=stale repeats them, verify=recorded judges by the code that made them"


def doubts(records: Sequence[Record], today: Mapping[str, str]) -> list[str]:
    """One line each on stale runs, on a method's runs of several codes, and on "-dirty" commits.

    `today` has the fingerprints of now by the runs' ids. A run of before fingerprints is in none.
    One that was made while files were not committed is vouched for if they are today, by the
    fingerprint: the committed code is the one that made it.
    """
    parts = ((r, changed(r.origin.fingerprint, today.get(r.identity.id, ""))) for r in records)
    stale = Counter(f"{record.identity.method} ({part})" for record, part in parts if part)
    dirty = [record for record in records if record.origin.commit.endswith("-dirty")]
    here = commit() if dirty else ""  # git is asked only where it matters
    if dirty and not here.endswith("-dirty") and not is_release(here):
        dirty = [r for r in dirty if r.origin.fingerprint != today.get(r.identity.id)]
    lines = []
    if stale:
        listed = ", ".join(f"{count} of {name}" for name, count in stale.items())
        lines.append(f"stale, what decides them changed since: {listed}; {REPEAT}")
    lines += _mixed(records)
    if dirty:
        count = f"{len(dirty)} of {len(records)} runs"
        lines.append(f"-dirty, made while files were not committed: {count}")
    return lines


def doubts_of_then(records: Sequence[Record]) -> list[str]:
    """Likewise, by the code of each run's own commit instead of today's; see `recorded`.

    Whether files were committed does not matter here: the fingerprint says whether they were these.
    """
    then = recorded(records)
    lost = Counter(own_commit(r) for r in records if r.identity.id not in then)
    digits = ((r, then.get(r.identity.id, "")) for r in records)
    other = Counter(own_commit(r) for r, by in digits if changed(r.origin.fingerprint, by))
    lines = [f"{count} runs of {name}, a commit that is not here" for name, count in lost.items()]
    lines += [
        f"{count} runs of {name} were made by other code than that commit has"
        for name, count in other.items()
    ]
    return lines + _mixed(records)


def unknown(records: Sequence[Record]) -> list[str]:
    """A line on the runs that were made before there were fingerprints, if there are any."""
    count = sum(not record.origin.fingerprint for record in records)
    return [f"{count} runs of before fingerprints: what code made them is unknown"] if count else []


def _mixed(records: Sequence[Record]) -> list[str]:
    """A line on the methods that have several fingerprints where their choices name one code."""
    first, mixed = dict[object, str](), dict[str, None]()
    for record in records:
        who, by = record.identity, record.origin.fingerprint
        place = who.setting, who.method, frozenset(code_names(who.choices))
        if changed(first.setdefault(place, by), by):
            mixed[who.method] = None
    listed = ", ".join(mixed)
    line = f"mixed, runs of several codes or images stand together: {listed}"
    return [line] if mixed else []
