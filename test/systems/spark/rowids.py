"""Prints the ids that Spark sees of a table's rows, with the versions that changed
them last, as JSON: rowids.py TABLE SCRATCH
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import session  # noqa: E402

table, scratch = sys.argv[1:]
spark = session.start("dq-rowids", scratch)
rows = spark.read.format("delta").load(os.path.abspath(table)).selectExpr(
    "id", "_metadata.row_id AS row_id", "_metadata.row_commit_version AS version").collect()
print(json.dumps([row.asDict() for row in rows]))
