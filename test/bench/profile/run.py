"""dq profile against DuckDB's SUMMARIZE and, if there is a Python that has it,
ydata-profiling's minimal mode, as whole processes on the same file; a table of 300
columns; and a Delta table of 100 files that grows by a hundredth.

Usage: run.py DQ [--rows N] [--runs N] [--dir DIR] [--ydata PYTHON] [--ydata-rows N]. Needs
the Python packages duckdb and deltalake. Prints seconds, CPU seconds, peak memory and
ratios; ydata-profiling is run on fewer rows, and both are compared a row."""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

import duckdb

from measure import execute, orders, run, show

args = argparse.ArgumentParser()
args.add_argument("dq")
args.add_argument("--rows", type=int, default=10_000_000)
args.add_argument("--runs", type=int, default=3)
args.add_argument("--dir", default=os.path.join(tempfile.gettempdir(), "dq-bench"))
args.add_argument("--ydata", default="")
args.add_argument("--ydata-rows", type=int, default=100_000)
args = args.parse_args()

SUMMARIZE = "import duckdb, os, sys; c = duckdb.connect(); c.execute(f'SET threads = {os.cpu_count()}'); print(c.execute(f\"SUMMARIZE FROM '{sys.argv[1]}'\").fetchall())"
YDATA = """import sys, warnings; warnings.filterwarnings('ignore')
import pandas as pd
from ydata_profiling import ProfileReport
ProfileReport(pd.read_parquet(sys.argv[1]), minimal=True, progress_bar=False).to_file(sys.argv[2])"""


def profile(data, *more):
    return [args.dq, "profile", data, "--quiet", *more]


def ratio(name, a, b, limit=None):
    says = "" if limit is None else f"   limit {limit}: {'kept' if a[0] / b[0] <= limit else 'MISSED'}"
    print(f"{name:28s} {a[0] / b[0]:7.2f}   wall {a[1] / b[1]:7.2f}   CPU{says}")


def medians(runs):
    return [statistics.median(r[i] for r in runs) for i in range(3)]


def large():
    data = f"{orders(args.dir, args.rows)}/orders.parquet"
    run([sys.executable, "-c", SUMMARIZE, data])  # warms the file cache
    ours, theirs = [], []
    for _ in range(args.runs):
        ours.append(run(profile(data))[1])
        theirs.append(run([sys.executable, "-c", SUMMARIZE, data])[1])
    print(f"{args.rows} rows, 14 columns; {os.cpu_count()} cores, DuckDB {duckdb.__version__} on both sides, {args.runs} pairs")
    show("dq profile", ours)
    show("SUMMARIZE", theirs)
    ratio("dq profile / SUMMARIZE", medians(ours), medians(theirs), 2.5)
    print(f"{'peak memory':28s} {max(r[2] for r in ours):7.0f} MiB   limit 1024: {'kept' if max(r[2] for r in ours) <= 1024 else 'MISSED'}")
    return medians(ours)


def ydata(ours):
    if not os.path.exists(args.ydata):
        print("ydata-profiling was left out: give a Python that has it with --ydata")
        return
    data = f"{orders(args.dir, args.ydata_rows)}/orders.parquet"
    with tempfile.TemporaryDirectory() as folder:
        theirs = run([args.ydata, "-c", YDATA, data, f"{folder}/y.html"])[1]
        few = run(profile(data, "--out", f"html={folder}/d.html"))[1]
        print(f"{args.ydata_rows} rows: pages of {os.path.getsize(f'{folder}/y.html')} bytes (ydata-profiling) and {os.path.getsize(f'{folder}/d.html')} (dq)")
    show("ydata-profiling, minimal", [theirs])
    show("dq profile, the same rows", [few])
    ratio("ydata / dq, the same rows", theirs, few)
    a_row = [t / args.ydata_rows for t in theirs]
    ratio("ydata / dq, a row, all rows", a_row, [t / args.rows for t in ours])


def wide():
    with tempfile.TemporaryDirectory() as folder:
        kinds = ["hash(i + {n}) % 1000000", "'k' || hash(i * {n}) % 50", "(hash(i + {n}) % 100000) / 7.0", "i + {n}", "'t' || hash(i + {n}) % 300000", "DATE '2020-01-01' + (hash(i + {n}) % 1000)::INTEGER"]
        columns = ", ".join(kinds[n % 6].replace("{n}", str(n + 1)) + f" AS c{n}" for n in range(300))
        execute(f"COPY (SELECT {columns} FROM range(1000000) r(i)) TO '{folder}/wide.parquet' (FORMAT parquet)")
        figures = run(profile(f"{folder}/wide.parquet", "--out", f"html={folder}/wide.html"))[1]
        show("1M rows, 300 columns", [figures])
        print(f"{'its page':28s} {os.path.getsize(f'{folder}/wide.html'):7d} bytes   limit 1000000: {'kept' if os.path.getsize(f'{folder}/wide.html') <= 1_000_000 else 'MISSED'}")


def incremental():
    """100 files, profiled; then one more with a hundredth of the rows, profiled again."""
    from deltalake import DeltaTable, write_deltalake
    path = f"{args.dir}/profiled"
    shutil.rmtree(path, ignore_errors=True)
    data = f"{orders(args.dir, args.rows)}/orders.parquet"
    part = args.rows // 100
    with duckdb.connect() as c:
        for i in range(101):
            rows = c.execute(f"FROM '{data}' LIMIT {part} OFFSET {min(i, 99) * part}").arrow()
            if i == 100:
                full = run(profile(path))[1]
            write_deltalake(path, rows, mode="append")
    again = run(profile(path))[1]
    assert DeltaTable(path).version() == 100
    show("100 files, all new", [full])
    show("1 % appended", [again])
    ratio("1 % appended / all new", again, full, 0.05)


ours = large()
ydata(ours)
wide()
incremental()
