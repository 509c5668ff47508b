"""Read a CIFAR-10 archive: in memory, nothing extracted, nothing run.

Two official archives hold the same images. `cifar-10-binary.tar.gz` has plain
bytes: per image 1 label, then 1,024 red, 1,024 green and 1,024 blue pixels,
row by row. `cifar-10-python.tar.gz` has them in pickles. A pickle is a program
whose operations can call any function it names, so none is loaded here:
`pickletools.genops` only lists the operations, anything that data does not
need is refused, and labels and pixels are picked from the list. (An
`Unpickler` with an allow-list still calls what it lets through.)

Source: krizhevsky2009learning
Shapes: N images, P = 3072 numbers an image
"""

import gzip
import pickletools
import reprlib
import struct
import tarfile
import zlib
from pathlib import PurePosixPath

import numpy as np

PER_BATCH = 10_000
P = 3 * 32 * 32
BATCHES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
PYTHON = [f"cifar-10-batches-py/{name}" for name in BATCHES]
BINARY = [f"cifar-10-batches-bin/{name}.bin" for name in BATCHES]
MAX_BYTES = 256 << 20  # unpacked; the official archives need 178 MiB
MAX_MEMBERS = 64
MAX_OPERATIONS = 1_000_000  # a pickle; an official one needs about 30,000
BROKEN = (
    OSError, EOFError, ValueError, OverflowError, struct.error,
    tarfile.TarError, zlib.error,
)

KEYS = (b"batch_label", b"labels", b"data", b"filenames")
GLOBALS = (
    "numpy ndarray", "numpy dtype", "numpy.core.multiarray _reconstruct",
)
CONSTANTS = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG1", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "NONE",
    "NEWTRUE", "NEWFALSE",
))
LAYOUT = frozenset((
    "PROTO", "MARK", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "DICT", "LIST",
    "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "APPEND", "APPENDS", "SETITEM",
    "SETITEMS", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET",
    "LONG_BINGET", "GLOBAL", "REDUCE", "BUILD", "STOP",
))


class ArchiveError(ValueError):
    """The file is not a whole and harmless CIFAR-10 archive."""


def read_archive(file, name="archive"):
    """Read the images and labels of an open archive of either kind.

    Args:
        file: binary file object, at its start.
        name: what messages call it.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 (N, 32, 32, 3) and
        uint8 (N, 1), N = 50000 and 10000.

    Raises:
        ArchiveError: not a gzipped tar, truncated, unpacks to too much, an
            unsafe path or a link inside, a batch missing or twice, or a
            batch of another shape, type or label range; the message names
            what came and what was expected.

    Example:
        >>> import io
        >>> read_archive(io.BytesIO(b"<html>404</html>"), "cifar.tar.gz")
        Traceback (most recent call last):
        dlguide.data.archive.ArchiveError: cifar.tar.gz: expected a gzipped
            tar, got a file that starts with b'<h'
    """
    try:
        parts = [_batch(key, data) for key, data in _members(file)]
    except BROKEN as error:
        reason = str(error) or type(error).__name__
        raise ArchiveError(f"{name}: {reason}") from error
    x = np.concatenate([pixels for _, pixels in parts])  # (N, P)
    y = np.concatenate([labels for labels, _ in parts])[:, None]
    x = x.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    x, n = np.ascontiguousarray(x), len(x) - PER_BATCH
    return (x[:n], y[:n]), (x[n:], y[n:])


class _Bounded:
    """A stream that may give a limited number of bytes (gzip bombs)."""

    def __init__(self, stream, limit):
        self.stream, self.limit, self.count = stream, limit, 0

    def read(self, size):
        data = self.stream.read(size)
        self.count += len(data)
        if self.count > self.limit:
            raise ArchiveError(f"unpacks to more than {self.limit} bytes")
        return data


def _members(file):
    """Name and bytes of the six batches, training batches first."""
    start = file.read(2)
    if start != b"\x1f\x8b":
        raise ArchiveError(
            f"expected a gzipped tar, got a file that starts with {start!r}"
        )
    file.seek(0)
    found = {}
    stream = _Bounded(gzip.GzipFile(fileobj=file), MAX_BYTES)
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for count, member in enumerate(tar, 1):
            if count > MAX_MEMBERS:
                raise ArchiveError(f"has more than {MAX_MEMBERS} members")
            path = _safe_path(member)
            if path in found:
                raise ArchiveError(f"{path} is in the archive twice")
            if path in PYTHON or path in BINARY:
                if not member.isreg():
                    raise ArchiveError(f"{path} is not a file")
                found[path] = tar.extractfile(member).read()
    while stream.read(1 << 20):  # to the end, where gzip has its CRC
        pass
    for expected in (PYTHON, BINARY):
        if set(found) == set(expected):
            return [(path, found[path]) for path in expected]
    raise ArchiveError(
        f"expected {PYTHON[0]} to _5 and {PYTHON[-1]} (or the same in "
        f"cifar-10-batches-bin), found {sorted(found) or 'none of them'}"
    )


def _safe_path(member):
    """Path of a member, refused if it points outside or is no plain file."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise ArchiveError(f"has a member with the unsafe path {path}")
    plain = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)
    if member.type not in plain or member.issparse():
        raise ArchiveError(f"has a link or special file, {path}")
    return str(path)


def _batch(path, data):
    """Labels (N,) and pixels (N, P) of one batch, both uint8."""
    try:
        labels, pixels = (_python if path in PYTHON else _binary)(data)
    except ValueError as error:
        raise ArchiveError(f"{path}: {error}") from error
    if labels.max() > 9:
        raise ArchiveError(f"{path}: labels must be 0 to 9, got {labels.max()}")
    return labels, pixels


def _binary(data):
    size = PER_BATCH * (1 + P)
    if len(data) != size:
        raise ArchiveError(f"expected {size} bytes, got {len(data)}")
    rows = np.frombuffer(data, "uint8").reshape(PER_BATCH, 1 + P)
    return rows[:, 0], rows[:, 1:]


def _python(data):
    fields = _pickle_fields(data)
    for key in (b"labels", b"data"):
        if key not in fields:
            raise ArchiveError(f"the pickle has no {key.decode()}")
    labels, array = fields[b"labels"], fields[b"data"]
    if len(labels) != PER_BATCH:
        raise ArchiveError(f"expected {PER_BATCH} labels, got {len(labels)}")
    for label in labels:
        if type(label) is not int or not 0 <= label <= 9:
            got = reprlib.repr(label)
            raise ArchiveError(f"labels must be 0 to 9, got {got}")
    # 0, b"b", 1, N, P, b"u1", ..., is it in Fortran's order?, the bytes
    expected, got = [PER_BATCH, P, b"u1"], array[3:6]
    if got != expected or not isinstance(array[-1], bytes):
        got = reprlib.repr(got)
        raise ArchiveError(f"expected an array {expected}, got {got}")
    if len(array[-1]) != PER_BATCH * P:
        got = len(array[-1])
        raise ArchiveError(f"expected {PER_BATCH * P} pixels, got {got}")
    pixels = np.frombuffer(array[-1], "uint8")
    order = "F" if array[-2] else "C"
    return np.array(labels, "uint8"), pixels.reshape(PER_BATCH, P, order=order)


def _pickle_fields(data):
    """Constants of a pickled batch, in order, under the key before them."""
    fields, key = {}, b""
    listed = pickletools.genops(data)
    for count, (operation, value, place) in enumerate(listed):
        name = operation.name
        if count > MAX_OPERATIONS:
            raise ArchiveError(f"a pickle of over {count} operations, refused")
        if name not in CONSTANTS and name not in LAYOUT:
            raise ArchiveError(f"pickle operation {name} at {place}, refused")
        if name == "GLOBAL" and value not in GLOBALS:
            got = reprlib.repr(value)
            raise ArchiveError(f"the pickle names {got}, refused")
        if name in LAYOUT:
            continue
        if isinstance(value, str):
            value = value.encode("latin-1")
        if value in KEYS:
            key = value
            fields.setdefault(key, [])
        elif key:
            fields[key].append(name == "NEWTRUE" if "NEW" in name else value)
    return fields
