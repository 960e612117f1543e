#!/usr/bin/env bash
# Installs Python's deltalake (delta-rs), and DuckDB and Arrow to digest what is
# read: readers/install.sh [DIR]. Needs Python 3.11; about 400 MB on disk.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need python3 "Python 3.11 with venv"
target "${1:-}"
venv "$ROOT/readers/venv" "$HERE/requirements.txt"
say "ready in $ROOT/readers ($(du -sh "$ROOT/readers" | cut -f1))"
