#!/bin/sh
# successor.sh: what Zensical, the successor of the theme, makes of both
# languages, in a copy of the project. Outside the gate; CONTRIBUTING says what
# to expect.
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}-successor
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
venv=$(cd "$venv" && pwd)
"$venv/bin/python" -m pip install -q --disable-pip-version-check -U \
    -r requirements/site.in zensical
"$venv/bin/python" -m pip freeze | grep '^zensical=='
rm -rf "$venv/copy"
mkdir "$venv/copy"
git ls-files -co --exclude-standard -z | tar -c --null -T - |
    tar -x -C "$venv/copy"
cd "$venv/copy"
export PYTHONPATH=. NO_COLOR=1
# our plugin does this under MkDocs
"$venv/bin/python" -c 'from sitekit.generate import generate
generate("zh")
generate("en")'
failed=0
"$venv/bin/zensical" build -f mkdocs.yml || failed=$?
echo "zh: exit $failed, $(find site -name index.html | wc -l) pages"
code=0
"$venv/bin/zensical" build -f mkdocs.en.yml || code=$?
echo "en: exit $code, $(find site/en -name index.html | wc -l) pages"
exit $((failed + code))
