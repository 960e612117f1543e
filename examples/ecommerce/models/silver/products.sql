-- What a product was called, day by day. The pipeline turns the observations
-- into validity intervals (mode: scd2).
--
-- 830 product-days carry several descriptions. The one that most sales of the
-- day carry wins, of equals the first in the alphabet, and it holds from the
-- day's first line of that product. Lines that sell nothing do not name a
-- product: they carry notes such as "damaged?" or "ebay". So a day may leave the
-- name open (ignore_null): a product exists from its first line, even before it
-- has a name, and a later day without a name changes nothing.
WITH descriptions AS (
  SELECT stock_code, is_product, invoice_day, description, min(invoice_date) AS seen,
    count(*) FILTER (quantity > 0 AND unit_price > 0 AND description IS NOT NULL) AS sales
  FROM silver.order_lines
  GROUP BY ALL
),
days AS (
  SELECT stock_code, is_product, min(seen) AS seen,
    first(CASE WHEN sales > 0 THEN description END ORDER BY sales DESC, description) AS description
  FROM descriptions
  GROUP BY stock_code, is_product, invoice_day
)
SELECT stock_code, description, is_product, seen
FROM days
