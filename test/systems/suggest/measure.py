"""How well suites that dq suggest learns from a dirty table find its wrong cells: precision
and recall by cell, by row and by column, beside those of a suite of types, nulls and ranges.

    measure.py DQ [--labelled DIR] [--data DIR] [--only NAME] [--show]

DIR has a folder a table with dirty.csv and errors.csv (row from 0, column, dirty, clean);
--data is a folder of real tables, in which mistakes are made. Fails below the floors in floors.json, and prints which of the aims there are missed.
A cell counts as found when a rule that its row breaks is of its column: of a rule beside a
column, that one, else each that the rule reads. --show lists what each rule finds."""
import argparse
import collections
import csv
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

import duckdb
import mistakes

HELD_OUT = ["airports"]
HERE = os.path.dirname(os.path.abspath(__file__))


def labelled(folder):
    with open(os.path.join(folder, "errors.csv"), newline="") as f:
        return os.path.join(folder, "dirty.csv"), {(int(e["row"]), e["column"]) for e in csv.DictReader(f)}


def made(rows, name, where, seed, wrong=None):
    """Writes a table with mistakes, unless it has some; gives its file and their places."""
    columns = list(rows[0])
    if wrong is None:
        rows, wrong = mistakes.dirty(rows, columns, seed)
    path = os.path.join(where, name + ".csv")
    with open(path, "w", newline="") as f:
        w = csv.DictWriter(f, columns)
        w.writeheader()
        w.writerows(rows)
    return path, wrong


def real(data, where):
    """Real tables with mistakes made in them. Those in HELD_OUT nobody looked at while rules were thought out."""
    def of(sql):
        rows = duckdb.sql(sql)
        return [{c: "" if v is None else str(v) for c, v in zip(rows.columns, row)} for row in rows.fetchall()]
    last = "SELECT * EXCLUDE (_snapshot_at, _commit) FROM '{0}' WHERE _snapshot_at = (SELECT max(_snapshot_at) FROM '{0}')"
    yield "sp500", *made(of(last.format(os.path.join(data, "history/sp500.parquet"))), "sp500", where, 1)
    yield "countries", *made(of(last.format(os.path.join(data, "history/country_codes.parquet"))), "countries", where, 2)
    rows = []
    for path in sorted(glob.glob(os.path.join(data, "online_retail/by-day/*.csv.gz")))[:3]:
        with gzip.open(path, "rt", newline="") as f:
            rows += list(csv.DictReader(f))
    yield "retail", *made(rows, "retail", where, 3)
    rows, wrong = mistakes.told(4)
    yield "told", *made(rows, "told", where, 4, wrong)
    with gzip.open(glob.glob(os.path.join(data, "incidents/ourairports_countries_keywords_shift/3_*"))[0], "rt", newline="") as f:
        yield "airports", *made(list(csv.DictReader(f)), "airports", where, 5)


def score(found, wrong):
    hit = len(found & wrong)
    p, r = hit / len(found) if found else 0.0, hit / len(wrong) if wrong else 1.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


def check(dq, data, suite, where):
    """The rows' broken rules {row: [id]}, and each rule's columns {id: [column]}."""
    failures = os.path.join(where, "f.parquet")
    p = subprocess.run([dq, "check", data, "--suite", suite, "--format", "json", "--out", "failures=" + failures], capture_output=True, text=True)
    if p.returncode not in (0, 1):
        sys.exit(f"dq check {data} --suite {suite}: exit {p.returncode}\n{p.stderr}")
    rules = {e["id"]: [e["id"].rsplit(".", 1)[0]] if e["id"].rsplit(".", 1)[0] in e["columns"] else e["columns"] for e in json.loads(p.stdout)["expectations"]}
    return {row - 1: ids for row, ids in duckdb.sql(f"SELECT _row, _failed FROM '{failures}'").fetchall()}, rules


def plain(dq, data, where):
    """A suite of types, nulls and ranges: what fits most values of each column."""
    rows = duckdb.sql(f"SELECT * FROM read_csv('{data}', all_varchar = true, header = true)")
    lines = ["version: 1", "table: t", "columns:"]
    n = rows.aggregate("count(*)").fetchone()[0]
    for c in rows.columns:
        q = '"' + c.replace('"', '""') + '"'
        filled, numbers, low, high = duckdb.sql(f"SELECT count({q}), count(TRY_CAST({q} AS DOUBLE)), quantile_cont(TRY_CAST({q} AS DOUBLE), 0.001), quantile_cont(TRY_CAST({q} AS DOUBLE), 0.999) FROM rows").fetchone()
        rules = ["type: string"]
        if filled >= 0.9 * n:
            rules.append("not_null: true")
        lines.append(f"  {json.dumps(c)}: {{{', '.join(rules)}}}")
        if filled and numbers >= 0.9 * filled:
            lines.append(f"#{c}\t{low}\t{high}")
    extra = [line[1:].split("\t") for line in lines if line.startswith("#")]
    lines = [line for line in lines if not line.startswith("#")] + ["expectations:"] * bool(extra)
    for i, (c, low, high) in enumerate(extra):
        lines.append(f"  range_{i}: {{row: {json.dumps(f'double(row.`{c}`) >= {float(low)!r} && double(row.`{c}`) <= {float(high)!r}')}, where: {json.dumps(f'row.`{c}` != null')}}}")
    path = os.path.join(where, "plain.yaml")
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    return path


def measure(dq, data, wrong, suite, where, show=False):
    rows, rules = check(dq, data, suite, where)
    cells = {(row, c) for row, ids in rows.items() for i in ids for c in rules[i]}
    if show:
        by = collections.defaultdict(set)
        for row, ids in rows.items():
            for i in ids:
                by[i].update((row, c) for c in rules[i])
        for i in rules:
            if by[i]:
                print(f"    {i:50} {len(by[i] & wrong):5} right {len(by[i] - wrong):5} wrong")
        left = collections.Counter(c for _, c in wrong - cells)
        print("    not found:", ", ".join(f"{c} {n}" for c, n in left.most_common()))
    return {"cells": score(cells, wrong), "rows": score({r for r, _ in cells}, {r for r, _ in wrong}), "columns": score({c for _, c in cells}, {c for _, c in wrong})}, len(rules)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("dq")
    a.add_argument("--labelled")
    a.add_argument("--data")
    a.add_argument("--only")
    a.add_argument("--show", action="store_true")
    a.add_argument("--keep")
    a = a.parse_args()
    with open(os.path.join(HERE, "floors.json")) as f:
        floors = json.load(f)
    below, missed = [], []
    with tempfile.TemporaryDirectory() as where:
        where = a.keep or where
        sets = []
        if a.labelled:
            sets += [(name, *labelled(os.path.join(a.labelled, name))) for name in sorted(os.listdir(a.labelled)) if os.path.exists(os.path.join(a.labelled, name, "errors.csv"))]
        if a.data:
            sets += list(real(a.data, where))
        print(f"{'':24}{'rules':>6}   {'cells P    R    F1':22}{'rows P    R    F1':22}{'columns P    R    F1':22}")
        for name, data, wrong in sets:
            if a.only and a.only != name:
                continue
            suite = os.path.join(where, name + ".yaml")
            p = subprocess.run([a.dq, "suggest", data], capture_output=True, text=True)
            if p.returncode != 0:
                sys.exit(f"dq suggest {data}: exit {p.returncode}\n{p.stderr}")
            with open(suite, "w") as f:
                f.write(p.stdout)
            lint = subprocess.run([a.dq, "lint", suite], capture_output=True, text=True)
            if lint.returncode != 0 or "0 errors, 0 warnings" not in lint.stdout:
                below.append(f"{name}: dq lint: {lint.stdout}{lint.stderr}")
            figures = {}
            for which, path in (("suggested", suite), ("types, nulls, ranges", plain(a.dq, data, where))):
                figures[which], rules = measure(a.dq, data, wrong, path, where, a.show and path == suite)
                print(f"{name + ('*' if name in HELD_OUT else '') + (' ' + which if which != 'suggested' else ''):24.24}{rules:6}   " + "".join(f"{p:5.2f}{r:5.2f}{f:6.2f}      " for p, r, f in figures[which].values()))
            for which, word, into in (("aims", "the aim was", missed), ("floors", "it must be", below)):
                for level, least in floors[which].get(name, {}).items():
                    got = figures["suggested"][level]
                    into += [f"{name}: {what} by {level} is {g:.3f}; {word} {floor}" for what, g, floor in zip(("precision", "recall"), got, least) if g < floor]
            if figures["suggested"]["cells"][2] <= figures["types, nulls, ranges"]["cells"][2]:
                below.append(f"{name}: no better than types, nulls and ranges")
    print("* held out: not looked at while rules were thought out")
    for line in missed + below:
        print(line)
    sys.exit(1 if below else 0)


main()
