#!/bin/sh
# install.sh VENV LOCK: an environment with exactly what the lock names, and
# this project in editable form. Uses uv where it is installed, else pip.
set -eu
venv=$1
lock=$2
python=${PYTHON:-python3}
"$python" -c 'import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"dlguide needs Python 3.11 to 3.13, {sys.executable} is "
             f"{sys.version.split()[0]}; try make PYTHON=python3.12 ...")'
if command -v uv >/dev/null 2>&1; then
    [ -x "$venv/bin/python" ] || uv venv -q --python "$python" "$venv"
    uv pip install -q --python "$venv/bin/python" --require-hashes -r "$lock"
    uv pip install -q --python "$venv/bin/python" --no-deps --no-build-isolation -e .
else
    [ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$lock"
    "$venv/bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
