"""What a CIFAR-10 archive may and may not hold; no archive runs code."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import pickle
import random
import tarfile
import zipfile

import numpy as np
import pytest
from keras.src.datasets.cifar import load_batch

from dlguide.data import archive
from dlguide.data.archive import ArchiveError, read_archive
from tests.data.cifar_files import (
    BATCHES,
    N,
    P,
    array,
    batches,
    binary_members,
    number,
    python_batch,
    python_members,
    special,
    tar,
    tar_gz,
    text,
)

CONTENT = batches()
LABELS, PIXELS = CONTENT["test_batch"]
PY_TEST = "cifar-10-batches-py/test_batch"
BIN_TEST = "cifar-10-batches-bin/test_batch.bin"
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(archive, "PER_BATCH", N)


def read(data):
    return read_archive(io.BytesIO(data), "it.tar.gz")


# oracle: pixels placed one by one, and Keras's own reader


@pytest.mark.parametrize("members", [python_members, binary_members])
def test_every_pixel_and_label_is_in_its_place(members):
    (x_train, y_train), (x_test, y_test) = read(tar_gz(members(CONTENT)))
    assert x_train.shape == (5 * N, 32, 32, 3)
    assert x_test.shape == (N, 32, 32, 3)
    assert y_train.shape == (5 * N, 1)
    assert y_test.shape == (N, 1)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {
        np.dtype("uint8")}
    x, y = np.concatenate([x_train, x_test]), np.append(y_train, y_test)
    for b, name in enumerate(BATCHES):
        labels, pixels = CONTENT[name]
        for i in range(N):
            assert y[b * N + i] == labels[i]
            for c in range(3):
                plane = pixels[i, 1024 * c : 1024 * (c + 1)]
                for row in (0, 7, 31):
                    expected = plane[32 * row : 32 * row + 32]
                    found = x[b * N + i, row, :, c]
                    np.testing.assert_array_equal(found, expected)


def test_a_python_batch_reads_as_keras_reads_it(tmp_path):
    """So the miniature is a true pickle, and we read what Keras reads."""
    (tmp_path / "batch").write_bytes(python_batch(LABELS, PIXELS))
    pixels, labels = load_batch(tmp_path / "batch")
    _, (x, y) = read(tar_gz(python_members(CONTENT)))
    np.testing.assert_array_equal(x, pixels.transpose(0, 2, 3, 1))
    assert y[:, 0].tolist() == labels


def test_an_array_in_fortrans_order_reads_as_keras_reads_it(tmp_path):
    batch = python_batch(LABELS, PIXELS, data=array(PIXELS, fortran=True))
    (tmp_path / "batch").write_bytes(batch)
    pixels, _ = load_batch(tmp_path / "batch")
    np.testing.assert_array_equal(pixels.reshape(N, P), PIXELS)
    _, (x, _) = read(tar_gz(python_members(CONTENT) | {PY_TEST: batch}))
    np.testing.assert_array_equal(x, pixels.transpose(0, 2, 3, 1))


def test_both_kinds_of_archive_give_the_same_arrays():
    first = read(tar_gz(python_members(CONTENT)))
    second = read(tar_gz(binary_members(CONTENT)))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


@pytest.mark.parametrize("members", [python_members, binary_members])
def test_order_folders_and_harmless_members_do_not_matter(members):
    files = list(members(CONTENT).items())
    folder = special(os.path.dirname(files[0][0]), tarfile.DIRTYPE)
    shuffled = [(folder, b""), *files[::-1], ("notes/readme.txt", b"hello")]
    for a, b in zip(read(tar_gz(shuffled)), read(tar_gz(files)), strict=True):
        np.testing.assert_array_equal(a[0], b[0])
    dotted = {f"./{name}": data for name, data in files}
    np.testing.assert_array_equal(
        read(tar_gz(dotted))[0][0], read(tar_gz(files))[0][0])


def test_64_members_are_not_too_many():
    members = plus(*((f"f{i}", b"") for i in range(56)))
    assert len(members) == 64
    assert read(tar_gz(members))[1][0].shape == (N, 32, 32, 3)


# error: files that are no archive


def test_without_a_name_messages_say_archive():
    with pytest.raises(ArchiveError, match="^archive: expected a gzipped tar"):
        read_archive(io.BytesIO(b"hello"))


def test_an_error_without_words_is_named_by_its_type():
    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError

    with pytest.raises(ArchiveError, match="^archive: OSError$"):
        read_archive(Broken())


GOOD = tar_gz(python_members(CONTENT))


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(PY_TEST, b"")
    return out.getvalue()


NOT_ARCHIVES = {
    "empty": (b"", "starts with b''"),
    "one byte": (b"\x1f", "expected a gzipped tar"),
    "text": (b"hello, world", "starts with b'he'"),
    "a web page": (b"<!DOCTYPE html><html></html>", "starts with b'<!'"),
    "zip": (zipped(), "starts with b'PK'"),
    "tar without gzip": (tar(python_members(CONTENT)), "expected a gzipped"),
    "bzip2": (bz2.compress(tar(python_members(CONTENT))), "b'BZ'"),
    "xz": (lzma.compress(tar(python_members(CONTENT)), preset=0), "gzipped"),
    "a pickle": (pickle.dumps(1), "expected a gzipped tar"),
    "gzip of nothing": (gzip.compress(b""), "empty file"),
    "gzip of text": (gzip.compress(b"hello" * 500), "invalid header"),
    "gzip of zeros": (gzip.compress(bytes(10_240)), "found none of them"),
    "gzip header only": (b"\x1f\x8b", "end-of-stream"),
    "gzip of unknown method": (b"\x1f\x8b\x07" + bytes(40), "method"),
    "truncated at 10 %": (GOOD[: len(GOOD) // 10], "end-of-stream"),
    "truncated at 50 %": (GOOD[: len(GOOD) // 2], "end-of-stream"),
    "truncated at 90 %": (GOOD[: len(GOOD) * 9 // 10], "end-of-stream"),
    "checksum of gzip": (GOOD[:-8] + b"\0\0\0\0" + GOOD[-4:], "CRC"),
    "tar truncated in a batch": (
        gzip.compress(tar(python_members(CONTENT))[:7000]), "unexpected end"),
    "tar truncated between batches": (
        gzip.compress(tar(dict([*python_members(CONTENT).items()][:2]))[:-2048]),
        "found ['cifar-10-batches-py/data_batch_1', 'cifar"),
}


# error: archives with the wrong members


def without(members, name):
    return {path: data for path, data in members.items() if name not in path}


def claims(size):
    info = tarfile.TarInfo(PY_TEST)
    info.pax_headers = {"size": str(size)}
    return info


def sparse(size):
    info = tarfile.TarInfo(PY_TEST)
    info.pax_headers = {"GNU.sparse.size": str(size), "GNU.sparse.major": "0",
                        "GNU.sparse.minor": "1", "GNU.sparse.map": "0,0",
                        "GNU.sparse.name": PY_TEST}
    return info


def plus(*extra):
    return [*python_members(CONTENT).items(), *extra]


def instead(entry):
    return [*without(python_members(CONTENT), "test_batch").items(),
            (entry, b"")]


MEMBERS = {
    "no members": ({}, (
        "expected cifar-10-batches-py/data_batch_1 to _5 and "
        "cifar-10-batches-py/test_batch (or the same in "
        "cifar-10-batches-bin), found none of them")),
    "only a readme": ({"readme.html": b""}, "found none of them"),
    **{f"no {name}": (without(python_members(CONTENT), name), "expected cifar")
       for name in BATCHES},
    **{f"no {name}.bin": (without(binary_members(CONTENT), name), "expected")
       for name in BATCHES},
    "another folder": (
        {name.replace("-py", "-xy"): data
         for name, data in python_members(CONTENT).items()}, "none of them"),
    "no folder": (
        {os.path.basename(name): data
         for name, data in python_members(CONTENT).items()}, "none of them"),
    "CIFAR-100": ({"cifar-100-python/train": b"", "cifar-100-python/test": b""},
                  "found none of them"),
    "both kinds": (python_members(CONTENT) | binary_members(CONTENT),
                   "expected cifar"),
    "a batch twice": (plus((PY_TEST, b"other")), "in the archive twice"),
    "a batch twice, dotted": (plus((f"./{PY_TEST}", b"")), "twice"),
    "a batch twice, slashes": (
        plus((PY_TEST.replace("/", "//"), b"")), "twice"),
    "absolute path": (plus(("/etc/passwd", b"")), "unsafe path /etc/passwd"),
    "path upward": (plus(("../evil", b"")), "unsafe path ../evil"),
    "path upward inside": (plus(("a/../../evil", b"")), "unsafe path"),
    "path upward to a batch": (plus((f"x/../{PY_TEST}", b"")), "unsafe path"),
    "path of Windows": (plus(("..\\evil", b"")), "unsafe path"),
    "drive of Windows": (plus(("C:\\evil", b"")), "unsafe path"),
    "folder upward": (plus((special("..", tarfile.DIRTYPE), b"")), "unsafe"),
    "symbolic link": (plus((special("a", tarfile.SYMTYPE, "/etc"), b"")),
                      "link or special file, a"),
    "symbolic link as batch": (
        instead(special(PY_TEST, tarfile.SYMTYPE, "/etc/passwd")), "link"),
    "hard link as batch": (
        instead(special(PY_TEST, tarfile.LNKTYPE, "data_batch_1")),
        "link"),
    "fifo as batch": (instead(special(PY_TEST, tarfile.FIFOTYPE)), "special"),
    "device": (plus((special("zero", tarfile.CHRTYPE), b"")), "special file"),
    "block device": (plus((special("disk", tarfile.BLKTYPE), b"")), "special"),
    "unknown type": (plus((special("odd", b"Z"), b"")), "special file"),
    "folder as batch": (instead(special(PY_TEST, tarfile.DIRTYPE)),
                        "is not a file"),
    "65 members": (plus(*((f"f{i}", b"") for i in range(57))),
                   "more than 64 members"),
    "claims 10 TB": (instead(claims(10**13)), "unexpected end of data"),
    "claims -1 bytes": (instead(claims(-1)), "it.tar.gz"),
    "sparse file of 10 TB": (instead(sparse(10**13)), "link or special file"),
}


# error: batches that are not CIFAR-10's


class Runs:
    """Pickles to a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile(command):
    """Pickles that write a file when loaded, and how each looks refused."""
    plain = python_batch(LABELS, PIXELS)
    system = f"cposix\nsystem\n(S'{command}'\ntR0".encode()
    code = command.encode()
    calls = {
        f"os.system, protocol {p}": pickle.dumps(Runs(os.system, command), p)
        for p in PROTOCOLS
    }
    script = f"import os; os.system({command!r})"
    term = f"__import__('os').system({command!r})"
    calls |= {
        "exec": pickle.dumps(Runs(exec, script), 2),
        "eval": pickle.dumps(Runs(eval, term), 2),
        "in front of a good batch": plain[:2] + system + plain[2:],
        "behind the labels": python_batch(LABELS, PIXELS, tail=b"u" + system
                                          + b"."),
        "as the labels": python_batch(
            LABELS, PIXELS, labels=system.removesuffix(b"0")),
        "as an array's state": python_batch(
            LABELS, PIXELS, data=array(PIXELS)[:-2] + system + b"tb"),
        "by INST": b"(S'" + code + b"'\niposix\nsystem\n.",
        "by OBJ": b"(cposix\nsystem\nS'" + code + b"'\no.",
        "by STACK_GLOBAL": b"\x80\x04\x8c\x05posix\x8c\x06system\x93S'" + code
        + b"'\n\x85R.",
    }
    return calls


HOSTILE = list(hostile("true"))

BATCHES_BAD = {
    "empty": (b"", "pickle exhausted"),
    "random bytes": (random.Random(0).randbytes(500), "test_batch: "),
    "truncated": (python_batch(LABELS, PIXELS)[:5000], "test_batch: "),
    "without its end": (python_batch(LABELS, PIXELS)[:-1], "exhausted"),
    "a number": (pickle.dumps(3, 2), "the pickle has no labels"),
    "a list": (pickle.dumps([1, 2], 2), "the pickle has no labels"),
    "a modern pickle": (
        pickle.dumps({"labels": LABELS.tolist(), "data": PIXELS}, 5),
        "pickle operation FRAME"),
    "a set": (b"\x80\x04\x8f.", "pickle operation EMPTY_SET"),
    "an out-of-band buffer": (b"\x80\x05\x97.", "operation NEXT_BUFFER"),
    "a persistent id": (b"Pabc\n.", "operation PERSID"),
    "an extension code": (b"\x80\x02\x82\x01.", "operation EXT1"),
    "a new object": (b"\x80\x02cnumpy\nndarray\n)\x81.", "operation NEWOBJ"),
    "numpy.load": (b"cnumpy\nload\n.", "names 'numpy load', refused"),
    "copyreg": (b"ccopy_reg\n_reconstructor\n.", "_reconstructor', refused"),
    "a near miss": (b"cnumpy.core.multiarray\nscalar\n.", "refused"),
    "endless operations": (b"0" * 10, "operation POP"),
    "too many operations": (b"N" * 1_000_010 + b".", "over 1000001"),
    "no labels": (python_batch(LABELS, PIXELS, labels_key=text("lebals")),
                  "the pickle has no labels"),
    "labels twice": (
        python_batch(LABELS, PIXELS, label=text("labels") + b"](K\x01e"),
        f"expected {N} labels, got {N + 1}"),
    "too few labels": (python_batch(LABELS[:-1], PIXELS), "got 3"),
    "too many labels": (python_batch([*LABELS, 1], PIXELS), "got 5"),
    "label 10": (python_batch([0, 1, 2, 10], PIXELS), "0 to 9, got 10"),
    "label -1": (python_batch([0, 1, 2, -1], PIXELS), "0 to 9, got -1"),
    "label 256": (python_batch([256, 1, 2, 3], PIXELS), "0 to 9, got 256"),
    "label True": (python_batch(LABELS, PIXELS, labels=b"](\x88\x88\x88\x88e"),
                   "0 to 9, got True"),
    "label None": (python_batch(LABELS, PIXELS, labels=b"](NNNNe"),
                   "0 to 9, got None"),
    "labels of text": (
        python_batch(LABELS, PIXELS, labels=b"](" + text("cat") * 4 + b"e"),
        "0 to 9, got b'cat'"),
    "label 0.5": (
        python_batch(LABELS, PIXELS, labels=b"](G" + bytes(8) + b"e"),
        "pickle operation BINFLOAT"),
    "no data": (python_batch(LABELS, PIXELS, data_key=text("dada")),
                "the pickle has no data"),
    "data of None": (python_batch(LABELS, PIXELS, data=b"N"), "got []"),
    "too few images": (python_batch(LABELS, PIXELS[:-1]), "got [3, 3072,"),
    "too few pixels": (python_batch(LABELS, PIXELS[:, :-1]), "[4, 3071,"),
    "another shape": (
        python_batch(LABELS, PIXELS, data=array(PIXELS, (P, N))), "[3072, 4,"),
    "a negative shape": (
        python_batch(LABELS, PIXELS, data=array(PIXELS, (-1, P))), "[-1,"),
    "fewer bytes than the shape": (
        python_batch(LABELS, PIXELS, data=array(PIXELS[:2], (N, P))),
        f"expected {N * P} pixels, got {2 * P}"),
    "more bytes than the shape": (
        python_batch(LABELS, PIXELS,
                     data=array(np.repeat(PIXELS, 2, 0), (N, P))),
        f"expected {N * P} pixels, got {2 * N * P}"),
    "float pixels with NaN": (
        python_batch(LABELS, PIXELS,
                     data=array(np.full((N, P), np.nan), kind="f8")),
        "b'f8'"),
    "float32 pixels": (
        python_batch(LABELS, PIXELS,
                     data=array(PIXELS.astype("float32"), kind="f4")), "b'f4'"),
    "signed pixels": (
        python_batch(LABELS, PIXELS, data=array(PIXELS, kind="i1")), "b'i1'"),
    "pixels of objects": (
        python_batch(LABELS, PIXELS, data=array(PIXELS, kind="O8")), "b'O8'"),
    "text that is not Latin-1": (
        b"X\x03\x00\x00\x00\xe4\xbd\xa0.", "latin-1"),
}

BINARY = binary_members(CONTENT)[BIN_TEST]
BINARY_BAD = {
    "empty": (b"", f"expected {N * 3073} bytes, got 0"),
    "a byte short": (BINARY[:-1], f"got {N * 3073 - 1}"),
    "a byte long": (BINARY + b"\0", f"got {N * 3073 + 1}"),
    "an image short": (BINARY[:-3073], f"got {(N - 1) * 3073}"),
    "of CIFAR-100, 2 labels": (BINARY + bytes(N), f"got {N * 3074}"),
    "label 10": (b"\x0a" + BINARY[1:], "labels must be 0 to 9, got 10"),
    "label 255": (BINARY[:3073] + b"\xff" + BINARY[3074:], "got 255"),
}

CASES = {
    **{f"file: {k}": v for k, v in NOT_ARCHIVES.items()},
    **{f"members: {k}": v for k, v in MEMBERS.items()},
    **{f"pickle: {k}": v for k, v in BATCHES_BAD.items()},
    **{f"binary: {k}": v for k, v in BINARY_BAD.items()},
}


def build(case):
    kind, (content, message) = case.partition(":")[0], CASES[case]
    if kind == "file":
        return content, message
    if kind == "pickle":
        content = python_members(CONTENT) | {PY_TEST: content}
    if kind == "binary":
        content = binary_members(CONTENT) | {BIN_TEST: content}
    return tar_gz(content), message


@pytest.mark.parametrize("case", CASES)
def test_a_bad_archive_is_refused_by_name(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, message = build(case)
    with pytest.raises(ArchiveError) as caught:
        read(data)
    assert message in str(caught.value)
    assert str(caught.value).startswith("it.tar.gz: ")
    assert len(str(caught.value)) < 600
    assert list(tmp_path.iterdir()) == []


def test_there_are_at_least_50_bad_archives():
    assert len(CASES) + len(HOSTILE) >= 50


@pytest.mark.parametrize("name", HOSTILE)
def test_code_in_a_pickle_is_not_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "it_ran"
    batch = hostile(f"echo > {mark}")[name]
    archive_with_code = tar_gz(python_members(CONTENT) | {PY_TEST: batch})
    with pytest.raises(ArchiveError, match="refused"):
        read(archive_with_code)
    assert not mark.exists()
    with contextlib.suppress(Exception):  # what follows the call may fail
        pickle.loads(batch, encoding="latin-1")
    assert mark.exists()  # the code is live: pickle.loads runs it


def test_a_gzip_bomb_is_stopped_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    bomb = tar_gz(plus(("zeros", bytes(50 << 20))))
    assert len(bomb) < 1 << 20
    with pytest.raises(ArchiveError, match="more than 1048576 bytes"):
        read(bomb)


def test_the_limit_leaves_room_for_the_real_archive():
    """6 batches of 31,035,999 bytes at most, and two small files."""
    assert 6 * 31_035_999 + (1 << 20) < archive.MAX_BYTES < 1 << 30


@pytest.mark.parametrize("members", [python_members, binary_members])
def test_random_damage_gives_our_error_or_other_pixels_never_a_crash(members):
    whole = bytearray(tar(members(CONTENT)))
    rng = random.Random(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 3, 30])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            (x, y), _ = read(gzip.compress(damaged, 1))
            assert x.shape == (5 * N, 32, 32, 3)
            assert y.max() <= 9
        except ArchiveError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("place", ["header", "pickle"])
def test_damage_where_it_hurts_gives_our_error(place):
    """The first 512 bytes of the tar, or those around a pickle's pixels."""
    rng = random.Random(1)
    for _ in range(150):
        files = python_members(CONTENT)
        if place == "pickle":
            batch = bytearray(files[PY_TEST])
            for _ in range(3):
                batch[rng.randrange(250)] = rng.randrange(256)
            data = tar_gz(files | {PY_TEST: bytes(batch)})
        else:
            whole = bytearray(tar(files))
            whole[rng.randrange(512)] = rng.randrange(256)
            data = gzip.compress(whole, 1)
        with contextlib.suppress(ArchiveError):
            assert read(data)[1][1].max() <= 9


def test_numbers_of_the_miniature_are_written_as_cpickle_writes_them():
    for value in (0, 9, 255, 256, 3072, -1):
        assert pickle.loads(number(value) + b".") == value
