"""The page about/quality: what is checked, counted, and the last full run.

All of it is counted from the pages, modules and tests at each build; only the
full test run is recorded, in docs/test_run.json:

    make test && make record

The fence takes one word of `PARTS`.
"""

import argparse
import ast
import contextlib
import json
import sys
from datetime import date
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import yaml

from sitekit import outputs
from sitekit.checks import project, proofs
from sitekit.citations import bibliography, title
from sitekit.markdown import ROOT, SiteError, breakable, escape
from sitekit.path import order
from sitekit.terms import load_terms

RUN = "docs/test_run.json"
MUTANTS = "tests/mutation/summary.json"
SURVIVORS = "tests/mutation/survivors.yml"
SLOWEST = 20
PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "scikit-learn",
            "matplotlib")


def count(root):
    """What the pages hold and the checks compare.

    Args:
        root: folder of the project.

    Returns:
        A dict from name to number.
    """
    zh, en = (project.pages(root, lang) for lang in project.LANGUAGES)
    pages = list(en.values())
    tests = [concept_tests(root, name) for name in order(root)]
    return {
        "concepts": len(tests),
        "pairs": len(set(zh) & set(en)),
        "equations": sum(len(p.equations) for p in pages),
        "tied": sum(len(e.tags) for p in pages for e in p.equations),
        "quotes": sum(len(p.kind("quote")) for p in pages),
        "results": sum(len(p.kind("result")) for p in pages),
        "plots": sum(f.target.startswith("examples/")
                     for p in pages for f in p.figures),
        "works": len(bibliography(root)),
        "citations": sum(len(p.citations) for p in pages),
        "terms": len(load_terms(root)),
        "numbers": sum(len(p.numbers) for p in pages),
        "links": sum("://" not in x.target for p in pages for x in p.links),
        "breakages": breakages(root),
        **{kind: sum(len(t[kind]) for t in tests) for kind in proofs.KINDS},
    }


def concept_tests(root, name):
    """Tests of a concept by kind.

    Args:
        root: folder of the project.
        name: "layers/lstm".

    Returns:
        A dict from each of `proofs.KINDS` to a list of function nodes.
    """
    chapter, stem = name.split("/")
    path = Path(root) / f"tests/{chapter}/test_{stem}.py"
    found = {kind: [] for kind in proofs.KINDS}
    for _, kind, tests in proofs.by_kind(path) if path.is_file() else ():
        found[kind] += tests
    return found


def breakages(root):
    """Entries of the dicts BREAKAGES in the tests of the checkers."""
    return sum(
        len(node.value.keys)
        for path in Path(root).glob("tests/site/test_checks_*.py")
        for node in project.tree_of(path).body
        if isinstance(node, ast.Assign)
        and getattr(node.targets[0], "id", "") == "BREAKAGES")


def asserted(test):
    """Source of the assertions of a test, one text each.

    Args:
        test: the `ast.FunctionDef`.

    Returns:
        A list such as ["max(run['lstm_mse']) < 0.05"].
    """
    return [ast.unparse(node.test) for node in ast.walk(test)
            if isinstance(node, ast.Assert)]


def sentence(name):
    """A test's name as a sentence.

    >>> sentence("test_one_seed_is_not_enough")
    'One seed is not enough'
    """
    return name.removeprefix("test_").replace("_", " ").capitalize()


def record(report, root=ROOT):
    """Keep a full test run for the page.

    Args:
        report: path of the JUnit file that `pytest --junitxml` wrote.
        root: folder of the project.

    Raises:
        SiteError: the file is no such report, or a test failed.
    """
    try:
        suite = ElementTree.parse(report).getroot().find("testsuite")
    except (OSError, ElementTree.ParseError) as error:
        raise SiteError(f"{report}: {error}") from error
    if suite is None:
        raise SiteError(f"{report}: no <testsuite>; expected the file that "
                        "pytest --junitxml writes")
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    if failed:
        raise SiteError(f"{report}: {failed} tests failed; a run is recorded "
                        "only when all pass")
    cases = [(test_name(case), float(case.get("time")))
             for case in suite.iter("testcase")]
    if not cases:
        raise SiteError(f"{report}: no tests in it")
    slow = sorted(cases, key=lambda case: -case[1])[:SLOWEST]
    run = {
        "date": date.fromisoformat(suite.get("timestamp")[:10]).isoformat(),
        "seconds": round(float(suite.get("time"))),
        "passed": len(cases) - int(suite.get("skipped")),
        "skipped": int(suite.get("skipped")),
        "versions": installed(),
        "slowest": [[name, round(seconds, 1)] for name, seconds in slow],
    }
    text = json.dumps(run, ensure_ascii=False, indent=1) + "\n"
    (Path(root) / RUN).write_text(text, "utf-8")


def installed():
    """Versions of Python and of the packages that the numbers depend on."""
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def test_name(case):
    """Name of a test case: "tests/layers/test_lstm.py::test_x"."""
    path = case.get("classname", "").replace(".", "/")
    return f"{path}.py::{case.get('name')}"


test_name.__test__ = False  # pytest: this is no test


def load_run(root):
    """Read docs/test_run.json.

    Returns:
        A dict; None where no run has been recorded.

    Raises:
        SiteError: the file is not what `record` writes.
    """
    path = Path(root) / RUN
    if not path.is_file():
        return None
    try:
        run = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise SiteError(f"{RUN}: {error}; see sitekit/quality.py") from error
    for name in ("date", "seconds", "passed", "skipped", "slowest"):
        if name not in run:
            raise SiteError(f"{RUN}: no {name!r}; see sitekit/quality.py")
    return run


def fence(text, site):
    """Render one part of the page."""
    part = text.strip()
    if part not in PARTS:
        raise SiteError(f"expected one of {', '.join(PARTS)}; got {part!r}")
    return PARTS[part](site)


def source(site, path, text=None):
    """Link to a published source file."""
    label = text or f"<code>{breakable(path)}</code>"
    return f'<a href="{site.link(f"source/{path}")}">{label}</a>'


def table(head, rows, numeric=()):
    """An HTML table; the columns of `numeric` are set to the right."""
    def cell(tag, number, content):
        side = ' class="n"' if number in numeric else ""
        return f"<{tag}{side}>{content}</{tag}>"

    lines = [
        "<tr>" + "".join(cell(tag, n, c) for n, c in enumerate(row)) + "</tr>"
        for tag, group in (("th", [head]), ("td", rows)) for row in group
    ]
    return (f'<div class="quality" tabindex="0"><table class="counts"><thead>'
            f"{lines[0]}</thead><tbody>{''.join(lines[1:])}</tbody></table>"
            "</div>")


def summary(site):
    """What is counted, how it is checked, and by which file."""
    n, say = count(site.root), site.say
    checks = "sitekit/checks"
    rows = (
        (n["pairs"], say("对中英页面，标题、公式、代码、图、数字、引用逐节一致",
                         "pairs of pages in step, section by section"),
         f"{checks}/twins.py"),
        (n["quotes"], say("段代码，按名字引自模块、示例与测试",
                          "snippets, quoted by symbol"),
         f"{checks}/quotes.py"),
        (n["tied"], say(f"个公式连着计算它的那一行（共 {n['equations']} 个）",
                        "equations tied to the line that computes them, of "
                        f"{n['equations']}"),
         f"{checks}/tags.py"),
        (n["results"] + n["plots"], say(
            "段输出与图，出自一次有记录的运行",
            "printed results and plots, each from a recorded run"),
         f"{checks}/examples.py"),
        (n["claim"], say("个论断，由测试在示例的运行上断言",
                         "claims, asserted on the runs of the examples"),
         f"{checks}/proofs.py"),
        (sum(n[k] for k in proofs.KINDS), say(
            "个证明用的测试函数：独立计算、梯度、极限、论断、报错",
            "test functions that prove modules: oracle, gradient, limit, "
            "claim, error"), f"{checks}/proofs.py"),
        (n["works"], say(f"条文献，各有查证记录，被引用 {n['citations']} 次",
                         f"works, each verified, cited {n['citations']} times"),
         f"{checks}/citations.py"),
        (n["terms"], say("个术语，各有一种约定的译法",
                         "terms, each with one agreed rendering"),
         f"{checks}/terms.py"),
        (n["numbers"], say("个数字，两种语言逐节比对",
                           "numbers, compared between the languages"),
         f"{checks}/numerals.py"),
        (n["links"], say("个站内链接，连同锚点；断了一个，生成就停下",
                         "links inside the guide, anchors too; a broken one "
                         "stops the build"), "tests/site/test_build.py"),
        (n["breakages"], say("处故意的破坏，各由一项检查发现",
                             "deliberate breakages, each seen by a check"),
         "tests/site/test_checks_twins.py"),
    )
    return table(
        (say("数目", "Count"), say("内容", "What"), say("检查", "Check")),
        [(f"{number:,}", what, source(site, path))
         for number, what, path in rows], numeric=(0,))


def concepts(site):
    """A row for each concept: equations, snippets, tests, seeds, seconds."""
    say, rows = site.say, []
    pages = project.concept_pages(site.root, site.lang)
    for name in order(site.root):
        page = pages[name]
        tests = concept_tests(site.root, name)
        card = outputs.load(name, site.root)["card"]
        chapter, stem = name.split("/")
        label = escape(title("\n".join(page.lines), name))
        rows.append((
            f'<a href="{site.link(f"{name}.md")}">{label}</a>',
            sum(len(e.tags) for e in page.equations),
            len(page.kind("quote")),
            *(len(tests[kind]) or "–" for kind in proofs.KINDS),
            len(card["seeds"]) or "–", f"{card['seconds']:.0f}",
            source(site, f"tests/{chapter}/test_{stem}.py",
                   say("测试", "tests")),
        ))
    head = (
        say("概念", "Concept"), say("公式", "Equations"),
        say("代码", "Snippets"), say("独立计算", "Oracle"),
        say("梯度", "Gradient"), say("极限", "Limit"), say("论断", "Claim"),
        say("报错", "Error"), say("种子", "Seeds"), say("秒", "Seconds"),
        say("文件", "File"),
    )
    return table(head, rows, numeric=range(1, 10))


def claims(site):
    """For each concept the claims, with what is asserted of the run."""
    parts = []
    for name in order(site.root):
        tests = concept_tests(site.root, name)["claim"]
        chapter, stem = name.split("/")
        items = "".join(
            f'<li><span lang="en">{escape(sentence(test.name))}</span>'
            + "".join(f"<br/><code>{escape(text)}</code>"
                      for text in asserted(test)) + "</li>"
            for test in tests)
        path = Path(site.root) / f"docs/{site.lang}/{name}.md"
        label = escape(title(path.read_text("utf-8"), name))
        file = source(site, f"tests/{chapter}/test_{stem}.py")
        seeds = outputs.load(name, site.root)["card"]["seeds"]
        note = site.say(f"{len(seeds)} 个种子", f"{len(seeds)} seeds")
        tail = f" · {note}" if seeds else ""
        parts.append(
            f"<details><summary>{label} · {len(tests)}</summary>"
            f"<p>{file}{tail}</p><ul>{items}</ul></details>")
    return f'<div class="claims">{"".join(parts)}</div>'


def last_run(site):
    """Date, time, counts and versions of the recorded run."""
    run, say = load_run(site.root), site.say
    if not run:
        return none_yet(site)
    whole, rest = divmod(run["seconds"], 60)
    minutes = say(f"{whole} 分 {rest} 秒", f"{whole} min {rest} s")
    rows = [
        (say("日期", "Date"), escape(run["date"])),
        (say("通过的测试", "Tests passed"), f"{run['passed']:,}"),
        (say("跳过的测试", "Tests skipped"), f"{run['skipped']:,}"),
        (say("用时，2 个进程", "Time, 2 processes"), minutes),
        (say("版本", "Versions"), escape(", ".join(
            f"{k} {v}" for k, v in run["versions"].items()))),
    ]
    return table((say("项目", "Item"), say("值", "Value")), rows)


def none_yet(site):
    """What the page says before the first `make record`."""
    return site.say("<p>还没有记录过完整运行。</p>",
                    "<p>No full run is on record yet.</p>")


def slowest(site):
    """The slowest tests of the recorded run."""
    run = load_run(site.root)
    if not run:
        return none_yet(site)
    rows = [(f"{seconds:.1f}", f"<code>{breakable(name)}</code>")
            for name, seconds in run["slowest"]]
    head = (site.say("秒", "Seconds"), site.say("测试", "Test"))
    return table(head, rows, numeric=(0,))


def load_mutants(root):
    """Read tests/mutation/summary.json and the reasons for survivors.

    Raises:
        SiteError: one of the files is missing or damaged.
    """
    try:
        counts = json.loads((Path(root) / MUTANTS).read_text("utf-8"))
        text = (Path(root) / SURVIVORS).read_text("utf-8")
        return counts, yaml.safe_load(text) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SiteError(f"{MUTANTS}, {SURVIVORS}: {error}") from error


def mutants(site):
    """Mutation testing: counts per module, and why survivors survived."""
    (data, reasons), say = load_mutants(site.root), site.say
    modules, total = data["modules"], data["totals"]
    keys = ("mutants", "every_killed", "run", "killed", "survived")
    rows = [(f"<code>{breakable(name)}</code>",
             *(f"{m[key]:,}" if key != "every_killed" or m["every_run"]
               else "–" for key in keys))
            for name, m in modules.items()]
    rows.append((say("合计", "Total"), *(f"{total[key]:,}" for key in keys)))
    head = (say("模块", "Module"), say("全部", "All"), say("发现", "Killed"),
            say("抽样", "Sample"), say("发现", "Killed"),
            say("漏过", "Survived"))
    items = "".join(
        f"<li><code>{escape(entry['mutant'])}</code><br/>"
        f'<span lang="en">{escape(entry["why"])}</span></li>'
        for entries in reasons.values() for entry in entries)
    count = sum(map(len, reasons.values()))
    share, whole = (f"{total[k] / max(total[n], 1):.1%}" for k, n in (
        ("killed", "run"), ("every_killed", "every_run")))
    about = say(
        f"{data['date']}，{data['tool']}：{total['every_run']:,} 处变异，"
        f"测试发现 {total['every_killed']:,} 处，占 {whole}；其中抽样的 "
        f"{total['run']:,} 处，发现 {total['killed']:,} 处，占 {share}。",
        f"On {data['date']}, with {data['tool']}: of "
        f"{total['every_run']:,} mutants the tests killed "
        f"{total['every_killed']:,}, that is {whole}; of the "
        f"{total['run']:,} in the sample, {total['killed']:,}, {share}.")
    why = say(f"抽样中漏过的 {count} 处与原因",
              f"The {count} survivors of the sample, and why")
    return (f'<div class="claims"><p>{about}</p>'
            f"{table(head, rows, range(1, 6))}<details><summary>{why}"
            f"</summary><ul>{items}</ul></details></div>")


PARTS = {
    "summary": summary, "concepts": concepts, "claims": claims,
    "mutants": mutants, "run": last_run, "slowest": slowest,
}


def main(arguments=None):
    """Record a run from the command line.

    Returns:
        0 if it was recorded, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m sitekit.quality")
    parser.add_argument("command", choices=["record"])
    parser.add_argument("report", help="the file of pytest --junitxml")
    options = parser.parse_args(arguments)
    try:
        record(options.report)
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"recorded in {RUN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
