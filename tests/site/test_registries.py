"""Asking arXiv and Crossref, played by a server on this machine."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from sitekit import references, registries
from sitekit.references import Name, Work

AUTHORS = ("Karen Simonyan", "Andrew Zisserman")
TITLE = "Very Deep Convolutional Networks for Large-Scale Image Recognition"
DOI = "10.1109/cvpr.2016.90"


def paper(arxiv="1409.1556", title=TITLE, authors=AUTHORS, **fields):
    names = tuple(Name(*name.split()) for name in authors)
    return Work("simonyan2015very", "misc", names, fields={
        "title": title, "year": "2015", "eprint": arxiv,
        "archiveprefix": "arXiv"} | fields)


def article(**fields):
    work = paper(arxiv="", **fields)
    return Work(work.key, work.kind, work.authors, False,
                work.fields | {"eprint": "", "doi": DOI})


def atom(title=TITLE, authors=AUTHORS, arxiv="1409.1556"):
    names = "".join(f"<author><name>{a}</name></author>" for a in authors)
    return (
        '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>q</title><entry><id>http://arxiv.org/abs/{arxiv}v6</id>"
        f"<title>{title}</title>{names}</entry></feed>").encode()


def crossref(title=TITLE, authors=AUTHORS):
    people = [dict(zip(("given", "family"), a.split(), strict=True))
              for a in authors]
    return json.dumps({"message": {"title": [title], "author": people}}
                      ).encode()


class Server(ThreadingHTTPServer):
    """Answers with `answers`, one (status, headers, body) after another."""

    daemon_threads = True

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = list(answers), []

    @property
    def url(self):
        """Address without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Gives the server's next answer; the last one again and again."""

    def do_GET(self):
        """Answer, or stay silent where the status is None."""
        self.server.asked.append((self.path, self.headers["User-Agent"]))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        status, headers, body = answer
        if status is None:  # silence
            time.sleep(body)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Log nothing."""


@contextmanager
def answering(*answers):
    server = Server([a if isinstance(a, tuple) else (200, {}, a)
                     for a in answers])
    thread = threading.Thread(target=server.serve_forever,
                              kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def ask(tmp_path):
    """Check works against one server that plays both services."""
    waits = []

    def run(server, *works, timeout=5.0):
        return registries.check(
            list(works), f"{server.url}/api", f"{server.url}/works",
            tmp_path / "cache", timeout, waits.append)

    run.waits = waits
    return run


def test_agreement_is_no_problem_and_says_who_asks(ask):
    with answering(atom()) as server:
        assert ask(server, paper()) == ([], [])
        path, agent = server.asked[0]
    assert parse_qs(urlsplit(path).query)["id_list"] == ["1409.1556"]
    assert agent.startswith("dlguide")
    with answering(crossref()) as server:
        assert ask(server, article()) == ([], [])
        assert unquote(server.asked[0][0]) == f"/works/{DOI}"


def test_another_title_is_found(ask):
    wrong = "Dynamics of Rogue Wave Excitation Pattern"
    with answering(atom(title=wrong)) as server:
        problems, unchecked = ask(server, paper())
    assert problems == [("simonyan2015very",
                         f"arXiv has another title: {wrong!r}")]
    assert unchecked == []
    with answering(crossref(title=wrong)) as server:
        problems, _ = ask(server, article())
    assert "Crossref has another title" in problems[0][1]


def test_a_title_of_the_preprint_is_compared_where_given(ask):
    with answering(atom(title="VGG in short")) as server:
        assert ask(server, paper(eprinttitle="VGG in short"))[0] == []


@pytest.mark.parametrize(("theirs", "problem"), [
    (("Karen Simonyan",), "arXiv does not name Andrew Zisserman"),
    ((*AUTHORS, "Ada Lovelace"), "arXiv also names Ada Lovelace"),
    (("Li-Chen Zhao", "A. Zisserman"), "arXiv does not name Karen Simonyan"),
])
def test_other_authors_are_found(ask, theirs, problem):
    with answering(atom(authors=theirs)) as server:
        problems, _ = ask(server, paper())
    assert ("simonyan2015very", problem) in problems


def test_accents_order_and_et_al_do_not_matter(ask):
    work = Work("k", "misc", (Name("Łukasz", "Kaiser"),
                              Name("Aaron", "van den Oord"),
                              Name("Quoc", "Le")), True, {
        "title": "A: B", "eprint": "1409.1556", "archiveprefix": "arXiv"})
    theirs = ("Lukasz Kaiser", "Aaron van den Oord", "Le Quoc", "Noam Shazeer")
    with answering(atom(title="A B", authors=theirs)) as server:
        assert ask(server, work) == ([], [])
    assert not registries._same_name(Name("Q", "Le"), "Noam Able")


def test_an_unknown_id_is_a_problem(ask):
    with answering(atom(arxiv="1409.9999")) as server:
        problems, unchecked = ask(server, paper())
    assert problems == [("simonyan2015very", "arXiv knows no 1409.1556")]
    with answering((404, {}, b"Resource not found.")) as server:
        problems, unchecked = ask(server, article())
    assert problems == [("simonyan2015very", f"Crossref knows no {DOI}")]
    assert unchecked == []


BOMB = (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa">'
        b'<!ENTITY b "&a;&a;&a;&a;">]><feed>&b;</feed>')
OUTSIDE = (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
           b"<feed>&e;</feed>")


@pytest.mark.parametrize(("answer", "words"), [
    (b"<feed><entry>", "not XML"), (b"", "not XML"), (b"{}", "not XML"),
    (b"<html></html>", "not an Atom feed"), (BOMB, "DOCTYPE"),
    (BOMB.decode().encode("utf-16"), "DOCTYPE"), (OUTSIDE, "DOCTYPE"),
    ((404, {}, b""), "HTTP 404"), ((500, {}, b""), "HTTP 500"),
    ((403, {}, b""), "HTTP 403"),
])
def test_what_arxiv_must_not_answer_leaves_the_entry_unchecked(
        ask, answer, words):
    with answering(answer) as server:
        problems, unchecked = ask(server, paper())
    assert problems == []
    assert [key for key, _ in unchecked] == ["simonyan2015very"]
    assert words in unchecked[0][1]


@pytest.mark.parametrize("answer", [
    b"<html>", b"[]", b'{"status": "ok"}', b'{"message": {"author": [7]}}',
    b'{"message": {"title": 3}}', b"\xff\xfe",
])
def test_what_crossref_must_not_answer_leaves_the_entry_unchecked(ask, answer):
    with answering(answer) as server:
        problems, unchecked = ask(server, article())
    assert problems == []
    assert "not the JSON expected" in unchecked[0][1]


def test_silence_is_cut_off_and_the_service_not_asked_again(ask):
    other = Work("b", "misc", (), False, {"title": "T", "doi": "10.1000/1"})
    with answering((None, {}, 1.0)) as server:
        start = time.monotonic()
        problems, unchecked = ask(server, article(), other, timeout=0.3)
        assert time.monotonic() - start < 0.9
        assert len(server.asked) == 1
    assert problems == []
    assert [key for key, _ in unchecked] == ["simonyan2015very", "b"]
    assert all("within 0.3 s" in reason for _, reason in unchecked)


def test_nobody_there_is_not_checked():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = registries.Client("arXiv", url, 2.0, 0.0)
    with pytest.raises(registries.NotChecked, match="does not answer"):
        client.get("/")


def test_retry_after_is_obeyed(ask):
    later = (429, {"Retry-After": "7"}, b"")
    with answering(later, later, crossref()) as server:
        assert ask(server, article()) == ([], [])
    assert ask.waits.count(7.0) == 2


@pytest.mark.parametrize("header", ["7200", "Wed, 01 Jan 2098 00:00:00 GMT"])
def test_a_long_wait_is_not_sat_out(ask, header):
    with answering((429, {"Retry-After": header}, b"")) as server:
        problems, unchecked = ask(server, article())
        assert len(server.asked) == 1
    assert problems == []
    assert "HTTP 429" in unchecked[0][1]


def test_endless_refusal_ends(ask):
    with answering((429, {"Retry-After": "nonsense"}, b"")) as server:
        _, unchecked = ask(server, article())
        assert len(server.asked) == 3
    assert "HTTP 429" in unchecked[0][1]


def test_requests_are_few_and_apart(ask):
    works = [paper(arxiv=f"1409.{n:04}") for n in range(1, 121)]
    with answering(atom()) as server:
        ask(server, *works)
        assert len(server.asked) == 3  # 50 ids in each
    assert len(ask.waits) == 2
    assert all(2.0 < wait <= registries.ARXIV_PAUSE for wait in ask.waits)


def test_answers_are_kept_and_damaged_ones_asked_for_again(ask, tmp_path):
    with answering(atom()) as server:
        ask(server, paper())
        ask(server, paper())
        assert len(server.asked) == 1
        [kept] = (tmp_path / "cache").iterdir()
        assert json.loads(kept.read_text("utf-8"))["title"] == TITLE
        for damage in ("{", "[]", '{"title": 1, "authors": []}'):
            kept.write_text(damage, "utf-8")
            assert ask(server, paper()) == ([], [])
        assert len(server.asked) == 4


def test_a_malformed_id_is_not_asked_about(ask):
    with answering(atom()) as server:
        assert ask(server, paper(arxiv="1713.00001")) == ([], [])
        assert server.asked == []


def test_a_doi_of_datacite_is_not_checked_with_crossref(ask):
    work = Work("z", "misc", fields={"title": "T", "doi": "10.5281/zenodo.1"})
    with answering(crossref()) as server:
        problems, unchecked = ask(server, work)
        assert server.asked == []
    assert problems == []
    assert "DataCite" in unchecked[0][1]


def test_an_oversized_answer_is_refused(ask, monkeypatch):
    monkeypatch.setattr(registries, "MOST_BYTES", 100)
    with answering(atom()) as server:
        _, unchecked = ask(server, paper())
    assert "more than 100 bytes" in unchecked[0][1]


def test_the_command_reports_each_outcome(tmp_path, capsys):
    bib = tmp_path / "my.bib"
    bib.write_text(
        "@misc{a, author={Simonyan, Karen and Zisserman, Andrew}, "
        f"title={{{TITLE}}}, year=2015, eprint={{1409.1556}}, "
        "archiveprefix={arXiv}}", "utf-8")

    def run(server, name, *more):
        status = references.main([
            "check", str(bib), "--online", "--cache", str(tmp_path / name),
            "--timeout", "5", "--arxiv-url", f"{server.url}/api",
            "--crossref-url", f"{server.url}/works", *more])
        return status, *capsys.readouterr()

    with answering(atom()) as server:
        assert run(server, "a")[:2] == (0, "")
    with answering(atom(title="Rogue waves")) as server:
        status, out, _ = run(server, "b")
    assert (status, out) == (
        1, f"{bib}:a: arXiv has another title: 'Rogue waves'\n")
    with answering((500, {}, b"")) as server:
        status, out, _ = run(server, "c")
    assert status == 3
    assert out.startswith(f"{bib}:a: not checked: arXiv id: arXiv answers")
    with answering(atom()) as server:
        status, _, err = run(server, "my.bib")  # a file, not a folder
    assert status == 2
    assert "--cache" in err
