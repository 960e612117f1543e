#!/usr/bin/env bash
# Installs DuckDB, pandas and SciPy, whose statistics profiles are compared with:
# profile/install.sh [DIR]. Needs Python 3.11; about 400 MB on disk.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need python3 "Python 3.11 with venv"
target "${1:-}"
venv "$ROOT/profile/venv" "$HERE/requirements.txt"
say "ready in $ROOT/profile ($(du -sh "$ROOT/profile" | cut -f1))"
