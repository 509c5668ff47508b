"""Download a file whose SHA-256 is known, whole or not at all.

The bytes go to a temporary file beside the target; only a file with the
right SHA-256 gets the target's name, in one step. Whatever goes wrong,
the temporary file is removed and an older target is left as it was.
"""

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

BLOCK = 1 << 16
MIB = 1 << 20
STEP = 16 * MIB  # of progress


class DownloadError(OSError):
    """A file did not arrive, or is not the one that was asked for."""


def download(url, path, sha256, timeout=30, deadline=3600, max_bytes=256 * MIB):
    """Download `url` to `path`.

    Args:
        url: http or https address.
        path: where the file goes; its folder is made where needed.
        sha256: SHA-256 that the file must have, 64 hexadecimal digits.
        timeout: longest wait for the server's next bytes, seconds, above 0,
            at most 86400.
        deadline: longest time for the whole body, seconds, likewise.
        max_bytes: largest size accepted.

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        ValueError: the address is not http(s), or a time is out of range.
        DownloadError: no answer in time, an error of the server, too many
            or too few bytes, another SHA-256, or a folder that cannot be
            written; the message names the address and the limit.

    Example:
        >>> download("ftp://localhost/x", "x", 64 * "0")
        Traceback (most recent call last):
        ValueError: the address must be http:// or https://, got
            'ftp://localhost/x'
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(
            f"the address must be http:// or https://, got {url!r}"
        )
    for name, value in (("timeout", timeout), ("deadline", deadline)):
        if not isinstance(value, (int, float)) or not 0 < value <= 86400:
            raise ValueError(
                f"{name} must be above 0, at most 86400 seconds, got {value!r}"
            )
    path = Path(path)
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(".part", path.name, path.parent)
        with os.fdopen(handle, "wb") as file:
            digest = _receive(url, file, timeout, deadline, max_bytes)
        if digest != sha256.lower():
            raise DownloadError(
                f"{url} has SHA-256 {digest}, expected {sha256}"
            )
        os.replace(part, path)
        part = None
    except DownloadError:
        raise
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise DownloadError(
            f"could not download {url} to {path}: {_reason(error, timeout)}"
        ) from error
    finally:
        if part is not None:
            os.unlink(part)
    return path


def _reason(error, timeout):
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return f"no answer for {timeout} s (the timeout)"
    return f"{type(error).__name__}: {error}"


def _receive(url, file, timeout, deadline, max_bytes):
    """Copy the body to `file`; return its SHA-256."""
    sha256, received = hashlib.sha256(), 0
    end = time.monotonic() + deadline
    with urllib.request.urlopen(url, timeout=timeout) as response:
        expected = response.length  # None: the server does not say
        while block := response.read1(BLOCK):
            file.write(block)
            sha256.update(block)
            received += len(block)
            if received % STEP < len(block):
                total = f"{expected // MIB}" if expected else "?"
                print(f"{received // MIB} of {total} MiB")
            if received > max_bytes:
                raise DownloadError(
                    f"{url} sends more than {max_bytes} bytes, the limit"
                )
            if time.monotonic() > end:
                raise DownloadError(
                    f"{url} sent {received} bytes in {deadline} s (the "
                    f"deadline), of {expected or 'an unknown number'}"
                )
    if expected is not None and received != expected:
        raise DownloadError(
            f"{url} broke off after {received} of {expected} bytes"
        )
    return sha256.hexdigest()
