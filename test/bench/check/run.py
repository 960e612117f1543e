"""dq check against the same 30 checks by hand, in turn, as whole processes, and
against those of other programs.

Usage: run.py DQ [--rows N] [--runs N] [--dir DIR] [--peer NAME=PYTHON]... Needs the
Python package duckdb in the version that dq has inside; a peer is by_NAME.py, run by
a Python that has its packages. Prints seconds, CPU seconds and peak memory of each,
and the ratio of each pair; the counts of all must be equal."""
import argparse
import json
import os
import statistics
import sys
import tempfile

import duckdb

from measure import execute, orders, run, show

here = os.path.dirname(os.path.abspath(__file__))
args = argparse.ArgumentParser()
args.add_argument("dq")
args.add_argument("--rows", type=int, default=10_000_000)
args.add_argument("--runs", type=int, default=5)
args.add_argument("--dir", default=os.path.join(tempfile.gettempdir(), "dq-bench"))
args.add_argument("--peer", action="append", default=[], help="NAME=PYTHON; by_NAME.py is run once")
args = args.parse_args()

# What peers count in their own way: repeated values for rows, a median that is a value.
OTHERWISE = {"order_uuid.unique", "compound_unique", "total_median"}


def judged(text):
    """The failing rows or the value of each rule in the JSON of a check."""
    found = {}
    for e in json.loads(text)["expectations"]:
        observed = [v for name, v in e["observed"].items() if "where" not in name]
        found[e["id"]] = e["failed"] if e["scope"] == "row" else observed[0]
    return found


def same(a, b):
    if isinstance(b, str):
        return str(a)[:19].replace("T", " ") == b[:19]
    return abs(float(a) - float(b)) <= 1e-9 * max(1, abs(float(b)))


def check(folder, threads):
    return [args.dq, "check", f"{folder}/orders.parquet", "--suite", f"{here}/orders.yaml", "--table", f"customers={folder}/customers.parquet",
            "--format", "json", "--fail-on", "never", "--threads", str(threads)]


def peer(name, python, folder, cores, wanted, ours):
    """One run of another program: its counts must be those by hand, too."""
    if not os.path.exists(python):
        print(f"{name} was left out: {python} could not be installed")
        return
    answer, figures = run([python, f"{here}/by_{name}.py", folder, str(cores)])
    found = json.loads(answer)
    wrong = {rule: (found.get(rule), v) for rule, v in wanted.items() if rule not in found or rule not in OTHERWISE and not same(v, found[rule])}
    if wrong:
        sys.exit(f"the counts differ ({name}, by hand): {wrong}")
    show(name, [figures])
    print(f"{'dq / ' + name:28s} {statistics.median(a[0] for a in ours) / figures[0]:7.2f}   wall {statistics.median(a[1] for a in ours) / figures[1]:7.2f}   CPU")


def small():
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/five.csv", "w") as f:
            f.write("id,name\n1,a\n2,b\n3,c\n4,d\n5,e\n")
        return [run([args.dq, "check", f"{folder}/five.csv", "-e", "id > 0", "-q"])[1] for _ in range(21)]


def wide():
    """300 rules on 300 columns: the time over no rows is that of compiling them."""
    with tempfile.TemporaryDirectory() as folder:
        columns = ", ".join(f"i + {n} AS c{n}" for n in range(300))
        with open(f"{folder}/wide.yaml", "w") as f:
            f.write("version: 1\ncolumns:\n" + "".join(f"  c{n}: {{type: int64, between: {{min: 0, max: 2000000}}}}\n" for n in range(300)))
        with open(f"{folder}/thirty.yaml", "w") as f:
            f.write("version: 1\ncolumns:\n" + "".join(f"  c{n}: {{type: int64, between: {{min: 0, max: 2000000}}}}\n" for n in range(30)))
        for rows in (1, 1_000_000):
            execute(f"COPY (SELECT {columns} FROM range({rows}) r(i)) TO '{folder}/{rows}.parquet' (FORMAT parquet)")
        return [(name, [run([args.dq, "check", f"{folder}/{rows}.parquet", "--suite", f"{folder}/{suite}.yaml", "-q"])[1] for _ in range(3)])
                for name, suite, rows in (("300 rules, 1 row", "wide", 1), ("30 rules, 1M rows", "thirty", 1_000_000), ("300 rules, 1M rows", "wide", 1_000_000))]


def main():
    folder, cores = orders(args.dir, args.rows), os.cpu_count()
    by_hand = [sys.executable, f"{here}/by_hand.py", folder, str(cores)]
    ours, theirs = [], []
    for _ in range(args.runs + 1):  # the first warms the file cache
        text, figures = run(check(folder, cores))
        answer, other = run(by_hand)
        ours.append(figures)
        theirs.append(other)
        found, wanted = judged(text), json.loads(answer)
        wrong = {rule: (found.get(rule), v) for rule, v in wanted.items() if rule not in found or not same(found[rule], v)}
        if wrong or len(found) != len(wanted):
            sys.exit(f"the counts differ (dq, by hand): {wrong or set(found) ^ set(wanted)}")
    ours, theirs = ours[1:], theirs[1:]
    print(f"{args.rows} rows, {len(wanted)} checks, all counts equal; {cores} cores, DuckDB {duckdb.__version__} on both sides, {args.runs} pairs")
    show("dq check", ours)
    show("by hand, one query a check", theirs)
    print(f"{'dq / by hand':28s} {statistics.median(a[0] / b[0] for a, b in zip(ours, theirs)):7.2f}   wall {statistics.median(a[1] / b[1] for a, b in zip(ours, theirs)):7.2f}   CPU")
    for name, python in (p.split("=", 1) for p in args.peer):
        peer(name, python, folder, cores, wanted, ours)
    if cores > 1:
        pairs = [(run(check(folder, 1))[1], run(check(folder, 2))[1]) for _ in range(max(1, args.runs // 2))]
        print(f"{'2 threads instead of 1':28s} {statistics.median(a[0] / b[0] for a, b in pairs):7.2f} times as fast")
    few = small()
    show("5 rows", few)
    print(f"{'5 rows, worst of ' + str(len(few)):28s} {max(r[0] for r in few):7.3f} s wall, median {statistics.median(r[0] for r in few):.3f}")
    for name, runs in wide():
        show(name, runs)


main()
