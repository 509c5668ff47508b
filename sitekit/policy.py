"""The Content-Security-Policy of the site: only its own scripts run.

The theme writes a few short scripts into each page. Their hashes make a
policy without `unsafe-inline`; it is written to `_headers` in the site's
folder, a file that several static hosts read. Others get the line copied
into their configuration.
"""

import base64
import hashlib
import re
from pathlib import Path

INLINE = re.compile(r"<script(?![^>]*\bsrc=)(?P<attributes>[^>]*)>(?P<code>.*?)"
                    r"</script>", re.S)
DATA = re.compile(r'type="application/(?:ld\+)?json"')


def inline_scripts(html):
    """Code of the scripts that stand in a page itself.

    >>> inline_scripts('<script src="x.js"></script><script>1</script>')
    ['1']
    """
    return [m["code"] for m in INLINE.finditer(html)
            if not DATA.search(m["attributes"])]


def digest(code):
    """A script's hash as the policy writes it: 'sha256-...'."""
    value = hashlib.sha256(code.encode()).digest()
    return f"'sha256-{base64.b64encode(value).decode()}'"


def policy(site):
    """The policy of a built site.

    Args:
        site: its folder.

    Returns:
        The value of the header.
    """
    hashes = sorted({
        digest(code) for path in Path(site).rglob("*.html")
        for code in inline_scripts(path.read_text("utf-8"))
    })
    return "; ".join((
        "default-src 'self'", f"script-src 'self' {' '.join(hashes)}",
        "style-src 'self' 'unsafe-inline'", "img-src 'self' data:",
        "object-src 'none'", "base-uri 'self'", "form-action 'self'",
        "frame-ancestors 'none'",
    ))


def write_headers(site):
    """Write `_headers` into a built site."""
    text = (f"/*\n  Content-Security-Policy: {policy(site)}\n"
            "  X-Content-Type-Options: nosniff\n"
            "  Referrer-Policy: no-referrer\n")
    (Path(site) / "_headers").write_text(text, "utf-8")


def write_robots(site, *urls):
    """Write `robots.txt`: everything may be read, the sitemaps are here.

    Args:
        site: folder of the built site.
        urls: addresses of its languages, with a slash at the end.
    """
    lines = ["User-agent: *", "Allow: /", ""]
    lines += [f"Sitemap: {url}sitemap.xml" for url in urls]
    (Path(site) / "robots.txt").write_text("\n".join(lines) + "\n", "utf-8")
