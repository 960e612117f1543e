"""The same checks by hand: one DuckDB query each. Usage: by_hand.py DIR THREADS.
Prints a JSON object: the id of a rule to its failing rows, or to its value."""
import json
import sys

import duckdb

folder, threads = sys.argv[1], int(sys.argv[2])
orders, customers = f"'{folder}/orders.parquet'", f"'{folder}/customers.parquet'"
uuid = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
email = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"

failing = {
    "order_id.not_null": "order_id IS NULL",
    "order_uuid.regex": f"NOT regexp_matches(order_uuid, '{uuid}')",
    "customer_id.not_null": "customer_id IS NULL",
    "status.not_null": "status IS NULL",
    "status.in_set": "status NOT IN ('pending', 'paid', 'shipped', 'delivered', 'cancelled', 'refunded')",
    "currency.in_set": "currency NOT IN ('EUR', 'USD', 'GBP', 'SEK', 'PLN')",
    "quantity.between": "quantity NOT BETWEEN 1 AND 1000",
    "unit_price.positive": "NOT unit_price > 0",
    "discount.between": "discount NOT BETWEEN 0 AND 1",
    "email.regex": f"NOT regexp_matches(email, '{email}')",
    "country.not_in_set": "country IN ('XX', 'ZZ')",
    "country.length": "length(country) <> 2",
    "note.length": "length(note) > 200",
    "total_arithmetic": "abs(total - quantity * unit_price * (1 - discount)) > 0.01",
    "updated_ge_created": "updated_at < created_at",
    "refunded_total": "status = 'refunded' AND total > 0",
    "shipped_has_updated": "status IN ('shipped', 'delivered') AND updated_at IS NULL",
}
values = {
    "email_null_frac": "avg(CAST(email IS NULL AS INTEGER))",
    "quantity_mean": "avg(quantity)",
    "price_stdev": "stddev_samp(unit_price)",
    "total_median": "median(total)",
    "discount_max": "max(discount)",
    "country_distinct": "count(DISTINCT country)",
    "row_count": "count(*)",
    "freshness": "max(created_at)",
}
repeated = {"order_id.unique": "order_id", "order_uuid.unique": "order_uuid", "compound_unique": "customer_id, product_id, created_at"}

db = duckdb.connect()
db.execute(f"SET threads = {threads}")


def one(query):
    return db.execute(query).fetchone()[0]


answer = {rule: one(f"SELECT count(*) FROM {orders} WHERE {wrong}") for rule, wrong in failing.items()}
for rule, value in values.items():
    answer[rule] = one(f"SELECT {value} FROM {orders}")
for rule, keys in repeated.items():
    first = keys.split(",")[0]
    answer[rule] = one(f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {orders} WHERE {first} IS NOT NULL GROUP BY {keys} HAVING count(*) > 1)")
answer["customer_id.references"] = one(f"SELECT count(*) FROM {orders} ANTI JOIN {customers} USING (customer_id) WHERE customer_id IS NOT NULL")
answer["created_monotonic"] = one(f"SELECT count_if(created_at < before) FROM (SELECT created_at, lag(created_at) OVER () AS before FROM {orders})")
print(json.dumps(answer, default=str))
