"""Where the archive comes from: Keras's cache, a mirror, a path, or shapes."""

import hashlib
import inspect
import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from keras.src.datasets import cifar10 as keras_cifar10
from keras.src.utils.file_utils import get_file

from dlguide.data import archive
from dlguide.data import cifar10 as module
from dlguide.data.archive import ArchiveError
from dlguide.data.cifar10 import CLASS_NAMES, cifar10
from dlguide.data.download import DownloadError
from dlguide.data.shapes import shapes
from tests.data.cifar_files import (
    N,
    Server,
    batches,
    binary_members,
    body,
    python_members,
    sha256,
    silent,
    stalled,
    status,
    tar_gz,
)

CONTENT = batches()
PYTHON = tar_gz(python_members(CONTENT))
BINARY = tar_gz(binary_members(CONTENT))
CACHED = "datasets/cifar-10-batches-py-target_archive"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Small batches, and a Keras cache of the test's own."""
    monkeypatch.setattr(archive, "PER_BATCH", N)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "keras"


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def official(server, monkeypatch):
    """The server stands for the official one, the miniature for its file."""
    monkeypatch.setattr(module, "URL", server.address("/cifar"))
    monkeypatch.setattr(module, "PYTHON_SHA256", sha256(PYTHON))
    server.replies["/cifar"] = body(PYTHON)
    return server


def same(a, b):
    return all(np.array_equal(u, v)
               for p, q in zip(a, b, strict=True)
               for u, v in zip(p, q, strict=True))


# oracle: Keras


def test_address_and_checksum_are_those_of_keras(monkeypatch):
    """What keras.datasets asks get_file for, without asking the network."""
    asked = {}

    def note(**arguments):
        asked.update(arguments)
        raise InterruptedError

    monkeypatch.setattr(keras_cifar10, "get_file", note)
    with pytest.raises(InterruptedError):
        keras_cifar10.load_data()
    assert asked["origin"] == module.URL
    assert asked["file_hash"] == module.PYTHON_SHA256
    assert f"datasets/{asked['fname']}_archive" == CACHED


def test_class_names_are_those_keras_documents():
    rows = inspect.getdoc(keras_cifar10.load_data)
    for label, name in enumerate(CLASS_NAMES):
        assert f"|   {label}   | {name}" in rows


def test_a_file_that_keras_downloaded_is_found(official, home):
    get_file(fname="cifar-10-batches-py-target", origin=module.URL,
             extract=True, file_hash=sha256(PYTHON), cache_dir=make(home))
    assert official.asked == ["/cifar"]
    (_, _), (x_test, _) = cifar10()
    assert x_test.shape == (N, 32, 32, 3)
    assert official.asked == ["/cifar"]


def test_a_file_that_cifar10_downloaded_is_found_by_keras(official, home):
    cifar10()
    folder = get_file(
        fname="cifar-10-batches-py-target", origin=module.URL, extract=True,
        file_hash=sha256(PYTHON), cache_dir=str(home))
    assert official.asked == ["/cifar"]
    assert os.listdir(folder) == ["cifar-10-batches-py"]


def make(path):
    path.mkdir()
    return str(path)


# the sources


@pytest.mark.parametrize("data", [PYTHON, BINARY])
@pytest.mark.parametrize("as_type", [str, lambda path: path])
def test_a_local_archive_is_read(data, as_type, tmp_path, capsys):
    path = tmp_path / "any name.tgz"
    path.write_bytes(data)
    found = cifar10(as_type(path), sha256=sha256(data))
    assert same(found, archive.read_archive(io.BytesIO(data)))
    assert [a.shape[0] for part in found for a in part] == [5 * N] * 2 + [N] * 2
    assert sorted(tmp_path.iterdir()) == [path]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("name", "data"), [
    ("PYTHON_SHA256", PYTHON), ("BINARY_SHA256", BINARY)])
def test_both_official_archives_need_no_sha256(
        name, data, tmp_path, monkeypatch):
    monkeypatch.setattr(module, name, sha256(data))
    (tmp_path / "cifar.tar.gz").write_bytes(data)
    (_, _), (x_test, _) = cifar10(tmp_path / "cifar.tar.gz")
    assert len(x_test) == N


def test_keras_downloads_once_and_says_so(official, home, capsys):
    first = cifar10("keras")
    out = capsys.readouterr().out
    assert out == f"downloading {module.URL} to {home / CACHED}\n"
    assert same(cifar10("keras"), first)
    assert official.asked == ["/cifar"]
    assert capsys.readouterr().out == ""
    assert os.listdir(home / "datasets") == [(home / CACHED).name]


def test_a_mirror_fills_the_same_cache(official, home):
    official.replies["/mirror"] = body(PYTHON)
    cifar10(official.address("/mirror"))
    cifar10("keras")
    assert official.asked == ["/mirror"]


def test_a_damaged_cache_is_announced_and_replaced(official, home, capsys):
    cifar10()
    (home / CACHED).write_bytes(PYTHON[:1000])
    assert len(cifar10()[1][0]) == N
    assert (home / CACHED).read_bytes() == PYTHON
    assert "has another SHA-256 than expected" in capsys.readouterr().out


def test_without_keras_home_the_cache_is_in_the_home_folder(
        official, tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    cifar10()
    assert (tmp_path / ".keras" / CACHED).is_file()


def test_shapes_come_by_name_only(official):
    assert same(cifar10("shapes"), shapes())
    assert official.asked == []


def test_a_file_named_like_a_source_needs_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shapes").write_bytes(PYTHON)
    assert len(cifar10("./shapes", sha256=sha256(PYTHON))[1][0]) == N
    assert len(cifar10("shapes")[1][0]) == 2000


def test_loading_data_does_not_wait_for_keras_to_start():
    code = "import sys, dlguide.data.cifar10; print('keras' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True,
                         text=True, check=True, timeout=60).stdout
    assert out == "False\n"


# error


@pytest.mark.parametrize("reply", [
    silent, stalled, status(404), status(500), body(PYTHON[:999], len(PYTHON)),
    body(b"<html>moved</html>"), body(BINARY)])
def test_a_failed_download_names_address_and_ways_out(reply, official, home):
    official.replies["/cifar"] = reply
    with pytest.raises(DownloadError) as caught:
        cifar10("keras", timeout=0.3)
    message = str(caught.value)
    assert module.URL in message
    for way in ("cifar10(\"path/to/", "mirror", 'cifar10("shapes")'):
        assert way in message
    assert os.listdir(home / "datasets") == []


@pytest.mark.parametrize("reply", [silent, stalled])
def test_a_timeout_names_its_seconds(reply, official):
    official.replies["/cifar"] = reply
    with pytest.raises(DownloadError, match=r"no answer for 0.2 s"):
        cifar10(timeout=0.2)


def test_a_failure_does_not_end_in_the_stand_in(official, tmp_path):
    official.replies["/cifar"] = status(503)
    for source in ("keras", official.address("/cifar"), tmp_path / "none"):
        with pytest.raises((OSError, ValueError)):
            cifar10(source)


@pytest.mark.parametrize("source", [
    "kears", "Shapes", "KERAS", "cifar10", "mnist", "no/such/file.tar.gz",
    "ftp://host/cifar-10-python.tar.gz", "file:///tmp/x", "~/no/such/file"])
def test_an_unknown_source_is_named(source):
    with pytest.raises(ValueError, match="source must be") as caught:
        cifar10(source)
    assert repr(source).strip("'~") in str(caught.value)


@pytest.mark.parametrize("source", [None, 3, b"keras", ["keras"], "", 0.5])
def test_what_is_no_source_at_all_is_named(source):
    with pytest.raises(ValueError, match="source must be a name or a path"):
        cifar10(source)


def test_a_folder_is_not_an_archive(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        cifar10(tmp_path)


BAD_FILES = {
    "empty": b"", "text": b"hello", "truncated": PYTHON[:-20],
    "one byte more": PYTHON + b"\0", "pickle": pickle.dumps({}),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_with_another_checksum_is_not_opened(name, tmp_path):
    path = tmp_path / "cifar.tar.gz"
    path.write_bytes(BAD_FILES[name])
    for known in (None, sha256(PYTHON)):
        with pytest.raises(ValueError, match="expected") as caught:
            cifar10(path, sha256=known)
        message = str(caught.value)
        assert hashlib.sha256(BAD_FILES[name]).hexdigest() in message
        assert f"{len(BAD_FILES[name])} bytes" in message
        assert message.endswith("expected " + (
            known or f"{module.PYTHON_SHA256} or {module.BINARY_SHA256}"))


@pytest.mark.parametrize("name", ["empty", "text", "pickle"])
def test_a_checksum_given_by_the_user_does_not_make_it_an_archive(
        name, tmp_path):
    path = tmp_path / "cifar.tar.gz"
    path.write_bytes(BAD_FILES[name])
    with pytest.raises(ArchiveError) as caught:
        cifar10(path, sha256=sha256(BAD_FILES[name]))
    assert str(caught.value).startswith(f"{path}: expected a gzipped tar")


@pytest.mark.parametrize("value", ["", "abc", "g" * 64, "0" * 63, 12, b"0"])
def test_what_is_no_sha256_is_refused(value, tmp_path):
    with pytest.raises(ValueError, match="sha256 must be 64 hex digits"):
        cifar10(tmp_path / "x", sha256=value)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "30", None])
def test_an_impossible_timeout_is_refused(timeout, official):
    with pytest.raises(ValueError, match="timeout must be above 0"):
        cifar10(timeout=timeout)
    assert official.asked == []


def test_a_cache_that_cannot_be_written_is_an_error(official, home):
    home.write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match="keras"):
        cifar10()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no fifo here")
def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ValueError, match="is no file"):
        cifar10(tmp_path / "fifo")
