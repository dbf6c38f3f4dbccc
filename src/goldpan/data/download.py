"""Fetch a file from the first mirror that has it: checked, resumed, and by one process only."""

import hashlib
import sys
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from filelock import FileLock
from rich.progress import Progress

TIMEOUT = 30.0  # seconds without a byte, and until an answer begins
WINDOW, SLOWEST = 60.0, 1000  # in so many seconds, so many bytes a second at least
LARGEST = 2**30  # bytes; the largest file that a dataset is fetched from has a quarter of it
CHUNK = 1 << 20  # bytes
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416  # HTTP status codes, RFC 9110


def download(urls: Sequence[str], destination: Path, checksum: str) -> Path:
    """Make `destination` the file of that checksum, "md5:..." or "sha256:...".

    A file that is there and has the checksum is kept. Bytes arrive in `<destination>.part`, and an
    interrupted download goes on from there, at the next mirror or in the next run.

    Raises FileNotFoundError when no mirror gave the file, which says what to put where, and
    ValueError when the file is there but has another checksum.
    """
    destination = destination.absolute()
    destination.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{destination}.lock"):
        if destination.exists():
            if not matches(destination, checksum):
                raise ValueError(
                    f"expected {destination} to have {checksum}, got another file of "
                    f"{destination.stat().st_size} bytes; delete it and run again"
                )
            return destination
        failures = []
        for url in urls:
            failure = _try_mirror(url, destination, checksum)
            if failure is None:
                return destination
            failures.append(f"  {url}: {failure}")
    raise FileNotFoundError(
        f"expected to download {destination.name}, got no whole copy from any mirror; put the "
        f"file with {checksum} at {destination} yourself, or add a mirror to "
        "dataset.mirrors=[...]\n" + "\n".join(failures or ["  no mirror is known"])
    )


def matches(path: Path, checksum: str) -> bool:
    """Say whether the file's digest is `checksum`, written "algorithm:hexadecimal digits"."""
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == expected


def _try_mirror(url: str, destination: Path, checksum: str) -> str | None:
    """Fetch from one mirror; None when the file is in place, else what went wrong.

    A resumed file with a wrong checksum is fetched once more from its first byte.
    """
    part = destination.with_name(destination.name + ".part")
    resumed = True
    while resumed:
        try:
            resumed = _fetch(url, part)
        except (OSError, HTTPException, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        if matches(part, checksum):
            part.replace(destination)
            return None
        part.unlink()
    return f"the file it sent does not have {checksum}"


def _fetch(url: str, part: Path) -> bool:
    """Append what is missing to `part`; True if there was a beginning already.

    Raises OSError when the connection ends early or is too slow; `part` then keeps what has come.
    """
    done = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"User-Agent": "goldpan"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        response = _open(request)
    except HTTPError as error:
        error.close()
        if done and error.code == RANGE_NOT_SATISFIABLE:
            return True  # nothing is missing: the checksum decides
        raise
    with response:
        if response.status != PARTIAL_CONTENT:
            done = 0
        length = int(response.headers.get("Content-Length") or 0)
        received = _copy(response, part, done, length)
    if received < length:
        raise OSError(f"the connection ended after {done + received} of {done + length} bytes")
    return done > 0


def _open(request: Request) -> Any:
    """Return the response of a mirror, or raise its error, once all its headers are there."""
    # The timeout of urlopen begins anew with each byte of a header, so a thread waits for it.
    answers = Queue[Any]()

    def ask() -> None:
        try:
            answers.put(urlopen(request, timeout=TIMEOUT))
        except Exception as error:
            answers.put(error)

    Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=2 * TIMEOUT)
    except Empty:
        raise TimeoutError(f"no whole answer in {2 * TIMEOUT:g} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _copy(response: Any, part: Path, done: int, length: int) -> int:
    """Write the response's bytes behind the first `done` of `part`; the number of bytes written.

    Raises:
        OSError: if there are too many, or too few in `WINDOW` seconds.
    """
    received, window, ends = 0, 0, monotonic() + WINDOW
    with (
        Progress(disable=not sys.stdout.isatty()) as progress,
        part.open("ab" if done else "wb") as file,
    ):
        bar = progress.add_task(part.stem, total=done + length or None, completed=done)
        while chunk := response.read1(CHUNK):  # `read` would wait until CHUNK bytes are there
            received += file.write(chunk)
            window += len(chunk)
            if done + max(received, length) > LARGEST:
                part.unlink()
                raise OSError(f"it sends more than {LARGEST} bytes")
            if monotonic() > ends:
                if window < SLOWEST * WINDOW:
                    raise TimeoutError(f"it sent {window} bytes in {WINDOW:g} seconds")
                window, ends = 0, monotonic() + WINDOW
            progress.update(bar, completed=done + received)
    return received
