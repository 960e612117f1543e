"""One operation of a peer, for run.py: peer.py DUCKDB|DELTA-RS OPERATION ARGUMENTS.

Whole processes are compared, so each imports only what it uses."""
import json
import resource
import sys


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def duckdb_write(source, to, codec):
    import duckdb
    duckdb.sql(f"COPY (SELECT * FROM '{source}') TO '{to}' (FORMAT parquet, COMPRESSION {codec})")


def duckdb_query(sql):
    import duckdb
    print(duckdb.sql(sql).fetchall())


def deltars_write(source, to):
    import deltalake
    import pyarrow.dataset
    deltalake.write_deltalake(to, pyarrow.dataset.dataset(source).scanner(batch_size=122880).to_reader())


def deltars_merge(table, source, key):
    import deltalake
    import pyarrow.parquet
    result = deltalake.DeltaTable(table).merge(pyarrow.parquet.read_table(source), predicate=f"t.{key} = s.{key}", source_alias="s", target_alias="t") \
        .when_matched_update_all().when_not_matched_insert_all().execute()
    print(json.dumps({"rows_added": result["num_target_rows_inserted"] + result["num_target_rows_updated"]}))


def deltars_appends(source, to, times):
    """The CPU seconds of so many commits of ten rows, with no checkpoint between them."""
    import deltalake
    import pyarrow.dataset
    rows = pyarrow.dataset.dataset(source).head(10)
    began = cpu()
    deltalake.write_deltalake(to, rows, configuration={"delta.checkpointInterval": "1000000"})
    table = deltalake.DeltaTable(to)
    for _ in range(int(times) - 1):
        deltalake.write_deltalake(table, rows, mode="append")
    print(cpu() - began)


def deltars_load(table):
    """The CPU seconds of a snapshot with its files, the smallest of three."""
    import deltalake
    seconds = []
    for _ in range(3):
        began = cpu()
        files = len(deltalake.DeltaTable(table).file_uris())
        seconds.append(cpu() - began)
    print(json.dumps({"files": files, "cpu": min(seconds)}))


globals()[f"{sys.argv[1].replace('-', '')}_{sys.argv[2]}"](*sys.argv[3:])
