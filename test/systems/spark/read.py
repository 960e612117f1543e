"""Reads every Delta table of a warehouse with delta-spark: read.py WAREHOUSE COPIES

Each table is written to COPIES/<table> as plain Parquet, and COPIES/spark.json
says what Spark takes it for: {table: {"version": 3, "schema": {...}}}, or
{table: {"error": "..."}} for one that cannot be read.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import digest  # noqa: E402
import session  # noqa: E402

warehouse, copies = map(os.path.abspath, sys.argv[1:3])

spark = session.start("dq-compare", os.path.join(copies, ".spark"))

found = {}
for name in digest.tables(warehouse):
    path = os.path.join(warehouse, name)
    try:
        quoted = path.replace("`", "``")
        version = spark.sql(f"DESCRIBE HISTORY delta.`{quoted}` LIMIT 1").head().version
        rows = spark.read.format("delta").option("versionAsOf", version).load(path)
        rows.write.mode("overwrite").parquet(os.path.join(copies, name))
        found[name] = {"version": version, "schema": rows.schema.jsonValue()}
    except Exception as problem:  # one table that cannot be read is a difference, the others are still compared
        found[name] = {"error": f"{type(problem).__name__}: {str(problem).strip().splitlines()[0]}"}
spark.stop()

os.makedirs(copies, exist_ok=True)
with open(os.path.join(copies, "spark.json"), "w") as out:
    json.dump(found, out)
