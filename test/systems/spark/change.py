"""Appends to, merges into and deletes from every Delta table of a folder with
delta-spark: change.py FOLDER

The tables have columns id and part, a row 1 and a row 3. Afterwards each has a
row 1001, which is row 1 as it was; row 1 has the part 'spark', and row 3 is gone.
"""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import digest  # noqa: E402

folder = os.path.abspath(sys.argv[1])
jars = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))), "jars")
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql.functions import lit  # noqa: E402

spark = (SparkSession.builder.master(f"local[{os.environ.get('SPARK_CORES', '2')}]").appName("dq-change")
         .config("spark.jars", ",".join(sorted(glob.glob(jars + "/*.jar"))))
         .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
         .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
         .config("spark.sql.session.timeZone", "UTC")
         # Days before 1582 are those of ISO 8601, as Delta has them, not of the calendar of old Sparks.
         .config("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED")
         .config("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED")
         .config("spark.sql.shuffle.partitions", "2")
         .config("spark.databricks.delta.snapshotPartitions", "2")
         .config("spark.sql.warehouse.dir", os.path.join(folder, ".spark"))
         .config("spark.ui.enabled", "false")
         .config("spark.ui.showConsoleProgress", "false")
         .config("spark.driver.bindAddress", "127.0.0.1")
         .config("spark.driver.host", "127.0.0.1")
         .config("spark.driver.memory", "1g")
         .getOrCreate())
spark.sparkContext.setLogLevel("ERROR")

for name in digest.tables(folder):
    path = os.path.join(folder, name)
    table = f"delta.`{path}`"
    kind = dict(spark.read.format("delta").load(path).dtypes)["id"]
    first = spark.read.format("delta").load(path).where("id = 1").withColumn("id", lit(1001).cast(kind))
    first.write.format("delta").mode("append").save(path)
    spark.sql(f"MERGE INTO {table} t USING (SELECT id - 1000 AS id FROM {table} WHERE id = 1001) s ON t.id = s.id "
              "WHEN MATCHED THEN UPDATE SET t.part = 'spark'")
    spark.sql(f"DELETE FROM {table} WHERE id = 3")
    print("changed", name)
