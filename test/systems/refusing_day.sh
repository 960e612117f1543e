#!/usr/bin/env bash
# refusing_day.sh FOLDER: runs one more day in a folder of the example, some of whose
# lines are refused, so that its warehouse has later versions and a quarantine.
set -euo pipefail
cd "$1"
day=data/online_retail/2011-12-12.csv.gz
trap 'rm -f "$day"' EXIT # the tests take the folder's days for the data
gzip -dc data/online_retail/2011-12-09.csv.gz |
  sed -E '1!s/^(C?)5/\19/; s/2011-12-09/2011-12-12/; 20,24s/^([^,]*,[^,]*,[^,"]*),[0-9]+,/\1,0,/' | gzip -n > "$day"
out=$("$DQ" run)
echo "$out"
[[ $out == *"5 of 1,625 rows went to quarantine"* ]]
