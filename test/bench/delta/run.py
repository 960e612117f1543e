"""dq's Delta tables against plain DuckDB Parquet and against delta-rs, in turn.

Usage: run.py DQ [--rows N] [--runs N] [--dir DIR] [--only NAME,NAME]. Needs the
Python packages duckdb (in the version that dq has inside), deltalake and pyarrow, and
go. Each line is a figure with its limit and PASS or MISS; the exit code is the number
of misses. What is compared are whole processes, but for appends and loads, which are
measured inside a process on both sides."""
import argparse
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from measure import execute, orders, run, show

here = os.path.dirname(os.path.abspath(__file__))
args = argparse.ArgumentParser()
args.add_argument("dq")
args.add_argument("--rows", type=int, default=10_000_000)
args.add_argument("--runs", type=int, default=3)
args.add_argument("--dir", default=os.path.join(tempfile.gettempdir(), "dq-bench"))
args.add_argument("--only", default="write,read,merge,appends,commits,checkpoint,statistics,partitions")
args = args.parse_args()
work = os.path.join(args.dir, str(args.rows), "delta")
misses = 0


def peer(which, *arguments):
    return [sys.executable, f"{here}/peer.py", which, *map(str, arguments)]


def dq(*arguments):
    return [args.dq, "table", *arguments]


def judge(name, value, limit, unit, at_least=False):
    """Prints a figure beside its limit."""
    global misses
    good = value >= limit if at_least else value <= limit
    misses += not good
    print(f"  {name:58s} {value:9.3g} {unit:3s} ({'at least' if at_least else 'at most'} {limit:g}): {'PASS' if good else 'MISS'}", flush=True)


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    if os.path.exists(path):
        os.remove(path)
    return path


def copy(table, name):
    """A copy of a table whose data files are the same."""
    to = fresh(f"{work}/{name}")
    shutil.copytree(table, to, copy_function=os.link)
    return to


def pairs(ours, theirs):
    """Runs two commands in turn, each made anew; the first pair warms the caches.
    What one leaves to be written to disk is not the other's affair."""
    def alone(command):
        os.sync()
        return run(command)
    both = [(alone(ours()), alone(theirs())) for _ in range(args.runs + 1)][1:]
    return [a[1] for a, _ in both], [b[1] for _, b in both], both[-1][0][0], both[-1][1][0]


def ratio(a, b, i):
    return statistics.median(x[i] / y[i] for x, y in zip(a, b))


def sql_file(path):
    return "'" + path.replace("'", "''") + "'"


def written(folder):
    """The table of all orders that dq writes, and that which delta-rs writes."""
    ours, theirs = f"{work}/dq", f"{work}/delta-rs"
    if not os.path.exists(f"{ours}/_delta_log"):
        run(dq("append", ours, f"{folder}/orders.parquet"))
    if not os.path.exists(f"{theirs}/_delta_log"):
        run(peer("delta-rs", "write", f"{folder}/orders.parquet", theirs))
    return ours, theirs


def write(folder):
    source = f"{folder}/orders.parquet"
    for codec in ("zstd", "snappy"):
        ours, theirs, _, _ = pairs(lambda: dq("append", fresh(f"{work}/written"), source),
                                   lambda: peer("duckdb", "write", source, fresh(f"{work}/written.parquet"), codec))
        show("dq table append", ours)
        show(f"DuckDB COPY, {codec}", theirs)
        if codec == "zstd":
            judge("write / DuckDB, wall", ratio(ours, theirs, 0), 1.1, "x")
            judge("write / DuckDB, CPU", ratio(ours, theirs, 1), 1.1, "x")
    _, figures = run(peer("delta-rs", "write", source, fresh(f"{work}/written")))
    show("delta-rs", [figures])


def read(folder):
    """Every column is decoded: by aggregates that need each value, and into a file."""
    table, _ = written(folder)
    source, = glob.glob(f"{table}/data/*.parquet")
    columns = "order_id order_uuid customer_id product_id status currency quantity unit_price discount total email country created_at updated_at note".split()
    largest = "SELECT " + ", ".join(f"max({c}) AS {c}" for c in columns) + " FROM {}"
    ours, theirs, _, _ = pairs(lambda: dq("query", table, largest.format("t"), "--format", "json"), lambda: peer("duckdb", "query", largest.format(sql_file(source))))
    show("dq table query, max of all", ours)
    show("DuckDB", theirs)
    judge("read / DuckDB, wall", ratio(ours, theirs, 0), 1.1, "x")
    judge("read / DuckDB, CPU", ratio(ours, theirs, 1), 1.1, "x")
    ours, theirs, _, _ = pairs(lambda: dq("query", table, "SELECT * FROM t", "--format", "parquet", "--output", f"{work}/read.parquet"),
                               lambda: peer("duckdb", "write", source, fresh(f"{work}/read.parquet"), "zstd"))
    show("dq table query, to a file", ours)
    show("DuckDB COPY", theirs)
    judge("read and write / DuckDB, wall", ratio(ours, theirs, 0), 1.1, "x")
    judge("read and write / DuckDB, CPU", ratio(ours, theirs, 1), 1.1, "x")


def merge(folder):
    """One in a hundred: nine in ten of them are there, spread over all files. Each
    merges into the table that it wrote itself. Where files are written anew, what a
    merge costs depends on the columns that it changes, so that there is one that
    changes most of the data; no limit holds for it, since even a plain copy of the files
    by the same DuckDB, which is shown beside it, would miss it."""
    source, whole = f"{folder}/merge.parquet", f"{folder}/merge-all.parquet"
    changes = {source: "'changed' AS status", whole: """'changed' AS status, CAST(uuid() AS VARCHAR) AS order_uuid, email || 'x' AS email,
        created_at + INTERVAL 1 HOUR AS created_at, updated_at + INTERVAL 1 HOUR AS updated_at, 'changed' AS note"""}
    for file, change in changes.items():
        if not os.path.exists(file):
            execute(f"""COPY (SELECT * REPLACE ({change}) FROM {sql_file(folder + '/orders.parquet')} WHERE order_id % 100 = 1 AND order_id % 1000 <> 1
                UNION ALL SELECT * REPLACE (order_id + {args.rows} AS order_id) FROM {sql_file(folder + '/orders.parquet')} WHERE order_id % 1000 = 1)
                TO {sql_file(file)} (FORMAT parquet)""")
    table, other = written(folder)
    vectors = copy(table, "dq-vectors")
    run(dq("alter", vectors, "--set", "delta.enableDeletionVectors=true"))
    for name, mine, source in (("files rewritten", table, source), ("deletion vectors", vectors, source), ("most columns", table, whole)):
        ours, theirs, did, they = pairs(lambda: dq("merge", copy(mine, "merge-dq"), source, "--on", "order_id", "--format", "json"),
                                        lambda: peer("delta-rs", "merge", copy(other, "merge-delta-rs"), source, "order_id"))
        if json.loads(did)["rows_added"] != json.loads(they)["rows_added"]:
            sys.exit(f"the merges differ: {did} {they}")
        show(f"dq table merge, {name}", ours)
        show("delta-rs", theirs)
        if source == whole:
            show("DuckDB COPY of the table", [run(peer("duckdb", "write", f"{table}/data/*.parquet", fresh(f"{work}/written.parquet"), "zstd"))[1]])
            print(f"  delta-rs / merge, {name}: {ratio(theirs, ours, 0):.3g} x wall, {ratio(theirs, ours, 1):.3g} x CPU")
            continue
        judge(f"delta-rs / merge, {name}, wall", ratio(theirs, ours, 0), 3, "x", at_least=True)
        judge(f"delta-rs / merge, {name}, CPU", ratio(theirs, ours, 1), 3, "x", at_least=True)


def benchmark(package, name, times, **environment):
    """The metrics of a Go benchmark, and the most memory in MiB that it had."""
    program = f"{work}/{package}.test"
    subprocess.run(["go", "test", "-c", "-o", program, f"./{package}"], check=True)
    text, used = run([program, "-test.run", "^$", "-test.bench", "/".join(f"^{part}$" for part in name.split("/")), "-test.benchtime", f"{times}x"], env={**os.environ, **environment})
    found = {unit: float(value) for value, unit in re.findall(r"([\d.e+-]+) (\S+)", text.replace("\t", "  "))}
    if "cpu-s" not in found:
        sys.exit(f"the benchmark {name} of {package} says nothing:\n{text}")
    return found, used[2]


def appends(folder):
    source = f"{folder}/orders.parquet"
    text, _ = run(peer("delta-rs", "appends", source, fresh(f"{work}/appends"), 1000))
    theirs = float(text)
    ours, _ = benchmark("operations", "BenchmarkAppends", 1, DQ_BENCH_ROWS=source)
    print(f"1,000 appends of ten rows: dq {ours['cpu-s']:.2f} s CPU, delta-rs {theirs:.2f} s")
    judge("delta-rs / appends, CPU", theirs / ours["cpu-s"], 20, "x", at_least=True)


def load(table, times=1):
    theirs = json.loads(run(peer("delta-rs", "load", table))[0])
    ours, memory = benchmark("delta", "BenchmarkLoad/snapshot", times, DQ_BENCH_TABLE=table)
    files, most = benchmark("delta", "BenchmarkLoad/files", times, DQ_BENCH_TABLE=table)
    if not ours["files"] == files["files"] == theirs["files"]:
        sys.exit(f"the snapshots of {table} differ: {ours['files']} and {theirs['files']} files")
    print(f"snapshot of {theirs['files']} files: dq {ours['cpu-s'] * 1000:.1f} ms CPU, {memory:.0f} MiB; with the statistics of all files "
          f"{files['cpu-s'] * 1000:.1f} ms, {most:.0f} MiB; delta-rs {theirs['cpu'] * 1000:.1f} ms")
    return ours, memory


def commits(folder):
    if not os.path.exists(f"{work}/appends/_delta_log/{999:020d}.json"):
        run(peer("delta-rs", "appends", f"{folder}/orders.parquet", fresh(f"{work}/appends"), 1000))
    ours, _ = load(f"{work}/appends", 5)
    judge("snapshot of 1,000 commits, CPU", ours["cpu-s"] * 1000, 50, "ms")


def checkpoint(_):
    """300,000 files in 30 partitions, with statistics of 14 columns."""
    table = f"{work}/checkpoint"
    if not os.path.exists(f"{table}/_delta_log/_last_checkpoint"):
        os.makedirs(f"{fresh(table)}/_delta_log")
        with open(f"{here}/checkpoint.sql") as f:
            execute(f.read().replace("{log}", f"{table}/_delta_log"))
    ours, memory = load(table)
    for name, command in (("dq table show", dq("show", table)), ("query, smallest value", dq("query", table, "SELECT min(c0) AS a FROM t")),
                          ("query, no file is left", dq("query", table, "SELECT count(*) AS n FROM t WHERE c0 < 5000 AND c1 > 100000000"))):
        show(name, [run(command)[1]])
    judge("snapshot of 300,000 files, CPU", ours["cpu-s"], 1, "s")
    judge("snapshot of 300,000 files, memory of the process", memory, 300, "MiB")


def statistics_alone(folder):
    """The data files may even be gone: nothing is read of them."""
    table = copy(written(folder)[0], "statistics")
    sql = "SELECT count(*) AS n, min(order_id) AS a, max(order_id) AS b FROM t"
    whole, _ = run(dq("query", table, sql, "--format", "json"))
    for f in glob.glob(f"{table}/data/*.parquet"):
        os.remove(f)
    bare, figures = run(dq("query", table, sql, "--format", "json"), check=False)
    show("dq table query, count, min, max", [figures])
    judge("the same without data files", float(bare == whole), 1, "", at_least=True)


def partitions(folder):
    """A partition in ten is read; the files of the others may be gone."""
    table = f"{work}/partitioned"
    if not os.path.exists(f"{table}/_delta_log"):
        run(dq("append", table, f"{folder}/merge.parquet", "--partition-by", "country"))
    less = copy(table, "partitions")
    sql = "SELECT count(*) AS n, sum(total) AS s FROM t WHERE country = 'DE'"
    whole, _ = run(dq("query", less, sql, "--format", "json"))
    for f in glob.glob(f"{less}/data/*/*.parquet"):
        if "country=DE" not in f:
            os.remove(f)
    bare, figures = run(dq("query", less, sql, "--format", "json"), check=False)
    show("dq table query, one partition", [figures])
    judge("the same without the other partitions' files", float(bare == whole), 1, "", at_least=True)


def main():
    os.makedirs(work, exist_ok=True)
    folder = orders(args.dir, args.rows)
    figures = {"write": write, "read": read, "merge": merge, "appends": appends, "commits": commits, "checkpoint": checkpoint,
               "statistics": statistics_alone, "partitions": partitions}
    for name in args.only.split(","):
        figures[name](folder)
    sys.exit(misses)


main()
