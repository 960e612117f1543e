#!/usr/bin/env bash
# One table of each kind that dq writes: Spark and delta-rs read it as dq does,
# Spark changes it, and dq reads and changes it again:
#
#   DQ=./dq test/systems/roundtrip.sh .systems/kinds
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ $# -eq 1 ] || { echo "usage: [DQ=./dq] [DQ_SYSTEMS=DIR] $0 FOLDER" >&2; exit 2; }
dq=$(command -v "${DQ:-dq}") || { echo "${DQ:-dq}: no such program; build it: go build -o dq ./cmd/dq, and set DQ=./dq" >&2; exit 2; }
target
"$HERE/spark/install.sh" "$ROOT"

say "dq writes"
DQ=$dq "$HERE/kinds.sh" "$1"
agree "$1"
say "Spark changes"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$ROOT/spark/venv/bin/python" "$HERE/spark/change.py" "$1" 2> "$log" || { tail -n 30 "$log" >&2; die "Spark could not change a table"; }
for table in "$1"/*/; do
  table=${table%/}
  got=$("$dq" table query "$table" "SELECT count(*) FILTER (id = 1001) AS came, count(*) FILTER (id = 1 AND part = 'spark') AS changed, count(*) FILTER (id = 3) AS gone FROM t" --format ndjson)
  [ "$got" = '{"came":1,"changed":1,"gone":0}' ] || die "$table after Spark: $got"
  "$dq" table update "$table" --set "part='dq'" --where 'id = 1001' > /dev/null
  "$dq" table fsck "$table" > /dev/null || die "$table: fsck finds something; dq table fsck $table"
done
agree "$1"
