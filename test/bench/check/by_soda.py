"""The same checks by Soda Core 3 on DuckDB. Usage: by_soda.py DIR THREADS.
Prints a JSON object: the id of a rule to its failing rows, or to its value. Soda
counts repeated values, not their rows, and its median is one of the values."""
import datetime
import json
import logging
import sys

import duckdb
from soda.scan import Scan

folder, threads = sys.argv[1], int(sys.argv[2])
uuid = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
email = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"


def valid(rule, column, **of):
    return {f"invalid_count({column}) = 0": {"name": rule, **{key.replace("_", " "): v for key, v in of.items()}}}


def count(rule, metric, limit="= 0", **more):
    return {f"{metric} {limit}": {"name": rule, **more}}


def failing(rule, condition):
    """Rows that meet a condition, counted: of a check of failed rows Soda fetches the rows."""
    metric = rule.replace(".", "_")
    return {f"{metric} = 0": {"name": rule, f"{metric} query": f"SELECT count(*) FROM orders WHERE {condition}"}}


checks = [
    count("order_id.not_null", "missing_count(order_id)"),
    count("order_id.unique", "duplicate_count(order_id)"),
    valid("order_uuid.regex", "order_uuid", valid_regex=uuid),
    count("order_uuid.unique", "duplicate_count(order_uuid)"),
    count("customer_id.not_null", "missing_count(customer_id)"),
    failing("customer_id.references", "customer_id IS NOT NULL AND customer_id NOT IN (SELECT customer_id FROM customers)"),
    count("status.not_null", "missing_count(status)"),
    valid("status.in_set", "status", valid_values=["pending", "paid", "shipped", "delivered", "cancelled", "refunded"]),
    valid("currency.in_set", "currency", valid_values=["EUR", "USD", "GBP", "SEK", "PLN"]),
    valid("quantity.between", "quantity", valid_min=1, valid_max=1000),
    failing("unit_price.positive", "NOT unit_price > 0"),
    valid("discount.between", "discount", valid_min=0, valid_max=1),
    valid("email.regex", "email", valid_regex=email),
    valid("country.not_in_set", "country", invalid_values=["XX", "ZZ"]),
    valid("country.length", "country", valid_length=2),
    valid("note.length", "note", valid_max_length=200),
    count("compound_unique", "duplicate_count(customer_id, product_id, created_at)"),
    failing("total_arithmetic", "abs(total - quantity * unit_price * (1 - discount)) > 0.01"),
    count("email_null_frac", "missing_percent(email)", "<= 1"),
    failing("updated_ge_created", "updated_at < created_at"),
    failing("refunded_total", "status = 'refunded' AND total > 0"),
    failing("shipped_has_updated", "status IN ('shipped', 'delivered') AND updated_at IS NULL"),
    {"created_monotonic = 0": {"name": "created_monotonic", "created_monotonic query":
     "SELECT count(*) FROM (SELECT created_at, lag(created_at) OVER () AS before FROM orders) WHERE created_at < before"}},
    count("quantity_mean", "avg(quantity)", "between 5 and 6"),
    count("price_stdev", "stddev(unit_price)", "between 10 and 100"),
    count("total_median", "percentile(total, 0.5)", "between 20 and 500"),
    count("discount_max", "max(discount)", "<= 1"),
    {"country_distinct between 5 and 15": {"name": "country_distinct", "country_distinct expression": "count(DISTINCT country)"}},
    count("row_count", "row_count", ">= 50000"),
    {"latest >= 1735430400": {"name": "freshness", "latest expression": "epoch(max(created_at))"}},
]

db = duckdb.connect()
db.execute(f"SET threads = {threads}")
for name in ("orders", "customers"):
    db.execute(f"CREATE VIEW {name} AS FROM '{folder}/{name}.parquet'")
logging.disable(logging.ERROR)
scan = Scan()
scan.set_data_source_name("orders")
scan.add_duckdb_connection(db, "orders")
scan.add_sodacl_yaml_str(json.dumps({"checks for orders": checks}))  # JSON is YAML
scan.disable_telemetry()
scan.execute()
if scan.has_error_logs():
    sys.exit(scan.get_error_logs_text())
answer = {check.name: check.check_value for check in scan._checks}
answer["email_null_frac"] /= 100
answer["freshness"] = str(datetime.datetime.fromtimestamp(answer["freshness"], datetime.timezone.utc))
print(json.dumps(answer, default=float))
