"""What is compared: which tables there are, and a digest of each that does not
depend on the order of rows, nor on who read them.

A value is written as canonical text: integers and decimals in digits (decimals
with all places of their scale), dates as 2024-01-31, timestamps as microseconds
since 1970 in UTC, booleans as true and false, binary in hex, doubles as the
shortest text that reads back as the same double, -0 as 0. A row is its values,
each with its length, so that no two rows look alike; null is a value of its own.
The digest is the sum of the MD5 sums of all rows: it counts repeated rows, and a
row more, less or other shows. The SQL is DuckDB's, which reads what every
reader hands over; dq runs the same on its own tables.
"""
import os

SIMPLE = {"string": "string", "long": "int64", "integer": "int32", "short": "int16", "byte": "int8",
          "float": "float", "double": "double", "boolean": "bool", "binary": "binary", "date": "date",
          "timestamp": "timestamp", "timestamp_ntz": "timestamp_ntz"}


def tables(warehouse):
    """The Delta tables below a folder, as paths relative to it."""
    found = []
    for folder, names, _ in os.walk(warehouse):
        if "_delta_log" in names:
            log = os.listdir(os.path.join(folder, "_delta_log"))
            if any(n.endswith((".json", ".parquet")) for n in log):
                found.append(os.path.relpath(folder, warehouse))
            names.clear()
    return sorted(found)


def type_name(delta):
    """A type as the Delta log writes it, in dq's spelling."""
    if isinstance(delta, str):
        return SIMPLE.get(delta, delta.replace(" ", ""))
    kind = delta["type"]
    if kind == "array":
        return f"array<{type_name(delta['elementType'])}>"
    if kind == "map":
        return f"map<{type_name(delta['keyType'])},{type_name(delta['valueType'])}>"
    return "struct<" + ", ".join(f"{f['name']}: {type_name(f['type'])}" for f in delta["fields"]) + ">"


def columns(schema):
    """Name and type of each column of a schema as the Delta log writes it."""
    return [(f["name"], type_name(f["type"])) for f in schema["fields"]]


def ident(name):
    return '"' + name.replace('"', '""') + '"'


def canonical(name, kind):
    """SQL: the canonical text of a column."""
    x = ident(name)
    if kind == "string":
        return x
    if kind == "bool":
        return f"CASE WHEN {x} THEN 'true' WHEN NOT {x} THEN 'false' END"
    if kind in ("float", "double"):
        return f"CASE WHEN isnan({x}) THEN 'NaN' WHEN {x} = 0 THEN '0' ELSE CAST({x} AS VARCHAR) END"
    if kind in ("timestamp", "timestamp_ntz"):
        return f"CAST(epoch_us({x}) AS VARCHAR)"
    if kind == "date":
        return f"CAST(CAST({x} AS DATE) AS VARCHAR)"
    if kind == "binary":
        return f"hex({x})"
    if kind.startswith("decimal"):
        return f"CAST(CAST({x} AS {kind}) AS VARCHAR)"
    if kind.startswith(("array", "map", "struct")):
        return f"CAST(to_json({x}) AS VARCHAR)"
    return f"CAST({x} AS VARCHAR)"


def sql(columns, relation):
    """SQL: one row of text columns: how many rows, their digest, and nulls and a digest of each column."""
    texts = ", ".join(f"{canonical(n, k)} AS c{i}" for i, (n, k) in enumerate(columns))
    row = ", ".join(f"CASE WHEN c{i} IS NULL THEN 'N' ELSE concat('V', length(c{i}), ':', c{i}) END"
                    for i in range(len(columns)))
    total = "CAST(coalesce(sum({}), 0) AS VARCHAR)"
    each = "".join(f", CAST(count(*) - count(c{i}) AS VARCHAR) AS n{i}"
                   f", {total.format(f'md5_number_lower(c{i})')} AS d{i}" for i in range(len(columns)))
    return (f"SELECT CAST(count(*) AS VARCHAR) AS n, {total.format('md5_number_lower(r)')} AS low"
            f", {total.format('md5_number_upper(r)')} AS high{each}"
            f" FROM (SELECT *, concat({row}) AS r FROM (SELECT {texts} FROM {relation}) AS texts) AS numbered")


def summary(columns, version, row):
    """What is compared of a table, from the row that sql gives."""
    n, low, high = row[:3]
    return {"version": version, "rows": int(n), "digest": f"{int(low):x}.{int(high):x}",
            "columns": {name: {"type": kind, "nulls": int(row[3 + 2 * i]), "digest": f"{int(row[4 + 2 * i]):x}"}
                        for i, (name, kind) in enumerate(columns)}}
