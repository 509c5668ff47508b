#!/bin/sh
# Writes the locks anew from the .in files; needs uv. Same versions in all.
set -eu
cd "$(dirname "$0")"
lock="uv pip compile --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 --fork-strategy fewest -q"
$lock site.in tensorflow.in jax.in test.in -o test.txt "$@"
$lock site.in -c test.txt -o site.txt "$@"
$lock mutation.in -c test.txt -o mutation.txt "$@"
