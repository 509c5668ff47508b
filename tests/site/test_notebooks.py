import base64

from sitekit.notebooks import match_ids, slim

SVG = '<svg><path id="a"/><use href="#a"/></svg>'
PAGE = f"""<script>ask("https://cdnjs.example/x.js")</script>
<style type="text/css">.jupyter {{}}</style>
<div class="zeroclipboard-container"><clipboard-copy for="cell-1"><div>x</div>
</clipboard-copy>
</div>
<div class="highlight-ipynb hl-python"><pre><span></span>x = 1

y = 2
</pre></div>
<div class="clipboard-copy-txt" id="cell-1">x = 1</div>
<div class="jp-OutputPrompt jp-OutputArea-prompt"></div>
<div class="jp-RenderedText"><pre>printed
</pre></div>
<img alt="No description" src="data:image/svg+xml;base64,{
    base64.b64encode(SVG.encode()).decode()}"/>
<img src="data:image/svg+xml;base64,{
    base64.b64encode(SVG.encode()).decode()}"/>"""


def test_styles_scripts_and_copies_go_and_text_stays():
    html = slim(PAGE)
    for gone in ("<script", "<style", "clipboard", "example", "Prompt"):
        assert gone not in html
    assert "printed" in html


def test_code_keeps_its_blank_lines_in_the_themes_block():
    assert '<div class="highlight"><pre><code>x = 1\n\ny = 2' in slim(PAGE)


def test_figures_are_inline_and_their_ids_differ():
    html = slim(PAGE)
    assert "<img" not in html
    ids = [part.split('"')[0] for part in html.split('<path id="')[1:]]
    assert len(set(ids)) == 2
    for name in ids:
        assert f'href="#{name}"' in html


def test_headings_get_the_ids_of_the_table_of_contents():
    html = '<h1 id="题">a</h1><h2 class="x" id="节">b</h2><h3 id="c">c</h3>'
    assert match_ids(html, ["_1", "_2"]) == (
        '<h1 id="_1">a</h1><h2 class="x" id="_2">b</h2><h3 id="c">c</h3>')
    assert match_ids(html, ["_1"]) == html
