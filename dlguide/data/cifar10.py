"""CIFAR-10 with a checksum, a timeout and no code from the archive run.

`keras.datasets.cifar10.load_data()` loads the same arrays, but waits without
limit for a server that does not answer. The archive lies where Keras keeps
it, so whichever of the two downloads it, the other finds it.

Page: practice/cifar10
Source: krizhevsky2009learning
Shapes: N images
"""

import hashlib
import os
import re
from pathlib import Path

from dlguide.data.archive import read_archive
from dlguide.data.download import DownloadError, download
from dlguide.data.shapes import shapes

CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
PYTHON_SHA256 = (
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
)
BINARY_SHA256 = (
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
)
WAYS_OUT = f"""Three ways out:
1. a local copy: cifar10("path/to/cifar-10-python.tar.gz"), or the
   cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html;
2. a mirror of the same file: cifar10("https://.../{URL.split("/")[-1]}");
3. the generated stand-in, which is not CIFAR-10: cifar10("shapes")."""


def cifar10(source="keras", timeout=30, sha256=None):
    """Load CIFAR-10, or by name its stand-in; never one for the other.

    Args:
        source: where the images come from:
            "keras": the archive in Keras's cache, downloaded once (163 MiB);
            "http://..." or "https://...": the same from a mirror;
            a path: an official archive, cifar-10-python.tar.gz or
            cifar-10-binary.tar.gz;
            "shapes": `shapes()`, generated, not CIFAR-10 (8,000 + 2,000).
        timeout: longest wait for the server's next bytes, seconds, > 0.
        sha256: SHA-256 the archive must have, if not an official one's.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: x uint8 (N, 32, 32, 3), y
        uint8 (N, 1) with labels 0 to 9 (`CLASS_NAMES`); N is 50,000 and
        10,000 for CIFAR-10.

    Raises:
        ValueError: an unknown source, a wrong SHA-256, an archive that is
            not CIFAR-10's (`ArchiveError`).
        OSError: a file that cannot be read, a download that fails
            (`DownloadError`, which names the ways out).

    Example:
        >>> (x_train, y_train), (x_test, y_test) = cifar10("shapes")
        >>> x_train.shape, y_train.shape
        ((8000, 32, 32, 3), (8000, 1))
        >>> cifar10("kears")
        Traceback (most recent call last):
        ValueError: source must be "keras", "shapes", the http(s) address of
            a mirror or the path of an archive; got 'kears', which is no file
    """
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", str(sha256)):
        raise ValueError(f"sha256 must be 64 hex digits, got {sha256!r}")
    if source == "shapes":
        return shapes()
    if source == "keras":
        source = URL
    if str(source).startswith(("http://", "https://")):
        known = (sha256 or PYTHON_SHA256,)
        path = _cached(source, known[0].lower(), timeout)
    else:
        known = (sha256,) if sha256 else (PYTHON_SHA256, BINARY_SHA256)
        path = _local(source)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest not in [value.lower() for value in known]:
            raise ValueError(
                f"{path} ({path.stat().st_size} bytes) has SHA-256 {digest}, "
                f"expected {' or '.join(known)}"
            )
        file.seek(0)
        return read_archive(file, path)


def _local(source):
    """Path of an archive the user names."""
    if not isinstance(source, (str, os.PathLike)) or not str(source):
        raise ValueError(f"source must be a name or a path, got {source!r}")
    path = Path(source).expanduser()
    if path.is_dir():
        raise IsADirectoryError(
            f"{path} is a folder; source must be the archive, a .tar.gz file"
        )
    if not path.is_file():
        raise ValueError(
            'source must be "keras", "shapes", the http(s) address of a '
            f"mirror or the path of an archive; got {str(source)!r}, which "
            "is no file"
        )
    return path


def _cached(url, sha256, timeout):
    """Path of the archive in Keras's cache, downloaded if need be."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    path = Path(home).expanduser() / "datasets"
    path = path / "cifar-10-batches-py-target_archive"
    if path.is_file():
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                return path
        print(f"{path} has another SHA-256 than expected, so once more:")
    print(f"downloading {url} to {path}")
    try:
        return download(url, path, sha256, timeout)
    except DownloadError as error:
        raise DownloadError(f"{error}\n{WAYS_OUT}") from error
