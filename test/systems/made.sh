#!/usr/bin/env bash
# One table of each kind that delta-spark makes: dq reads it as Spark does and changes
# it, Spark reads what came of it and goes on, and dq reads that:
#
#   DQ=./dq test/systems/made.sh .systems/made
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ $# -eq 1 ] || { echo "usage: [DQ=./dq] [DQ_SYSTEMS=DIR] $0 FOLDER" >&2; exit 2; }
dq=$(command -v "${DQ:-dq}") || { echo "${DQ:-dq}: no such program; build it: go build -o dq ./cmd/dq, and set DQ=./dq" >&2; exit 2; }
target
"$HERE/spark/install.sh" "$ROOT"
rm -rf "$1" && mkdir -p "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "Spark makes"
"$ROOT/spark/venv/bin/python" "$HERE/spark/make.py" "$1" 2> "$work/log" || { tail -n 30 "$work/log" >&2; die "Spark could not make a table"; }
agree "$1"

rowids() {
  "$ROOT/spark/venv/bin/python" "$HERE/spark/rowids.py" "$1/row_tracking" "$work/spark" 2> "$work/log" ||
    { tail -n 30 "$work/log" >&2; die "Spark cannot read the ids of rows"; }
}
rowids "$1" > "$work/before"

say "dq changes"
printf 'id,part\n1,merged\n7,merged\n' > "$work/merge.csv"
printf 'id,part\n8,appended\n' > "$work/append.csv"
printf 'id,part,key\n8,appended,100\n' > "$work/keyed.csv"
unlike="count(DISTINCT key) = count(*)"
for table in "$1"/*/; do
  table=${table%/}
  "$dq" table append "$table" "$work/append.csv" > /dev/null
  "$dq" table merge "$table" "$work/merge.csv" --on id > /dev/null
  "$dq" table delete "$table" --where 'id = 4' > /dev/null
  got=$("$dq" table query "$table" "SELECT CAST(sum(id) AS BIGINT) AS ids, count(*) FILTER (part = 'merged') AS merged FROM t WHERE id < 100" --format ndjson)
  [ "$got" = '{"ids":26,"merged":2}' ] || die "$table after dq: $got"
  case $(basename "$table") in # what the table makes of rows that come without it
    checked)
      if refused=$("$dq" table update "$table" --set "part='far too long'" --where 'id = 2' 2>&1); then die "$table: a row that breaks its constraint is written"; fi
      [[ $refused == *"breaks the constraint sound"* ]] || die "$table: $refused"
      asked= ;;
    defaults) asked="count(*) FILTER (status = 'new' AND part = 'appended') = 1 AND count(*) FILTER (status = 'old' AND id = 1) = 1" ;;
    identity)
      if refused=$("$dq" table append "$table" "$work/keyed.csv" 2>&1); then die "$table: a row brings its own identity"; fi
      [[ $refused == *"GENERATED ALWAYS AS IDENTITY"* ]] || die "$table: $refused"
      asked="$unlike" ;;
    generated) asked="bool_and(twice IS NOT DISTINCT FROM amount * 2)" ;;
    generated_day) asked="bool_and(day IS NOT DISTINCT FROM CAST(\"at\" AS DATE)) AND count(day) = 4" ;;
    generated_month) asked="bool_and(month IS NOT DISTINCT FROM strftime(\"at\", '%Y-%m')) AND count(month) = 4" ;;
    *) asked= ;;
  esac
  if [ -n "$asked" ]; then
    got=$("$dq" table query "$table" "SELECT $asked AS made FROM t" --format ndjson)
    [ "$got" = '{"made":true}' ] || die "$table after dq: not $asked"
  fi
  "$dq" table fsck "$table" > /dev/null || die "$table: fsck finds something; dq table fsck $table"
done
agree "$1"
rowids "$1" > "$work/after"
python3 - "$work/before" "$work/after" << 'EOF' || die "rows do not keep their ids"
import json, sys
before, after = ({row["id"]: row for row in json.load(open(path))} for path in sys.argv[1:])
assert sorted(after) == [1, 2, 3, 5, 7, 8], sorted(after)
assert len({row["row_id"] for row in after.values()}) == 6, after
for key in (2, 3, 5):
    assert after[key] == before[key], (before[key], after[key])
assert after[1]["row_id"] == before[1]["row_id"] and after[1]["version"] > before[1]["version"], (before[1], after[1])
for key in (7, 8):
    assert after[key]["row_id"] not in {row["row_id"] for row in before.values()}, after[key]
EOF

say "Spark goes on" # but for defaults: tasks of Spark 3.5 that read such columns look for a session, and fail
"$ROOT/spark/venv/bin/python" "$HERE/spark/change.py" "$1" defaults 2> "$work/log" || { tail -n 30 "$work/log" >&2; die "Spark could not change a table"; }
for table in "$1"/*/; do
  table=${table%/}
  if [ "$(basename "$table")" = defaults ]; then continue; fi
  asked=true
  if [ "$(basename "$table")" = identity ]; then asked=$unlike; fi
  got=$("$dq" table query "$table" "SELECT count(*) FILTER (id = 1001) AS came, count(*) FILTER (id = 1 AND part = 'spark') AS changed, count(*) FILTER (id = 3) AS gone, $asked AS made FROM t" --format ndjson)
  [ "$got" = '{"came":1,"changed":1,"gone":0,"made":true}' ] || die "$table after Spark: $got"
  "$dq" table fsck "$table" > /dev/null || die "$table: fsck finds something; dq table fsck $table"
done
agree "$1"
