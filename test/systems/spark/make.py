"""Writes a table of each kind that delta-spark makes: make.py FOLDER

Each has columns id (1 to 5, and 101 to 103 where commits are counted), part and
amount, besides what its kind needs; a row 6 was deleted.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import session  # noqa: E402
from delta.tables import DeltaTable, IdentityGenerator  # noqa: E402

folder = os.path.abspath(sys.argv[1])
spark = session.start("dq-make", os.path.join(folder, ".spark"))

ROWS = "SELECT id, if(id % 2 = 0, 'even', 'odd') AS part, id * 10 AS amount FROM range(1, 7)"
COLUMNS = "id BIGINT, part STRING, amount BIGINT"


def make(name, columns=COLUMNS, by="", properties=None, rows=ROWS, then=()):
    """One table: its columns, its rows, then statements about {t}."""
    t = f"delta.`{os.path.join(folder, name)}`"
    pairs = ", ".join(f"'{k}' = '{v}'" for k, v in (properties or {}).items())
    spark.sql(f"CREATE TABLE {t} ({columns}) USING delta {by}" + (f" TBLPROPERTIES ({pairs})" if pairs else ""))
    fill(t, rows, then)


def build(name, column, kind="BIGINT", by=(), rows=ROWS, **generated):
    """One table with a column that Spark computes, which no SQL of Spark 3.5 declares."""
    path = os.path.join(folder, name)
    given = spark.sql(rows).schema
    for field in given:
        field.nullable = True
    DeltaTable.create(spark).location(path).addColumns(given).addColumn(column, kind, **generated).partitionedBy(*by).execute()
    fill(f"delta.`{path}`", rows, columns=f"({', '.join(given.names)})")


def fill(t, rows, then=(), columns=""):
    for statement in (f"INSERT INTO {t} {columns} {rows}", *then, "DELETE FROM {t} WHERE id = 6"):
        spark.sql(statement.format(t=t))


def more(column):
    return ROWS.replace(" FROM", f", {column} FROM")


counted = [f"INSERT INTO {{t}} VALUES ({i}, 'more', {i})" for i in range(101, 104)]

make("partitioned", by="PARTITIONED BY (part)")
make("special", by="PARTITIONED BY (part)",
     rows="SELECT id, element_at(array('a b/c', 'é%=?', '日本 😀', 'x:y', NULL, 'gone'), int(id)) AS part, id FROM range(1, 7)")
make("mapped_by_name", by="PARTITIONED BY (part)", properties={"delta.columnMapping.mode": "name"},
     then=["ALTER TABLE {t} ADD COLUMN note STRING", "UPDATE {t} SET note = 'n' WHERE id = 2",
           "ALTER TABLE {t} DROP COLUMN note", "ALTER TABLE {t} RENAME COLUMN amount TO `the amount`",
           "ALTER TABLE {t} ADD COLUMN note BIGINT"])
make("mapped_by_id", properties={"delta.columnMapping.mode": "id"},
     then=["ALTER TABLE {t} RENAME COLUMN amount TO total", "ALTER TABLE {t} ADD COLUMN amount STRING"])
make("vectors", properties={"delta.enableDeletionVectors": "true"})
make("feed", properties={"delta.enableChangeDataFeed": "true"}, then=["UPDATE {t} SET amount = 0 WHERE id = 2"])
make("constrained", then=["ALTER TABLE {t} ADD CONSTRAINT positive CHECK (id > 0)"])
make("checked", then=["ALTER TABLE {t} ADD CONSTRAINT sound CHECK (length(trim(part)) BETWEEN 1 AND 8 AND id * 2 + 1 > 0"
                      " AND coalesce(amount, 0) >= 0 AND upper(substring(part, 1, 1)) <> 'X')"])
make("timed", properties={"delta.enableInCommitTimestamps": "true"})
make("ntz", COLUMNS + ", at TIMESTAMP_NTZ", rows=more("TIMESTAMP_NTZ'1969-12-31 23:59:59.123456' AS at"))
make("v2_checkpoint", properties={"delta.checkpointPolicy": "v2", "delta.checkpointInterval": "2"}, then=counted)
spark.conf.set("spark.databricks.delta.checkpoint.partSize", "2")
make("checkpoint_in_parts", properties={"delta.checkpointInterval": "2"}, then=counted)
spark.conf.unset("spark.databricks.delta.checkpoint.partSize")
make("nested", COLUMNS + ", detail STRUCT<a: INT, b: STRUCT<d: DATE>>, parts ARRAY<STRUCT<x: BIGINT>>", rows=more(
    "named_struct('a', int(id), 'b', named_struct('d', DATE'2026-01-01')) AS detail, array(named_struct('x', id), NULL) AS parts"))
spark.conf.set("spark.sql.parquet.outputTimestampType", "INT96")
make("int96", COLUMNS + ", at TIMESTAMP", rows=more("TIMESTAMP'1965-03-04 05:06:07.123456Z' AS at"))
spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
make("widened", "id BIGINT, part STRING, amount SMALLINT", properties={"delta.enableTypeWidening": "true"},
     rows=ROWS.replace("id * 10", "CAST(id AS SMALLINT)"),
     then=["ALTER TABLE {t} ALTER COLUMN amount TYPE INT", "INSERT INTO {t} VALUES (101, 'wide', 100000)"])
make("row_tracking", properties={"delta.enableRowTracking": "true"}, then=["UPDATE {t} SET amount = 0 WHERE id = 2"])
make("clustered", by="CLUSTER BY (part)", then=["OPTIMIZE {t}"])
make("defaults", COLUMNS + ", status STRING DEFAULT 'new'", properties={"delta.feature.allowColumnDefaults": "supported"},
     rows=more("'old' AS status"))
build("generated", "twice", generatedAlwaysAs="amount * 2")
build("generated_day", "day", "DATE", ["day"], more("TIMESTAMP'2026-01-31 23:59:59Z' AS at"), generatedAlwaysAs="CAST(at AS DATE)")
build("generated_month", "month", "STRING", ["month"], more("TIMESTAMP'2026-01-31 23:59:59Z' AS at"),
      generatedAlwaysAs="date_format(at, 'yyyy-MM')")
build("identity", "key", generatedAlwaysAs=IdentityGenerator())
