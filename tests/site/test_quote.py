import pytest

from sitekit.markdown import SiteError
from sitekit.quote import fence, find

MODULE = '''"""Module."""

EPSILON = 1e-3


def step(x):
    """Docstring
    of two lines.
    """
    c = x * 2  # (toy:c)
    return c


class Cell:
    """A cell."""

    @property
    def size(self):
        """Its size."""
        return 1

    def call(self, x):
        """Call."""
        return step(x)
'''


class FakeSite:
    """A page that holds the equation toy:c."""

    lang, page = "en", "layers/toy.md"
    source = r"\tag{toy:c}"

    def __init__(self, root):
        """Write the module the page quotes."""
        self.root = root
        path = root / "dlguide/layers/toy.py"
        path.parent.mkdir(parents=True)
        path.write_text(MODULE)

    def link(self, target):
        """Show the target itself."""
        return target


@pytest.fixture
def site(tmp_path):
    return FakeSite(tmp_path)


def test_quote_shows_code_with_file_line_numbers_and_no_docstring(site):
    html = fence("dlguide/layers/toy.py::step", site)
    assert 'data-n="6"' in html
    assert 'data-n="10"' in html
    assert 'data-n="7"' not in html
    assert "Docstring" not in html


def test_full_quote_shows_the_docstring(site):
    html = fence("dlguide/layers/toy.py::step full", site)
    assert "Docstring" in html


def test_tag_links_to_its_equation_and_is_its_anchor(site):
    html = fence("dlguide/layers/toy.py::step", site)
    assert 'id="code-toy:c"' in html
    assert '<a href="#toy:c">(toy:c)</a>' in html


def test_quote_links_file_and_api(site):
    html = fence("dlguide/layers/toy.py::Cell.call", site)
    assert 'href="source/dlguide/layers/toy.py"' in html
    assert 'href="api/layers.md#dlguide.layers.toy.Cell.call"' in html


def test_a_private_helper_has_no_link_to_the_api(site):
    path = site.root / "dlguide/layers/toy.py"
    path.write_text("def _rank(v):\n    return v\n")
    html = fence("dlguide/layers/toy.py::_rank", site)
    assert 'href="source/dlguide/layers/toy.py"' in html
    assert "api/" not in html


def test_a_decorated_method_starts_at_its_decorator(site):
    first, last, _ = find(site.root / "dlguide/layers/toy.py", "Cell.size")
    assert (first, last) == (17, 20)


def test_a_constant_can_be_quoted(site):
    assert "EPSILON" in fence("dlguide/layers/toy.py::EPSILON", site)


def test_a_cell_of_an_example_can_be_quoted(site):
    path = site.root / "examples/layers/toy.py"
    path.parent.mkdir(parents=True)
    path.write_text('# %% name="a"\nx = 1\n# %% name="b"\n\ny = 2\nz = 3\n')
    html = fence("examples/layers/toy.py::b", site)
    assert 'data-n="5"' in html
    assert 'data-n="6"' in html
    assert 'data-n="2"' not in html


@pytest.mark.parametrize(("text", "message"), [
    ("dlguide/layers/toy.py::nothing", "no symbol 'nothing'; it has .*step"),
    ("dlguide/layers/toy.py::Cell.nothing", "no symbol 'Cell.nothing'"),
    ("dlguide/layers/none.py::step", "no file"),
    ("sitekit/quote.py::find", "no file"),
    ("dlguide/../secret.py::x", "no file"),
    ("dlguide/layers/toy.py", "expected path::symbol"),
    ("dlguide/layers/toy.py::step loud", "expected path::symbol"),
    ("", "expected path::symbol"),
])
def test_a_wrong_quote_fails_and_says_why(site, text, message):
    with pytest.raises(SiteError, match=message):
        fence(text, site)
