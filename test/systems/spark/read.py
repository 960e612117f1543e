"""Reads every Delta table of a warehouse with delta-spark: read.py WAREHOUSE COPIES

Each table is written to COPIES/<table> as plain Parquet, and COPIES/spark.json
says what Spark takes it for: {table: {"version": 3, "schema": {...}}}, or
{table: {"error": "..."}} for one that cannot be read.
"""
import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import digest  # noqa: E402

warehouse, copies = map(os.path.abspath, sys.argv[1:3])
jars = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))), "jars")
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

from pyspark.sql import SparkSession  # noqa: E402

spark = (SparkSession.builder.master(f"local[{os.environ.get('SPARK_CORES', '2')}]").appName("dq-compare")
         .config("spark.jars", ",".join(sorted(glob.glob(jars + "/*.jar"))))
         .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
         .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
         .config("spark.sql.session.timeZone", "UTC")
         # Days before 1582 are those of ISO 8601, as Delta has them, not of the calendar of old Sparks.
         .config("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED")
         .config("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED")
         .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
         .config("spark.sql.shuffle.partitions", "2")
         .config("spark.databricks.delta.snapshotPartitions", "2")
         .config("spark.sql.warehouse.dir", os.path.join(copies, ".spark"))
         .config("spark.ui.enabled", "false")
         .config("spark.ui.showConsoleProgress", "false")
         .config("spark.driver.bindAddress", "127.0.0.1")
         .config("spark.driver.host", "127.0.0.1")
         .config("spark.driver.memory", "1g")
         .getOrCreate())
spark.sparkContext.setLogLevel("ERROR")

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
