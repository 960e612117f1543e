#!/usr/bin/env bash
# Installs moto, an S3 server in Python: s3/install.sh [DIR]. Needs Python 3.11;
# about 120 MB on disk.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need python3 "Python 3.11 with venv"
target "${1:-}"
venv "$ROOT/s3/venv" "$HERE/requirements.txt"
say "ready in $ROOT/s3 ($(du -sh "$ROOT/s3" | cut -f1))"
