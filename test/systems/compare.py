"""Compares how dq, delta-rs and Spark read the tables of a warehouse:
compare.py WAREHOUSE DQ READERS.json

DQ is the program; READERS.json is what readers/read.py printed. Prints a line a
table, then what differs, then "N passed, N failed"; exits 1 on a difference, or
when there is no table.
"""
import json
import os
import subprocess
import sys

import digest


def dq(program, path):
    """Digests a table with dq itself: what it says the columns are, and its own SQL over them."""
    def run(*args):
        done = subprocess.run([program, "table", *args, "--format", "json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}")
        return json.loads(done.stdout)

    try:
        shown = run("show", path)
        columns = [(c["name"], c["type"]) for c in shown["schema"]]
        row = run("query", path, digest.sql(columns, "t"))[0]
        values = [row["n"], row["low"], row["high"]]
        for i in range(len(columns)):
            values += [row[f"n{i}"], row[f"d{i}"]]
        found = digest.summary(columns, shown["version"], values)
    except (RuntimeError, ValueError, KeyError, IndexError) as problem:
        return {"error": f"{type(problem).__name__}: {problem}"}
    if shown["rows"] is not None and shown["rows"] != found["rows"]:
        return {"error": f"its statistics say {shown['rows']} rows, {found['rows']} were read"}
    return found


def differences(ours, theirs):
    """What another reader reads differently, in words."""
    for side in (ours, theirs):
        if "error" in side:
            return [side["error"]]
    out = [f"{what} {theirs[what]}, dq {ours[what]}" for what in ("version", "rows") if ours[what] != theirs[what]]
    if list(ours["columns"]) != list(theirs["columns"]):
        return out + [f"columns {list(theirs['columns'])}, dq {list(ours['columns'])}"]
    for name, a in ours["columns"].items():
        b = theirs["columns"][name]
        out += [f"{name}: {what} {b[what]}, dq {a[what]}" for what in ("type", "nulls") if a[what] != b[what]]
        if a["digest"] != b["digest"] and a["nulls"] == b["nulls"] and ours["rows"] == theirs["rows"]:
            out.append(f"{name}: other values")
    if not out and ours["digest"] != theirs["digest"]:
        out.append("the same values in each column, in other rows")
    return out


def main(warehouse, program, readers):
    with open(readers) as f:
        readers = json.load(f)
    names = digest.tables(warehouse)
    width = max([len(n) for n in names] + [5])
    print(f"{'table':{width}}  {'version':>7}  {'rows':>9}  digest            " + "  ".join(f"{r:10}" for r in readers))
    passed = failed = 0
    problems = []
    for name in names:
        ours = dq(program, os.path.join(warehouse, name))
        cells = []
        for reader, read in readers.items():
            found = differences(ours, read.get(name, {"error": "the reader did not find it"}))
            cells.append("DIFFERS" if found else "same")
            problems += [f"{name}: {reader}: {d}" for d in found]
        failed += "DIFFERS" in cells
        passed += "DIFFERS" not in cells
        print(f"{name:{width}}  {ours.get('version', '?'):>7}  {ours.get('rows', '?'):>9}  {ours.get('digest', '?')[:16]:16}  "
              + "  ".join(f"{c:10}" for c in cells))
    for p in problems:
        print("  " + p)
    if not names:
        print(f"no Delta table below {warehouse}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
