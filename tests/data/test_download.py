import socket
import time
import urllib.error

import pytest

from dlguide.data.download import DownloadError, download
from tests.data.cifar_files import (
    Server,
    body,
    dripping,
    raw,
    sha256,
    silent,
    stalled,
    status,
)

DATA = bytes(range(256)) * 300


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        yield server


def test_a_good_file_arrives_whole_under_its_name_only(server, tmp_path):
    server.replies["/good"] = body(DATA)
    target = tmp_path / "new" / "folder" / "file"
    assert download(server.address("/good"), target, sha256(DATA)) == target
    assert target.read_bytes() == DATA
    assert list(target.parent.iterdir()) == [target]


def test_a_redirect_is_followed(server, tmp_path):
    server.replies["/old"] = status(302, Location="/good")
    server.replies["/good"] = body(DATA)
    download(server.address("/old"), tmp_path / "file", sha256(DATA))
    assert server.asked == ["/old", "/good"]


def test_a_server_that_names_no_length_is_read_to_its_end(server, tmp_path):
    server.replies["/"] = raw(b"HTTP/1.0 200 OK\r\n\r\n" + DATA)
    path = download(server.address("/"), tmp_path / "file", sha256(DATA))
    assert path.read_bytes() == DATA


def test_the_bytes_wait_beside_the_target_under_a_name_that_tells(
        server, tmp_path):
    seen = []

    def reply(request):
        seen.extend(path.name for path in tmp_path.iterdir())
        body(DATA)(request)

    server.replies["/"] = reply
    download(server.address("/"), tmp_path / "cifar.tgz", sha256(DATA))
    assert len(seen) == 1
    assert seen[0].startswith("cifar.tgz")
    assert seen[0].endswith(".part")


def test_the_limits_themselves_are_allowed(server, tmp_path):
    server.replies["/"] = body(DATA)
    path = download(server.address("/"), tmp_path / "f", sha256(DATA),
                    timeout=86400, deadline=86400, max_bytes=len(DATA))
    assert path.read_bytes() == DATA


def test_the_sha256_may_be_in_capitals(server, tmp_path):
    server.replies["/"] = body(DATA)
    path = download(server.address("/"), tmp_path / "f", sha256(DATA).upper())
    assert path.is_file()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BAD = {
    "silent server": (silent, "no answer for 0.3 s (the timeout)"),
    "stalls half way": (stalled, "no answer for 0.3 s (the timeout)"),
    "drips for ever": (dripping, "in 0.5 s (the deadline), of 100000"),
    "truncated": (body(DATA[:5000], len(DATA)),
                  f"broke off after 5000 of {len(DATA)} bytes"),
    "nothing of what was promised": (body(b"", 10), "after 0 of 10 bytes"),
    "longer than told": (body(DATA, 100), "has SHA-256"),
    "another file": (body(DATA + b"!"), f"expected {sha256(DATA)}"),
    "one bit flipped": (body(b"\x01" + DATA[1:]), "has SHA-256"),
    "empty": (body(b""), "has SHA-256"),
    "an error page": (body(b"<html>Sorry</html>"), "has SHA-256"),
    "too large": (body(DATA * 4), "sends more than 100000 bytes"),
    "not found": (status(404), "404"),
    "forbidden": (status(403), "403"),
    "server error": (status(500), "500"),
    "no content": (status(204), "has SHA-256"),
    "redirect to itself": (status(302, Location="/x"), "infinite loop"),
    "redirect to a file": (status(302, Location="file:///etc/passwd"), "302"),
    "redirect to nowhere": (status(302), "302"),
    "not HTTP": (raw(b"SSH-2.0-OpenSSH\r\n"), "BadStatusLine"),
    "hangs up": (raw(b""), "RemoteDisconnected"),
    "header without end": (raw(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000),
                           "LineTooLong"),
    "broken chunk": (raw(CHUNKED + b"zz\r\n"), "IncompleteRead"),
    "unfinished chunks": (raw(CHUNKED + b"5\r\nhello\r\n"), "IncompleteRead"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_failure_is_named_and_leaves_nothing_behind(name, server, tmp_path):
    server.replies["/x"], message = BAD[name]
    url, path = server.address("/x"), tmp_path / "cache" / "file"
    start = time.monotonic()
    with pytest.raises(DownloadError) as caught:
        download(url, path, sha256(DATA), timeout=0.3, deadline=0.5,
                 max_bytes=100_000)
    assert time.monotonic() - start < 5
    assert message in str(caught.value)
    assert url in str(caught.value)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["truncated", "another file", "not found",
                                  "silent server"])
def test_a_failure_leaves_the_older_file_as_it_was(name, server, tmp_path):
    server.replies["/x"], _ = BAD[name]
    path = tmp_path / "file"
    path.write_bytes(b"older")
    with pytest.raises(DownloadError):
        download(server.address("/x"), path, sha256(DATA), timeout=0.3)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_download_leaves_nothing_behind(
        server, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    server.replies["/x"] = body(DATA)
    monkeypatch.setattr("dlguide.data.download.time.monotonic", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download(server.address("/x"), tmp_path / "file", sha256(DATA))
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_take_the_call_is_a_timeout(
        tmp_path, monkeypatch):
    def unreachable(url, timeout):
        raise urllib.error.URLError(TimeoutError("timed out"))

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(DownloadError, match=r"no answer for 7 s \(the timeout"):
        download("http://host/", tmp_path / "f", sha256(b""), timeout=7)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_port_where_nobody_listens_is_an_error(
        scheme, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DownloadError, match="refused"):
        download(f"{scheme}://127.0.0.1:{port}/", tmp_path / "f", sha256(b""))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_an_error(server, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DownloadError, match="cache"):
        download(server.address("/"), tmp_path / "cache" / "f", sha256(b""))
    assert server.asked == []


def test_a_target_that_is_a_folder_is_an_error(server, tmp_path):
    server.replies["/"] = body(DATA)
    (tmp_path / "f").mkdir()
    with pytest.raises(DownloadError, match="IsADirectoryError"):
        download(server.address("/"), tmp_path / "f", sha256(DATA))
    assert list(tmp_path.iterdir()) == [tmp_path / "f"]


@pytest.mark.parametrize("url", [
    "ftp://host/file", "file:///etc/passwd", "/etc/passwd", "", "data:,x",
    "javascript:1", "https", "www.example.org/file",
])
def test_only_http_addresses_are_accepted(url, tmp_path):
    with pytest.raises(ValueError, match="must be http:// or https://"):
        download(url, tmp_path / "f", sha256(b""))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://", "http:///x", "http://a b/",
                                 "http://host:port/"])
def test_a_broken_address_is_an_error(url, tmp_path):
    with pytest.raises((ValueError, DownloadError)):
        download(url, tmp_path / "f", sha256(b""))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["timeout", "deadline"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), None,
                                   "30", 1e9])
def test_an_impossible_time_is_refused(name, value, tmp_path):
    with pytest.raises(ValueError, match=f"{name} must be above 0"):
        download("http://127.0.0.1/", tmp_path / "f", "", **{name: value})
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_shows_its_progress(
        server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("dlguide.data.download.STEP", 1 << 20)
    data = bytes(3 << 20)
    server.replies["/"] = body(data)
    download(server.address("/"), tmp_path / "f", sha256(data))
    assert capsys.readouterr().out.splitlines() == [
        "1 of 3 MiB", "2 of 3 MiB", "3 of 3 MiB"]


def test_progress_without_a_length_shows_no_total(
        server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("dlguide.data.download.STEP", 1 << 20)
    data = bytes(1 << 20)
    server.replies["/"] = raw(b"HTTP/1.0 200 OK\r\n\r\n" + data)
    download(server.address("/"), tmp_path / "f", sha256(data))
    assert capsys.readouterr().out == "1 of ? MiB\n"
