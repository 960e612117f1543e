"""Appends to, merges into and deletes from every Delta table of a folder, but those
named, with delta-spark: change.py FOLDER [NAME...]

The tables have columns id and part, a row 1 and a row 3. Afterwards each has a
row 1001, which is row 1 as it was, with a key of its own where the table gives out
such; row 1 has the part 'spark', and row 3 is gone.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import digest  # noqa: E402
import session  # noqa: E402
from pyspark.sql.functions import lit  # noqa: E402

folder = os.path.abspath(sys.argv[1])

spark = session.start("dq-change", os.path.join(folder, ".spark"))

for name in sorted(set(digest.tables(folder)) - set(sys.argv[2:])):
    path = os.path.join(folder, name)
    table = f"delta.`{path}`"
    kind = dict(spark.read.format("delta").load(path).dtypes)["id"]
    first = spark.read.format("delta").load(path).where("id = 1").withColumn("id", lit(1001).cast(kind)).drop("key")
    first.write.format("delta").mode("append").save(path)
    spark.sql(f"MERGE INTO {table} t USING (SELECT id - 1000 AS id FROM {table} WHERE id = 1001) s ON t.id = s.id "
              "WHEN MATCHED THEN UPDATE SET t.part = 'spark'")
    spark.sql(f"DELETE FROM {table} WHERE id = 3")
    print("changed", name)
