#!/usr/bin/env bash
# Reads every Delta table below a warehouse with delta-spark, with Python's
# deltalake and with dq, and compares rows, types and values:
#
#   DQ=./dq test/systems/compare.sh examples/ecommerce/warehouse
#
# DQ is the program (default: dq on the PATH). What is missing of Spark and
# deltalake is installed into DQ_SYSTEMS (default ./.systems) first.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ $# -eq 1 ] || { echo "usage: [DQ=./dq] [DQ_SYSTEMS=DIR] $0 WAREHOUSE" >&2; exit 2; }
[ -d "$1" ] || { echo "$1: no such folder" >&2; exit 2; }
warehouse=$(cd "$1" && pwd)
dq=$(command -v "${DQ:-dq}") || { echo "${DQ:-dq}: no such program; build it: go build -o dq ./cmd/dq, and set DQ=./dq" >&2; exit 2; }
target
"$HERE/readers/install.sh" "$ROOT"
"$HERE/spark/install.sh" "$ROOT"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "Spark reads"
"$ROOT/spark/venv/bin/python" "$HERE/spark/read.py" "$warehouse" "$work/copies" 2> "$work/spark.log" ||
  { tail -n 30 "$work/spark.log" >&2; die "Spark did not run"; }
say "deltalake reads"
"$ROOT/readers/venv/bin/python" "$HERE/readers/read.py" "$warehouse" "$work/copies" > "$work/readers.json"
say "dq reads"
"$ROOT/readers/venv/bin/python" "$HERE/compare.py" "$warehouse" "$dq" "$work/readers.json"
