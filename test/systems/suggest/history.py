"""Whether suites that dq suggest learns from the versions before let the next good version through and
stop a bad one: real tables as they were published, and real breakages.

    history.py DQ DATA [--step N]

DATA has history/*.parquet (snapshots in _snapshot_at, _commit) and incidents/ (index.json; before, bad,
after). Every Nth snapshot, those that are known to be bad, and the ones that follow these, are judged by a
suite of those before, up to 60. Other columns than the suite has are no judgement on rows, and are counted
apart. Prints what was caught and what was stopped falsely; fails when an incident is missed, or more than one
good version in ten is stopped."""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

import duckdb

# Not caught, and why.
KNOWN = {
    "sp500_ragged_row": "the first version: nothing came before",
    "ourairports_countries_keywords_shift": "a large change that was meant: it must pass",
}


def snapshots(path, where):
    """Writes a CSV file of each snapshot, without the columns that it did not have."""
    quoted = lambda c: '"' + c.replace('"', '""') + '"'
    columns = [c for c in duckdb.sql(f"SELECT * EXCLUDE (_snapshot_at, _commit) FROM '{path}'").columns]
    files = []
    for at, commit in duckdb.sql(f"SELECT DISTINCT _snapshot_at, _commit FROM '{path}' ORDER BY 1, 2").fetchall():
        filled = duckdb.sql(f"SELECT {', '.join('count(' + quoted(c) + ')' for c in columns)} FROM '{path}' WHERE _commit = '{commit}'").fetchone()
        own = ", ".join(quoted(c) for c, n in zip(columns, filled) if n)
        files.append(os.path.join(where, f"{len(files):03}_{at[:10]}_{commit[:10]}.csv"))
        duckdb.sql(f"COPY (SELECT {own} FROM '{path}' WHERE _commit = '{commit}') TO '{files[-1]}' (HEADER)")
    return files


def stopped(dq, before, file, where):
    """What the suite of the versions before says of a file: '' when it passes, else why not."""
    suite = os.path.join(where, "suite.yaml")
    p = subprocess.run([dq, "suggest", *before], capture_output=True, text=True)
    if p.returncode != 0:
        sys.exit(f"dq suggest {before[-1]}: exit {p.returncode}\n{p.stderr}")
    with open(suite, "w") as f:
        f.write(p.stdout)
    p = subprocess.run([dq, "check", file, "--suite", suite, "--format", "json"], capture_output=True, text=True)
    if p.returncode == 2:
        return "other columns: " + p.stderr.splitlines()[0].split(": ", 2)[-1]
    check = json.loads(p.stdout)
    return ", ".join([e["id"] for e in check["expectations"] if e["verdict"] in ("fail", "error")] + [f["rule"] for f in check.get("findings", []) if f["severity"] == "error"])


def main():
    a = argparse.ArgumentParser()
    a.add_argument("dq")
    a.add_argument("data")
    a.add_argument("--step", type=int, default=9)
    a = a.parse_args()
    failed = []
    with open(os.path.join(a.data, "incidents/index.json")) as f:
        index = json.load(f)
    known = {i["2_bad"]["commit"][:10] for i in index if i["name"] not in KNOWN}
    with tempfile.TemporaryDirectory() as where:
        for path in sorted(glob.glob(os.path.join(a.data, "history/*.parquet"))):
            name = os.path.basename(path)[:-8]
            os.mkdir(os.path.join(where, name))
            files = snapshots(path, os.path.join(where, name))
            is_bad = [os.path.basename(f)[:-4].split("_")[-1] in known for f in files]
            judged = set(range(len(files) // 4, len(files), a.step)) | {k for k in range(2, len(files)) if is_bad[k] or is_bad[k - 1]}
            counts = {"bad": [0, 0], "good": [0, 0]}
            shapes = 0
            for k in sorted(judged):
                why = stopped(a.dq, files[max(0, k - 60):k], files[k], where)
                which = "bad" if is_bad[k] else "good"
                if why:
                    print(f"{name} {os.path.basename(files[k])}: {which}, stopped: {why[:140]}")
                if why.startswith("other columns"):
                    shapes += 1
                    continue
                counts[which][0] += why != ""
                counts[which][1] += 1
            (caught, bad), (alarms, good) = counts["bad"], counts["good"]
            print(f"{name}: {caught} of {bad} bad versions stopped, {alarms} of {good} good ones, {shapes} with other columns not judged")
            if caught < bad or alarms * 10 > good:
                failed.append(name)
        for i in index:
            file = lambda part: os.path.join(a.data, "incidents", i[part]["file"])
            if "1_before" not in i:
                print(f"{i['name']}: not judged: {KNOWN[i['name']]}")
                continue
            bad, after = stopped(a.dq, [file("1_before")], file("2_bad"), where), stopped(a.dq, [file("1_before")], file("3_after"), where)
            print(f"{i['name']}: bad: {'stopped: ' + bad[:100] if bad else 'passes'}; after: {'stopped: ' + after[:100] if after else 'passes'}")
            if (bad == "") != (i["name"] in KNOWN) or after != "" and not after.startswith("other columns"):
                failed.append(i["name"])
    for f in failed:
        print("FAILED", f)
    sys.exit(1 if failed else 0)


main()
