"""Compares dq's column lineage with sqlglot's, column by column.

usage: compare.py DQ

The queries are those of TPC-H and TPC-DS, as DuckDB's extensions have them (none
is kept here), queries.sql beside this file, and our own in the shape of other public
suites in suites/*.sql, whose first line is their schema. Fails on the first suite with a
column that differs, a query that dq does not take, or 2 % of columns that dq
gives only conservatively.
"""

import glob
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify

SCHEMA = {
    "a": {"id": "INT", "x": "INT", "s": "VARCHAR"},
    "b": {"id": "INT", "y": "VARCHAR", "z": "INT"},
    "c": {"id": "INT", "x": "INT"},
    "h": {"id": "INT", "parent": "INT"},
    "d": {"on": "DATE", "until": "DATE"},
    "n": {"id": "INT", "x": "INT", "s": "VARCHAR", "l": "INT[]", "st": "STRUCT(p INT, q VARCHAR)"},
}


def extension(name, make):
    """The tables and queries of one of DuckDB's extensions."""
    folder = os.path.dirname(importlib.util.find_spec("duckdb_extension_" + name).origin)
    (file,) = glob.glob(f"{folder}/extensions/*/{name}.duckdb_extension")
    con = duckdb.connect()
    con.execute(f"LOAD '{file}'")
    con.execute(f"CALL {make}(sf=0)")
    schema = {}
    for table, column, kind in con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE NOT internal ORDER BY table_name, column_index"
    ).fetchall():
        schema.setdefault(table, {})[column] = kind
    return schema, con.execute(f"SELECT query_nr, query FROM {name}_queries() ORDER BY 1").fetchall()


def own():
    with open(os.path.join(os.path.dirname(__file__), "queries.sql")) as f:
        return SCHEMA, [(i, q.strip()) for i, q in enumerate(f, 1) if q.strip() and not q.startswith("--")]


def shaped(file):
    """The tables and queries of a file of suites/."""
    with open(file) as f:
        lines = f.read().splitlines()
    return json.loads(lines[0].removeprefix("-- schema: ")), [
        (i, q) for i, q in enumerate(lines, 1) if q and not q.startswith("--")
    ]


def of_sqlglot(sql, schema):
    """The columns of a query, each with the (table, column) that sqlglot traces it to."""
    query = sqlglot.parse_one(sql, dialect="duckdb")
    names = qualify(query.copy(), schema=schema, dialect="duckdb").named_selects
    out = []
    for name in names:
        leaves = set()
        for node in lineage(name, query, schema=schema, dialect="duckdb").walk():
            if not node.downstream and isinstance(node.expression, exp.Table):
                leaves.add((node.expression.name, node.name.rpartition(".")[2].strip('"')))
        out.append(sorted(leaves))
    return out


def of_dq(dq, sql, schema, folder):
    files = os.path.join(folder, "query.sql"), os.path.join(folder, "schema.json")
    with open(files[0], "w") as f:
        f.write(sql)
    with open(files[1], "w") as f:
        json.dump(schema, f)
    run = subprocess.run(
        [dq, "lineage", "show", "--sql", files[0], "--schema", files[1], "--format", "json"],
        capture_output=True, text=True,
    )
    if run.returncode:
        raise ValueError(run.stderr.strip())
    out = json.loads(run.stdout)
    return [[(s["table"], s["column"]) for s in c["sources"]] for c in out["columns"]], out["status"]


def compare(dq, name, schema, queries, folder):
    columns = different = conservative = 0
    for number, sql in queries:
        try:
            ours, status = of_dq(dq, sql, schema, folder)
        except ValueError as e:
            print(f"{name} {number}: {e}")
            different += 1
            continue
        theirs = of_sqlglot(sql, schema)
        columns += len(ours)
        if status != "exact":
            conservative += len(ours)
        if len(ours) != len(theirs):
            print(f"{name} {number}: {len(ours)} columns, sqlglot has {len(theirs)}")
            different += 1
        for i, (a, b) in enumerate(zip(ours, theirs), 1):
            if a != b:
                different += 1
                print(f"{name} {number}, column {i}:\n  dq      {a}\n  sqlglot {b}")
    share = conservative / max(1, columns)
    print(f"{name}: {len(queries)} queries, {columns} columns, {different} differ, {100 * share:.1f} % conservative")
    return bool(queries) and different == 0 and share < 0.02


def main():
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        suites = {"TPC-H": extension("tpch", "dbgen"), "TPC-DS": extension("tpcds", "dsdgen"), "queries.sql": own()}
        for file in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "suites", "*.sql"))):
            suites[os.path.basename(file)] = shaped(file)
        same = [compare(sys.argv[1], name, *suite, folder) for name, suite in suites.items()]
    sys.exit(0 if all(same) else 1)


main()
