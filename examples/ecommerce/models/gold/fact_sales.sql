-- One row per order line, with the keys that were valid when the order was made.
-- Every line is here, returns and charges too, so that amounts reconcile with silver.
-- (An open interval ends in 9999: with `OR valid_to IS NULL` instead the join is no hash join.)
SELECT
  l.invoice,
  l.line,
  year(l.invoice_day) * 10000 + month(l.invoice_day) * 100 + day(l.invoice_day) AS date_key,
  coalesce(c.customer_key, 0) AS customer_key,
  coalesce(p.product_key, 0) AS product_key,
  coalesce(n.country_key, 0) AS country_key,
  l.invoice_date,
  l.quantity,
  l.unit_price,
  l.amount,
  l.is_cancellation,
  l.is_product
FROM silver.order_lines l
LEFT JOIN silver.customers c
  ON c.customer_id = l.customer_id
  AND l.invoice_date >= c.valid_from
  AND l.invoice_date < coalesce(c.valid_to, TIMESTAMPTZ '9999-12-31 00:00:00+00')
LEFT JOIN silver.products p
  ON p.stock_code = l.stock_code
  AND l.invoice_date >= p.valid_from
  AND l.invoice_date < coalesce(p.valid_to, TIMESTAMPTZ '9999-12-31 00:00:00+00')
LEFT JOIN silver.countries n ON n.country = l.country
