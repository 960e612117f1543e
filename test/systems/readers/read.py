"""Digests of every Delta table of a warehouse, as JSON {reader: {table: summary}}:
read.py WAREHOUSE [COPIES]

"delta-rs" is Python's deltalake, by its query engine; "spark" is what
spark/read.py left in COPIES. A table that cannot be read has {"error": "..."}.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import digest  # noqa: E402

import duckdb  # noqa: E402
import pyarrow  # noqa: E402
from deltalake import DeltaTable, QueryBuilder  # noqa: E402


def summarise(columns, version, relation):
    """Digests a relation: Arrow data, or SQL that reads files."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    name = relation
    if not isinstance(relation, str):
        db.register("t", relation)
        name = "t"
    return digest.summary(columns, version, db.execute(digest.sql(columns, name)).fetchone())


def delta_rs(path):
    table = DeltaTable(path)
    columns = digest.columns(json.loads(table.schema().to_json()))
    # to_pyarrow_table gives nulls for mapped columns; the query engine does not.
    stream = QueryBuilder().register("t", table).execute("SELECT * FROM t")
    return summarise(columns, table.version(), pyarrow.RecordBatchReader.from_stream(stream))


def spark(copies, name, found):
    if "error" in found:
        return found
    files = os.path.join(copies, name, "*.parquet").replace("'", "''")
    return summarise(digest.columns(found["schema"]), found["version"], f"read_parquet('{files}')")


def attempt(read, *args):
    try:
        return read(*args)
    except BaseException as problem:  # delta-rs panics are no Exceptions
        if isinstance(problem, KeyboardInterrupt):
            raise
        return {"error": f"{type(problem).__name__}: {str(problem).strip().splitlines()[0]}"}


def main(warehouse, copies=None):
    names = digest.tables(warehouse)
    out = {"delta-rs": {n: attempt(delta_rs, os.path.join(warehouse, n)) for n in names}}
    if copies:
        with open(os.path.join(copies, "spark.json")) as f:
            out["spark"] = {n: attempt(spark, copies, n, found) for n, found in json.load(f).items()}
    return out


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout, indent=1)
