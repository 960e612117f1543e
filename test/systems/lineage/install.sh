#!/usr/bin/env bash
# Installs sqlglot, whose column lineage is compared with, and DuckDB's TPC-H and
# TPC-DS extensions, which bring the queries: lineage/install.sh [DIR]. Needs
# Python 3.11; about 120 MB on disk.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need python3 "Python 3.11 with venv"
target "${1:-}"
venv "$ROOT/lineage/venv" "$HERE/requirements.txt"
say "ready in $ROOT/lineage ($(du -sh "$ROOT/lineage" | cut -f1))"
