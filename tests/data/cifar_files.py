"""Miniature CIFAR-10 archives, byte by byte, and a server on this machine."""

import gzip
import hashlib
import io
import struct
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

N = 4  # images per batch
P = 3072
BATCHES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]


def batches(seed=0):
    """Labels and pixels of six batches, random."""
    rng = np.random.default_rng(seed)
    return {
        name: (rng.integers(0, 10, N), rng.integers(0, 256, (N, P), "uint8"))
        for name in BATCHES
    }


def text(value):
    """A str as Python 2's cPickle writes it: SHORT_BINSTRING."""
    return b"U" + bytes([len(value)]) + value.encode()


def number(value):
    """A small int as cPickle writes it."""
    if 0 <= value < 256:
        return b"K" + bytes([value])
    return b"J" + struct.pack("<i", value)


def array(pixels, shape=None, kind="u1", fortran=False):
    """A NumPy array as cPickle and numpy.core write it."""
    shape = pixels.shape if shape is None else shape
    raw = pixels.tobytes("F" if fortran else "C")
    return b"".join([
        b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07",
        b"K\x00\x85U\x01b\x87Rq\x08(K\x01",
        *map(number, shape), b"\x86", b"cnumpy\ndtype\nq\t", text(kind),
        b"K\x00K\x01\x87Rq\n(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff",
        b"K\x00tb", b"\x88" if fortran else b"\x89",
        b"T" + struct.pack("<i", len(raw)) + raw, b"tb",
    ])


def python_batch(labels, pixels, /, **changes):
    """A batch file of cifar-10-python.tar.gz; `changes` replace parts of it.

    The order of keys, the protocol (2) and the operations are those of
    Python 2's cPickle, which wrote the official files.
    """
    parts = {
        "head": b"\x80\x02}q\x01(",
        "label": text("batch_label") + b"q\x02" + text("test") + b"q\x03",
        "labels_key": text("labels") + b"q\x04",
        "labels": b"]q\x05(" + b"".join(map(number, labels)) + b"e",
        "data_key": text("data") + b"q\x0b",
        "data": array(pixels),
        "names": text("filenames") + b"q\x0c]q\r(" + b"".join(
            text(f"image_s_{i:06}.png") + b"r" + struct.pack("<i", 14 + i)
            for i in range(len(labels))) + b"e",
        "tail": b"u.",
    }
    return b"".join((parts | changes).values())


def binary_batch(labels, pixels):
    """A batch file of cifar-10-binary.tar.gz."""
    labels = np.asarray(labels, "uint8")[:, None]
    return np.concatenate([labels, pixels], axis=1).tobytes()


def python_members(content=None):
    """Path and bytes of the files of a python archive."""
    content = content or batches()
    files = {f"cifar-10-batches-py/{name}": python_batch(*content[name])
             for name in BATCHES}
    files["cifar-10-batches-py/readme.html"] = b"<html></html>"
    files["cifar-10-batches-py/batches.meta"] = b"cos\nsystem\n."
    return files


def binary_members(content=None):
    """Path and bytes of the files of a binary archive."""
    content = content or batches()
    files = {f"cifar-10-batches-bin/{name}.bin": binary_batch(*content[name])
             for name in BATCHES}
    files["cifar-10-batches-bin/batches.meta.txt"] = b"airplane\n"
    return files


def tar(members):
    """An uncompressed tar of (name or TarInfo, bytes) pairs or of a dict."""
    if isinstance(members, dict):
        members = members.items()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, data in members:
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tar_gz(members):
    """A gzipped tar."""
    return gzip.compress(tar(members), compresslevel=1, mtime=0)


def special(name, kind, target=""):
    """A tar entry without data: link, device, folder."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def sha256(data):
    """SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers from `replies`: path -> function of the request handler."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies, self.asked = {}, []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.shutdown()
        self.thread.join()
        self.server_close()

    def address(self, path):
        """Full address of a path."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request, client_address):
        """A client that hung up is what some tests want."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """Note the path and answer as the server was told."""
        self.server.asked.append(self.path)
        self.server.replies.get(self.path, status(404))(self)

    def log_message(self, *_):
        """Print nothing."""


def body(data, length=None):
    """Answer 200 with `data`; `length` is what the header claims."""
    def reply(request):
        request.send_response(200)
        claimed = len(data) if length is None else length
        request.send_header("Content-Length", str(claimed))
        request.end_headers()
        request.wfile.write(data)
    return reply


def status(code, **headers):
    """Answer with a status and no body."""
    def reply(request):
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()
    return reply


def raw(data):
    """Answer with bytes that need not be HTTP, and hang up."""
    def reply(request):
        request.wfile.write(data)
        request.close_connection = True
    return reply


def silent(request):
    """Never answer."""
    request.server.stopping.wait(20)


def stalled(request):
    """Send half of what was promised, then nothing, without hanging up."""
    request.send_response(200)
    request.send_header("Content-Length", "2000")
    request.end_headers()
    request.wfile.write(b"x" * 1000)
    request.server.stopping.wait(20)


def dripping(request):
    """Send one byte every 20 ms: alive, but never done."""
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    while not request.server.stopping.wait(0.02):
        request.wfile.write(b"x")
