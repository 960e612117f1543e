"""The same checks by Great Expectations on DuckDB. Usage: by_gx.py DIR THREADS.
Prints a JSON object: the id of a rule to its failing rows, or to its value. What it has
no expectation for on DuckDB is its UnexpectedRowsExpectation, in SQL; its median is a value."""
import datetime
import json
import os
import re
import sys
import tempfile
import warnings

os.environ["GX_ANALYTICS_ENABLED"] = "false"
warnings.filterwarnings("ignore")

import duckdb_engine
import great_expectations as gx
import sqlalchemy
from great_expectations import expectations as e
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.row_conditions import Column

# It reads answers after SQLAlchemy has rolled their transaction back, and then DuckDB 1.5
# has forgotten them: without transactions they stay.
for name in ("do_begin", "do_rollback", "do_commit"):
    setattr(duckdb_engine.Dialect, name, lambda *_: None)

folder, threads = sys.argv[1], int(sys.argv[2])
uuid = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
email = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
missing = "either_value_is_missing"


def rows(query):
    return e.UnexpectedRowsExpectation(unexpected_rows_query=query)


def braces(pattern):
    return pattern.replace("{", "{{").replace("}", "}}")


checks = {
    "order_id.not_null": e.ExpectColumnValuesToNotBeNull(column="order_id"),
    "order_id.unique": e.ExpectColumnValuesToBeUnique(column="order_id"),
    "order_uuid.regex": rows(f"SELECT order_uuid FROM {{batch}} WHERE NOT regexp_matches(order_uuid, '{braces(uuid)}')"),
    "order_uuid.unique": e.ExpectColumnValuesToBeUnique(column="order_uuid"),
    "customer_id.not_null": e.ExpectColumnValuesToNotBeNull(column="customer_id"),
    "customer_id.references": rows("SELECT o.customer_id FROM {batch} o ANTI JOIN customers USING (customer_id) WHERE o.customer_id IS NOT NULL"),
    "status.not_null": e.ExpectColumnValuesToNotBeNull(column="status"),
    "status.in_set": e.ExpectColumnValuesToBeInSet(column="status", value_set=["pending", "paid", "shipped", "delivered", "cancelled", "refunded"]),
    "currency.in_set": e.ExpectColumnValuesToBeInSet(column="currency", value_set=["EUR", "USD", "GBP", "SEK", "PLN"]),
    "quantity.between": e.ExpectColumnValuesToBeBetween(column="quantity", min_value=1, max_value=1000),
    "unit_price.positive": e.ExpectColumnValuesToBeBetween(column="unit_price", min_value=0, strict_min=True),
    "discount.between": e.ExpectColumnValuesToBeBetween(column="discount", min_value=0, max_value=1),
    "email.regex": rows(f"SELECT email FROM {{batch}} WHERE NOT regexp_matches(email, '{braces(email)}')"),
    "country.not_in_set": e.ExpectColumnValuesToNotBeInSet(column="country", value_set=["XX", "ZZ"]),
    "country.length": e.ExpectColumnValueLengthsToEqual(column="country", value=2),
    "note.length": e.ExpectColumnValueLengthsToBeBetween(column="note", max_value=200),
    "compound_unique": e.ExpectCompoundColumnsToBeUnique(column_list=["customer_id", "product_id", "created_at"], ignore_row_if="any_value_is_missing"),
    "total_arithmetic": rows("SELECT * FROM {batch} WHERE abs(total - quantity * unit_price * (1 - discount)) > 0.01"),
    "email_null_frac": e.ExpectColumnProportionOfNonNullValuesToBeBetween(column="email", min_value=0.99),
    "updated_ge_created": e.ExpectColumnPairValuesAToBeGreaterThanB(column_A="updated_at", column_B="created_at", or_equal=True, ignore_row_if=missing),
    "refunded_total": e.ExpectColumnValuesToBeBetween(column="total", max_value=0, row_condition=Column("status") == "refunded"),
    "shipped_has_updated": e.ExpectColumnValuesToNotBeNull(column="updated_at", row_condition=Column("status").is_in(["shipped", "delivered"])),
    "created_monotonic": rows("SELECT * FROM (SELECT created_at, lag(created_at) OVER () AS before FROM {batch}) AS t WHERE created_at < before"),
    "quantity_mean": e.ExpectColumnMeanToBeBetween(column="quantity", min_value=5, max_value=6),
    "price_stdev": e.ExpectColumnStdevToBeBetween(column="unit_price", min_value=10, max_value=100),
    "total_median": e.ExpectColumnMedianToBeBetween(column="total", min_value=20, max_value=500),
    "discount_max": e.ExpectColumnMaxToBeBetween(column="discount", max_value=1),
    "country_distinct": e.ExpectColumnUniqueValueCountToBeBetween(column="country", min_value=5, max_value=15),
    "row_count": e.ExpectTableRowCountToBeBetween(min_value=50000),
    "freshness": e.ExpectColumnMaxToBeBetween(column="created_at", min_value=datetime.datetime(2024, 12, 29)),
}


def value(rule, result):
    if "unexpected_count" in result:
        return result["unexpected_count"]
    found = result["observed_value"]
    if rule == "email_null_frac":
        return 1 - found
    if isinstance(found, str) and isinstance(checks[rule], e.UnexpectedRowsExpectation):
        return int(re.search(r"\d+", found).group())
    return found


with tempfile.TemporaryDirectory() as place:
    url = f"duckdb:///{place}/gx.duckdb?threads={threads}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as db:
        for name in ("orders", "customers"):
            db.exec_driver_sql(f"CREATE VIEW {name} AS FROM '{os.path.abspath(folder)}/{name}.parquet'")
    engine.dispose()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_sql("d", connection_string=url)
    batch = source.add_table_asset("orders", table_name="orders").add_batch_definition_whole_table("b")
    suite = gx.ExpectationSuite(name="orders")
    for rule, check in checks.items():
        check.meta = {"rule": rule}
        suite.add_expectation(check)
    suite = context.suites.add(suite)
    found = context.validation_definitions.add(gx.ValidationDefinition(name="v", data=batch, suite=suite)).run(result_format="BASIC")

answer = {}
for result in found.results:
    rule = result.expectation_config.meta["rule"]
    if not result.result:
        sys.exit(f"{rule}: {result.exception_info}")
    answer[rule] = value(rule, result.result)
print(json.dumps(answer, default=str))
