#!/usr/bin/env bash
# A pipeline fills tables that Spark has made, with rules and columns that have other
# names in the files; Spark and delta-rs read them, Spark changes them, the pipeline
# goes on, and Spark reads what it said of its changes:
#
#   DQ=./dq test/systems/piped.sh .systems/piped
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ $# -eq 1 ] || { echo "usage: [DQ=./dq] [DQ_SYSTEMS=DIR] $0 FOLDER" >&2; exit 2; }
dq=$(command -v "${DQ:-dq}") || { echo "${DQ:-dq}: no such program; build it: go build -o dq ./cmd/dq, and set DQ=./dq" >&2; exit 2; }
target
"$HERE/spark/install.sh" "$ROOT"
rm -rf "$1" && mkdir -p "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
spark() { # spark SCRIPT ARGUMENT...
  "$ROOT/spark/venv/bin/python" "$HERE/spark/$1" "${@:2}" 2> "$work/log" || { tail -n 30 "$work/log" >&2; die "Spark could not do it"; }
}
same() { # same TABLE SQL ROW: what dq reads
  local got; got=$("$dq" table query "$folder/warehouse/$1" "$2" --format ndjson)
  [ "$got" = "$3" ] || die "$1: $2: $got, not $3"
}

mkdir -p "$folder"/{in,models/silver,models/gold,suites/bronze,suites/silver,suites/gold}
cat > "$folder/pipeline.yaml" <<'YAML'
version: 1
pipeline: piped
layers:
  bronze:
    tables:
      orders: {source: {files: 'in/*.csv'}}
  silver:
    tables:
      by_name: {mode: merge, keys: [id], incremental: bronze.orders}
      by_id: {mode: merge, keys: [id], incremental: bronze.orders, partition_by: [part]}
      history: {mode: scd2, keys: [id], track: [part], effective: seen, incremental: bronze.orders}
  gold:
    tables:
      totals: {mode: overwrite}
YAML
columns="CAST(id AS BIGINT) AS id, part, CAST(amount AS DECIMAL(12,2)) AS amount, CAST(seen AS TIMESTAMPTZ) AS seen"
for table in by_name by_id; do echo "SELECT $columns FROM bronze.orders" > "$folder/models/silver/$table.sql"; done
echo "SELECT CAST(id AS BIGINT) AS id, part, CAST(seen AS TIMESTAMPTZ) AS seen FROM bronze.orders" > "$folder/models/silver/history.sql"
echo "SELECT id, any_value(part) AS part, CAST(sum(amount) AS DECIMAL(18,2)) AS amount FROM silver.by_name GROUP BY id" > "$folder/models/gold/totals.sql"
echo '{version: 1, owner: shop, expectations: {some: {table: rows() > 0}}, columns: {id: {type: string}, part: {type: string}, amount: {type: string}, seen: {type: string}}}' > "$folder/suites/bronze/orders.yaml"
for table in silver/by_name silver/by_id silver/history gold/totals; do
  echo '{version: 1, owner: shop, expectations: {some: {table: rows() > 0}}}' > "$folder/suites/$table.yaml"
done

say "Spark makes tables"
spark sql.py "$work/spark" > /dev/null <<SQL
CREATE TABLE delta.\`$folder/warehouse/silver/by_name\` (id BIGINT NOT NULL, region STRING, amount DECIMAL(12,2), seen TIMESTAMP) USING delta
  TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableChangeDataFeed' = 'true');
ALTER TABLE delta.\`$folder/warehouse/silver/by_name\` RENAME COLUMN region TO part;
ALTER TABLE delta.\`$folder/warehouse/silver/by_name\` ADD CONSTRAINT positive CHECK (amount > 0);
CREATE TABLE delta.\`$folder/warehouse/silver/by_id\` (id BIGINT, part STRING, amount DECIMAL(12,2), seen TIMESTAMP) USING delta PARTITIONED BY (part)
  TBLPROPERTIES ('delta.columnMapping.mode' = 'id', 'delta.enableDeletionVectors' = 'true');
CREATE TABLE delta.\`$folder/warehouse/silver/history\` (id BIGINT, part STRING, valid_from TIMESTAMP, valid_to TIMESTAMP, is_current BOOLEAN) USING delta
  TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableChangeDataFeed' = 'true');
CREATE TABLE delta.\`$folder/warehouse/gold/totals\` (id BIGINT, part STRING, amount DECIMAL(18,2)) USING delta
  TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableDeletionVectors' = 'true');
SQL

say "the pipeline fills them"
cat > "$folder/in/1.csv" <<'CSV'
id,part,amount,seen
1,a b/c,10.00,2026-01-01 00:00:00+00
2,é%=?,20.25,2026-01-01 00:00:00+00
3,日本,30.00,2026-01-01 00:00:00+00
4,a b/c,40.50,2026-01-01 00:00:00+00
CSV
"$dq" run "$folder/pipeline.yaml" > "$work/run" || { cat "$work/run" >&2; die "the run failed"; }
"$HERE/compare.sh" "$folder/warehouse"

say "what Spark would not take, the pipeline does not"
printf 'id,part,amount,seen\n5,bad,-1.00,2026-01-02 00:00:00+00\n' > "$folder/in/2.csv"
if "$dq" run "$folder/pipeline.yaml" > "$work/run"; then die "a row that breaks a constraint is published"; fi
tr '\n' ' ' < "$work/run" | tr -s ' ' | grep -q "1 row breaks the constraint positive: amount > 0" || { cat "$work/run" >&2; die "it does not say which rule is broken"; }

say "Spark changes them"
spark change.py "$folder/warehouse" _dq/metrics bronze/orders silver/history
for table in silver/by_name silver/by_id gold/totals; do
  same "$table" "SELECT count(*) FILTER (id = 1001) AS came, count(*) FILTER (id = 1 AND part = 'spark') AS changed, count(*) FILTER (id = 3) AS gone FROM t" '{"came":1,"changed":1,"gone":0}'
done

say "the pipeline goes on"
printf 'id,part,amount,seen\n2,moved,21.00,2026-01-03 00:00:00+00\n3,back,31.00,2026-01-03 00:00:00+00\n6,new,60.00,2026-01-03 00:00:00+00\n' > "$folder/in/2.csv"
"$dq" run "$folder/pipeline.yaml" > "$work/run" || { cat "$work/run" >&2; die "the run failed"; }
for table in silver/by_name silver/by_id gold/totals; do
  same "$table" "SELECT string_agg(id || part || amount, ' ' ORDER BY id) AS all FROM t" \
    '{"all":"1spark10.00 2moved21.00 3back31.00 4a b/c40.50 6new60.00 1001a b/c10.00"}'
  "$dq" table fsck "$folder/warehouse/$table" > /dev/null || die "$table: fsck finds something; dq table fsck $folder/warehouse/$table"
done
same silver/history "SELECT count(*) AS rows, count(*) FILTER (is_current) AS now FROM t" '{"rows":7,"now":5}'
"$HERE/compare.sh" "$folder/warehouse"

say "Spark reads what the pipeline changed"
for table in by_name history; do
  at=$("$dq" table show "$folder/warehouse/silver/$table" --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)["version"])')
  spark sql.py "$work/spark" > "$work/theirs" <<< "SELECT id, part, _change_type FROM table_changes_by_path('$folder/warehouse/silver/$table', $at, $at);
"
  "$dq" table changes "$folder/warehouse/silver/$table" --from "$at" --format ndjson | python3 -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin]
print("\n".join(sorted(json.dumps({k: r[k] for k in ("id", "part", "_change_type")}, ensure_ascii=False, separators=(",", ":")) for r in rows)))' > "$work/ours"
  cat "$work/ours"
  cmp "$work/ours" "$work/theirs" || { cat "$work/theirs" >&2; die "Spark reads other changes of $table"; }
done
