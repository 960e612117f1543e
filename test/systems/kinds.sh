#!/usr/bin/env bash
# Makes one table of each kind that dq writes, below a new folder, for other
# readers to compare:
#
#   DQ=./dq test/systems/kinds.sh .systems/kinds
#   DQ=./dq test/systems/compare.sh .systems/kinds
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: [DQ=./dq] $0 FOLDER" >&2; exit 2; }
dq=$(command -v "${DQ:-dq}") || { echo "${DQ:-dq}: no such program; build it: go build -o dq ./cmd/dq, and set DQ=./dq" >&2; exit 2; }
dq=$(cd "$(dirname "$dq")" && pwd)/$(basename "$dq")
rm -rf "$1" && mkdir -p "$1" && cd "$1"
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT

cat > "$data/orders.csv" <<'CSV'
id,part,amount,price,day,note
1,a b/c,10,1.50,2026-01-01,plain
2,é%=?,20,2.25,2026-01-02,"quoted ""text"", with a comma"
3,,30,,2026-01-03,
4,日本,40,99999.99,9999-12-31,😀
5,a b/c,,-0.01,0001-01-01,last
CSV
cat > "$data/more.csv" <<'CSV'
id,part,amount,price,day,note
2,é%=?,21,2.26,2026-02-02,changed
6,new,60,6.00,2026-02-03,came
CSV
run() { "$dq" table "$@" > /dev/null; }
make() { # make NAME [OPTION...]: a table of the orders
  run append "$1" "$data/orders.csv" "${@:2}"
}
change() { # change NAME: all that can happen to rows
  run merge "$1" "$data/more.csv" --on id
  run update "$1" --set 'amount=amount + 1' --where 'id IN (1, 4)'
  run delete "$1" --where 'id = 5'
}

make plain
make changed; change changed
make partitioned --partition-by part; change partitioned
make vectors; run alter vectors --set delta.enableDeletionVectors=true; change vectors
make partitioned_vectors --partition-by part; run alter partitioned_vectors --set delta.enableDeletionVectors=true; change partitioned_vectors
make feed; run alter feed --set delta.enableChangeDataFeed=true; change feed
make mapped; run alter mapped --set delta.columnMapping.mode=name --rename-column note=remark --drop-column price
run update mapped --set "remark='mapped'" --where 'id = 1'
make constrained; run alter constrained --add-constraint 'positive=id > 0'; change constrained
make timed; run alter timed --set delta.enableInCommitTimestamps=true; change timed
make evolved; run append evolved "$data/more.csv"
printf 'id,colour\n7,red\n' > "$data/wide.csv"; run append evolved "$data/wide.csv" --merge-schema
make mapped_evolved; run alter mapped_evolved --set delta.columnMapping.mode=name
run append mapped_evolved "$data/wide.csv" --merge-schema; change mapped_evolved
cat > "$data/named.csv" <<'CSV'
id,part,Invoice No,Price (EUR),"Sold, on",a=b;{c}
1,a,1,1.50,2026-01-01,x
2,b,2,,2026-01-02,
3,,3,-3.25,,😀
CSV
printf 'id,part,Invoice No,Price (EUR),New Col\n3,c,3,9,came\n4,d,4,4,too\n' > "$data/named2.csv"
printf '{"id":1,"part":"a","s s":{"a b":1,"l":[{"c=d":"x"}]},"m":{"k":{"v v":2}}}\n{"id":3,"part":"c","s s":null,"m":null}\n' > "$data/named.ndjson"
name() { # name NAME [OPTION...]: a table that is mapped from the first, for its names
  run append "$1" "$data/named.csv" "${@:2}"
  run append "$1" "$data/named2.csv" --merge-schema
}
name named; run merge named "$data/named2.csv" --on 'Invoice No'
run delete named --where '"Invoice No" = 2'
name named_partitioned --partition-by '"Sold, on"'
run alter named_partitioned --set delta.enableDeletionVectors=true --set delta.enableChangeDataFeed=true
run update named_partitioned --set 'Price (EUR)=7.5' --where '"Invoice No" = 1'
run append named_nested "$data/named.ndjson"
run query plain 'SELECT id, part, CAST(amount AS SMALLINT) AS amount, CAST(id AS TINYINT) AS rank, [CAST(id AS TINYINT)] AS list FROM t' --format parquet --output "$data/narrow.parquet"
printf 'id,part,amount,rank\n2,wide,90000,300\n6,wide,100000,301\n' > "$data/wider.csv"
run append widened "$data/narrow.parquet" # Spark 3.5 reads these changes of type, and no others
run alter widened --widen-column amount=int32 --widen-column rank=int16 --widen-column list.element=int32
run merge widened "$data/wider.csv" --on id; run update widened --set 'amount=amount + 1' --where 'id IN (1, 4)'; run delete widened --where 'id = 5'
make optimized; run append optimized "$data/more.csv"; run optimize optimized
make restored; change restored; run restore restored@1
make vacuumed; change vacuumed; run vacuum vacuumed --retain 0h --force --delete
make v2; run alter v2 --set delta.checkpointPolicy=v2
make logged
for i in $(seq 1 12); do
  printf 'id,amount\n%d,%d\n' $((100 + i)) "$i" > "$data/one.csv"
  run append logged "$data/one.csv"; run append v2 "$data/one.csv"
done
