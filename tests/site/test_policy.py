"""The Content-Security-Policy: nothing but our own scripts."""

import re
import threading
from http.server import ThreadingHTTPServer

import pytest

from sitekit import policy
from tests.site.conftest import Handler

PAGES = ["", "en/", "layers/lstm/", "en/practice/cifar10/",
         "examples/layers/lstm/", "about/glossary/", "api/layers/", "404.html"]


@pytest.fixture(scope="module")
def guarded(site):
    """Address of the site, served with the policy of its `_headers`."""
    text = (site / "_headers").read_text("utf-8")
    value = re.search(r"Content-Security-Policy: (.*)", text)[1]

    class Guarded(Handler):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(site), **kwargs)

        def end_headers(self):
            self.send_header("Content-Security-Policy", value)
            super().end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def tab(browser):
    """A tab that counts what the policy stops."""
    context = browser.new_context()
    context.add_init_script(
        "window.stopped = []; addEventListener('securitypolicyviolation',"
        " event => stopped.push(event.violatedDirective));")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("url", PAGES)
def test_no_page_breaks_the_policy(tab, guarded, url):
    tab.goto(guarded + url, wait_until="networkidle")
    assert tab.evaluate("stopped") == []
    assert tab.locator("[data-md-color-scheme]").count() > 0


def test_search_works_under_the_policy(tab, guarded):
    tab.goto(guarded, wait_until="networkidle")
    tab.locator(".md-search__input").first.press_sequentially("卷积")
    tab.locator(".md-search-result__item").first.wait_for(timeout=20000)
    assert tab.evaluate("stopped") == []


@pytest.mark.parametrize("attack", [
    "document.body.append(Object.assign(document.createElement('script'),"
    " {textContent: 'window.hacked = 1'}))",
    "document.body.insertAdjacentHTML('beforeend',"
    " '<img src=\"x\" onerror=\"window.hacked = 1\">')",
    "document.body.append(Object.assign(document.createElement('script'),"
    " {src: 'https://example.org/x.js'}))",
])
def test_foreign_script_is_stopped(tab, guarded, attack):
    tab.goto(guarded, wait_until="networkidle")
    tab.evaluate(attack)
    tab.wait_for_timeout(500)
    assert tab.evaluate("stopped.length") >= 1
    assert tab.evaluate("window.hacked") is None


def test_policy_needs_few_hashes_and_no_unsafe_scripts(site):
    scripts = re.search("script-src ([^;]*)", policy.policy(site))[1]
    assert "unsafe" not in scripts
    assert 1 <= scripts.count("sha256-") <= 8
