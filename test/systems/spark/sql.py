"""Runs SQL statements that it reads from its input, each to the end of a line with ;,
and prints the rows of the last one as JSON, a row a line, sorted: sql.py SCRATCH
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import session  # noqa: E402

spark = session.start("dq-sql", sys.argv[1])
for statement in re.split(r";\s*\n", sys.stdin.read()):
    if statement.strip():
        result = spark.sql(statement)
for row in sorted(result.toJSON().collect()):
    print(row)
