#!/bin/sh
# versions.sh [oldest] [newest]: the doctests, the tests of the layers and the
# basics, the contract of the pages and the site, with the oldest and with the
# newest versions that pyproject.toml allows. Not from the locks, so a release
# of today can fail here before it reaches a reader who installs without them.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export EXAMPLES=0 NO_MKDOCS_2_WARNING=1

try() {
    echo "== $kind: $*"
    "$@" || failed="$failed
$kind: $*"
}

failed=
for kind in ${*:-oldest newest}; do
    venv=${VENV:-.venv}-$kind
    rm -rf "$venv"
    "$python" -m venv "$venv"
    case $kind in
        oldest) "$python" requirements/oldest.py ;;
        newest) ;;
        *) echo "expected oldest or newest, got $kind" >&2; exit 2 ;;
    esac > "$venv/constraints.txt"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check \
        -c "$venv/constraints.txt" -e ".[site,tensorflow]" hypothesis pytest
    "$venv/bin/python" -m pip freeze --disable-pip-version-check |
        grep -E '^(keras|numpy|tensorflow(-cpu)?|mkdocs(-material)?)=='
    try "$venv/bin/python" -m pytest -q dlguide tests/layers tests/basics
    try "$venv/bin/python" -m sitekit.check
    try "$venv/bin/python" -m mkdocs build --strict -d "$venv/site"
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
