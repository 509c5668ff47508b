"""Asks arXiv and Crossref whether an entry's id, title and authors agree.

Polite: says who asks, one request at a time, 3 s apart for arXiv and 1 s for
Crossref, many arXiv ids in one request, obeys Retry-After, keeps answers on
disk. A service that does not answer is never taken for a yes: the entry is
returned as not checked. An entry's `eprinttitle` is compared instead of its
title where a preprint has another title than the published work.
"""

import contextlib
import hashlib
import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import asdict, dataclass
from datetime import date
from difflib import SequenceMatcher
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree
from xml.parsers import expat

from sitekit.references import arxiv_problem, fold

AGENT = "dlguide-references/0.1 (bibliography checker; Python urllib)"
ARXIV_PAUSE, CROSSREF_PAUSE = 3.0, 1.0
BATCH = 50
MOST_BYTES = 8_000_000
LONGEST_WAIT = 60.0
ATOM = "{http://www.w3.org/2005/Atom}"
# registered with DataCite, so Crossref's "unknown" means nothing
DATACITE = ("10.5281/", "10.48550/", "10.6084/", "10.57967/")


class NotChecked(Exception):
    """A service did not give an answer that can be used."""


@dataclass
class Record:
    """What a service knows of a work."""

    title: str
    authors: list


class Client:
    """One service: waits between requests, gives up once it is away.

    Attributes:
        name: what messages call the service.
        url: base address.
        timeout: seconds for one answer.
        pause: seconds between requests.
    """

    def __init__(self, name, url, timeout, pause, sleep=time.sleep):
        """Nothing is asked yet."""
        self.name, self.url, self.timeout = name, url, timeout
        self.pause, self.sleep = pause, sleep
        self.last = None
        self.away = ""

    def get(self, tail):
        """Body of `url + tail`; None where the service answers 404.

        Raises:
            NotChecked: no answer, or one that says to come back later.
        """
        if self.away:
            raise NotChecked(self.away)
        for attempt in range(3):
            self._wait()
            try:
                return self._read(tail)
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                wait = _retry_after(error)
                again = error.code in (429, 503) and attempt < 2
                if not again or wait > LONGEST_WAIT:
                    raise self._gone(f"answers HTTP {error.code}") from error
                self.sleep(wait)
            except TimeoutError as error:
                raise self._gone(
                    f"does not answer within {self.timeout:g} s") from error
            except (OSError, ValueError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error)
                if isinstance(reason, TimeoutError):
                    reason = f"nothing within {self.timeout:g} s"
                raise self._gone(f"does not answer: {reason}") from error
        raise AssertionError("unreachable")

    def _gone(self, what):
        self.away = f"{self.name} {what}"
        return NotChecked(self.away)

    def _wait(self):
        now = time.monotonic()
        if self.last is not None and now < self.last + self.pause:
            self.sleep(self.last + self.pause - now)
        self.last = time.monotonic()

    def _read(self, tail):
        request = urllib.request.Request(
            self.url + tail, headers={"User-Agent": AGENT})
        end = time.monotonic() + self.timeout
        chunks, size = [], 0
        with urllib.request.urlopen(request, timeout=self.timeout) as answer:
            while chunk := answer.read1(65536):
                chunks.append(chunk)
                size += len(chunk)
                if size > MOST_BYTES:
                    raise OSError(f"more than {MOST_BYTES} bytes")
                if time.monotonic() > end:
                    raise TimeoutError
        return b"".join(chunks)


def _retry_after(error):
    """Seconds to wait that an HTTP error asks for; 5 where it is silent."""
    text = error.headers.get("Retry-After", "")
    if text.strip().isdigit():
        return float(text)
    with contextlib.suppress(ValueError, TypeError):
        moment = parsedate_to_datetime(text).timestamp()
        return max(0.0, moment - time.time())
    return 5.0


class Cache:
    """Answers kept in a folder, one JSON file each; delete it to ask anew."""

    def __init__(self, folder):
        """Make the folder; an OSError where that cannot be done."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _path(self, service, name):
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        plain = re.sub(r"[^\w.-]", "_", name)[:60]
        return self.folder / f"{service}-{plain}-{digest}.json"

    def get(self, service, name):
        """The record kept, or None; a damaged file counts as none."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(self._path(service, name).read_text("utf-8"))
            if isinstance(kept["title"], str) and all(
                    isinstance(author, str) for author in kept["authors"]):
                return Record(kept["title"], kept["authors"])
        return None

    def put(self, service, name, record):
        """Keep a record with the date; whole or not at all."""
        path = self._path(service, name)
        fresh = path.with_suffix(".new")
        kept = {"asked": date.today().isoformat(), "id": name, **asdict(record)}
        fresh.write_text(json.dumps(kept, ensure_ascii=False), "utf-8")
        fresh.replace(path)


# ---------------------------------------------------------------- answers


def read_xml(data):
    """Parse XML that has no DOCTYPE, hence no entities of its own.

    Raises:
        NotChecked: broken XML, or XML with a DOCTYPE.
    """

    def refuse(*_):
        raise NotChecked("answer has a DOCTYPE, which is not read")

    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = refuse
    try:
        guard.Parse(data, True)
        return ElementTree.fromstring(data)
    except (expat.ExpatError, ElementTree.ParseError) as error:
        raise NotChecked(f"answer is not XML: {error}") from error


def arxiv_records(client, ids):
    """Ask arXiv for many papers at once.

    Args:
        client: a `Client`.
        ids: arXiv ids without version.

    Returns:
        A dict id -> `Record`; an id that arXiv does not know is missing.
    """
    query = urllib.parse.urlencode(
        {"id_list": ",".join(ids), "max_results": len(ids)}, safe=",/")
    data = client.get(f"?{query}")
    if data is None:
        raise NotChecked(f"{client.name} answers HTTP 404")
    root, records = read_xml(data), {}
    if root.tag != f"{ATOM}feed":
        raise NotChecked(f"{client.name}: answer is not an Atom feed")
    for entry in root.iter(f"{ATOM}entry"):
        url = entry.findtext(f"{ATOM}id", "")
        match = re.search(r"/abs/(.+?)(v\d+)?$", url.strip())
        if match and match[1] in ids:
            names = [" ".join((name.text or "").split())
                     for name in entry.iterfind(f"{ATOM}author/{ATOM}name")]
            title = " ".join(entry.findtext(f"{ATOM}title", "").split())
            records[match[1]] = Record(title, names)
    return records


def crossref_record(client, doi):
    """Ask Crossref for one DOI; None where Crossref does not know it."""
    data = client.get("/" + urllib.parse.quote(doi, safe=""))
    if data is None:
        return None
    try:
        message = json.loads(data)["message"]
        authors = [
            f"{a.get('given', '')} {a.get('family', a.get('name', ''))}".strip()
            for a in message.get("author", [])
        ]
        title = re.sub(r"<[^>]+>", "", (message.get("title") or [""])[0])
        return Record(" ".join(title.split()), authors)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotChecked(
            f"{client.name}: answer is not the JSON expected") from error


# ---------------------------------------------------------------- comparing


def same_title(ours, theirs):
    """Whether two titles are one: subtitle and spelling may differ a little.

    >>> same_title("Generative Adversarial Nets",
    ...            "Generative Adversarial Networks")
    True
    >>> same_title("StarGAN", "Rogue waves in condensates")
    False
    """
    a, b = fold(ours), fold(theirs)
    if not a or not b:
        return False
    if min(len(a), len(b)) >= 10 and (a.startswith(b) or b.startswith(a)):
        return True
    return SequenceMatcher(None, a, b, autojunk=False).ratio() >= 0.85


def _same_name(name, text):
    """Whether a name in full ends or begins with the family name."""
    words = [fold(word) for word in re.split(r"[\s-]+", text)]
    cuts = range(len(words))
    return fold(name.family) in (*("".join(words[i:]) for i in cuts),
                                 *("".join(words[:i + 1]) for i in cuts))


def disagreements(work, record, service):
    """What a record says otherwise than the entry; a list of problems."""
    problems = []
    title = work["title"]
    if service == "arXiv" and work["eprinttitle"]:
        title = work["eprinttitle"]
    if not same_title(title, record.title):
        problems.append(f"{service} has another title: {record.title!r}")
    if not record.authors or any(not name.given for name in work.authors):
        return problems  # an organization stands for its members
    missing = [str(name) for name in work.authors
               if not any(_same_name(name, n) for n in record.authors)]
    extra = [] if work.more_authors else [
        name for name in record.authors
        if not any(_same_name(n, name) for n in work.authors)]
    if missing:
        problems.append(f"{service} does not name {', '.join(missing)}")
    if extra:
        problems.append(f"{service} also names {', '.join(extra)}")
    return problems


def check(works, arxiv_url, crossref_url, folder, timeout=20.0,
          sleep=time.sleep):
    """Compare every arXiv id and DOI with what its registry says.

    Args:
        works: list of `references.Work`.
        arxiv_url: address of arXiv's query interface.
        crossref_url: address of Crossref's works.
        folder: `Path` for the answers.
        timeout: seconds for one answer.
        sleep: waits; tests put their own here.

    Returns:
        Two lists of (key, text): problems, and what was not checked.
    """
    cache = Cache(folder)
    arxiv = Client("arXiv", arxiv_url, timeout, ARXIV_PAUSE, sleep)
    crossref = Client("Crossref", crossref_url, timeout, CROSSREF_PAUSE, sleep)
    problems, unchecked = [], []
    for work, record in _arxiv(works, arxiv, cache, unchecked):
        found = (disagreements(work, record, "arXiv") if record
                 else [f"arXiv knows no {work.arxiv}"])
        problems += [(work.key, problem) for problem in found]
    for work, record in _crossref(works, crossref, cache, unchecked):
        found = (disagreements(work, record, "Crossref") if record
                 else [f"Crossref knows no {work.doi}"])
        problems += [(work.key, problem) for problem in found]
    return problems, unchecked


def _arxiv(works, client, cache, unchecked):
    """Yield (work, record or None); a malformed id is left to others."""
    todo = {}
    for work in works:
        if not work.arxiv or arxiv_problem(work.arxiv):
            continue
        name = re.sub(r"v\d+$", "", work.arxiv)
        if kept := cache.get("arxiv", name):
            yield work, kept
        else:
            todo.setdefault(name, []).append(work)
    for start in range(0, len(todo), BATCH):
        names = list(todo)[start:start + BATCH]
        try:
            records = arxiv_records(client, names)
        except NotChecked as error:
            unchecked += [(work.key, f"arXiv id: {error}")
                          for name in names for work in todo[name]]
            continue
        for name in names:
            if name in records:
                cache.put("arxiv", name, records[name])
            yield from ((work, records.get(name)) for work in todo[name])


def _crossref(works, client, cache, unchecked):
    """Yield (work, record or None)."""
    for work in works:
        doi = work.doi.lower()
        if not doi:
            continue
        record = cache.get("crossref", doi)
        try:
            if not record and doi.startswith(DATACITE):
                raise NotChecked("registered with DataCite, not Crossref")
            record = record or crossref_record(client, doi)
        except NotChecked as error:
            unchecked.append((work.key, f"DOI: {error}"))
            continue
        if record:
            cache.put("crossref", doi, record)
        yield work, record
