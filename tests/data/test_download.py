"""Downloads from a real server on the loopback interface, which knows HTTP ranges."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from goldpan.data import download as module
from goldpan.data.download import download

CONTENT = bytes(range(256)) * 40
CHECKSUM = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; notes the Range header of each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/good": CONTENT, "/bad": CONTENT[::-1]}
        self.requests: list[tuple[str, str | None]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.server.requests.append((self.path, wanted))
        content = self.server.files.get(self.path.split("-")[0])
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if start >= len(content):
            self.send_error(416)
            return
        if self.path.endswith("-late"):
            self.drip(b"HTTP/1.0 200 OK")
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.path.endswith("-slow"):
            self.drip(content[start:])
        end = 5000 if self.path.endswith("-cut") else len(content)
        self.wfile.write(content[start:end])

    def drip(self, content: bytes) -> None:
        """Send a byte every hundredth of a second until nobody listens."""
        for byte in content:
            self.wfile.write(bytes([byte]))
            time.sleep(0.01)

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Get = Callable[..., Path]


@pytest.fixture
def get(server: Server, tmp_path: Path) -> Get:
    def get(*names: str) -> Path:
        return download([server.url(name) for name in names], tmp_path / "in" / "file", CHECKSUM)

    return get


def test_a_file_is_fetched_once(get: Get, server: Server) -> None:
    assert get("good").read_bytes() == CONTENT
    get("good")
    assert server.requests == [("/good", None)]


def test_a_partial_file_is_resumed(get: Get, server: Server, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file.part").write_bytes(CONTENT[:1000])
    assert get("good").read_bytes() == CONTENT
    assert server.requests == [("/good", "bytes=1000-")]


def test_a_partial_file_of_something_else_is_fetched_afresh(
    get: Get, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file.part").write_bytes(b"x" * 1000)
    assert get("good").read_bytes() == CONTENT
    assert server.requests == [("/good", "bytes=1000-"), ("/good", None)]


@pytest.mark.parametrize("part", [CONTENT, CONTENT + b"more"])
def test_a_partial_file_that_is_long_enough_already(get: Get, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file.part").write_bytes(part)
    assert get("good").read_bytes() == CONTENT


def test_a_wrong_checksum_sends_it_to_the_next_mirror(get: Get, server: Server) -> None:
    assert get("bad", "good").read_bytes() == CONTENT
    assert server.requests == [("/bad", None), ("/good", None)]


def test_a_cut_connection_goes_on_at_the_next_mirror(get: Get, server: Server) -> None:
    assert get("good-cut", "good").read_bytes() == CONTENT
    assert server.requests == [("/good-cut", None), ("/good", "bytes=5000-")]


def test_when_all_fail_the_message_says_what_to_put_where(
    get: Get, server: Server, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        get("missing", "bad", "good-cut")
    message = str(caught.value)
    assert f"put the file with {CHECKSUM} at {tmp_path / 'in' / 'file'}" in message
    assert f"{server.url('missing')}: HTTPError: HTTP Error 404" in message
    assert f"{server.url('bad')}: the file it sent does not have {CHECKSUM}" in message
    assert "the connection ended after 5000 of 10240 bytes" in message


def test_another_file_in_the_place_is_an_error(get: Get, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"abc")
    with pytest.raises(ValueError, match="got another file of 3 bytes; delete it"):
        get("good")


def test_a_mirror_that_drips_is_left_and_the_next_goes_on(
    get: Get, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", 0.1)
    assert get("good-slow", "good").read_bytes() == CONTENT
    (_, _), (_, wanted) = server.requests
    assert wanted is not None
    assert 1 <= int(wanted.removeprefix("bytes=").removesuffix("-")) < 50


def test_a_mirror_that_drips_its_headers_is_left(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    with pytest.raises(FileNotFoundError, match=r"TimeoutError: no whole answer in 0.1 seconds"):
        get("good-late")


def test_a_mirror_that_sends_too_much_is_left(
    get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(FileNotFoundError, match=r"OSError: it sends more than 1000 bytes"):
        get("good")
    assert not list((tmp_path / "in").glob("*.part"))
