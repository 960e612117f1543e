-- Revenue by day. Revenue is what products brought, less returns; postage,
-- fees, discounts and corrections are apart, so that the two add up to the facts.
-- (Lines are added up by invoice first: 25,000 of these are joined and told apart, not 540,000 lines.)
WITH invoices AS (
  SELECT date_key, invoice, is_product, is_cancellation, sum(quantity) AS units, sum(amount) AS amount
  FROM gold.fact_sales
  GROUP BY ALL
)
SELECT
  d.day,
  count(DISTINCT i.invoice) FILTER (i.is_product AND NOT i.is_cancellation) AS orders,
  CAST(coalesce(sum(i.units) FILTER (i.is_product), 0) AS BIGINT) AS units,
  CAST(coalesce(sum(i.amount) FILTER (i.is_product AND NOT i.is_cancellation), 0) AS DECIMAL(18, 3)) AS sales,
  CAST(coalesce(sum(i.amount) FILTER (i.is_product AND i.is_cancellation), 0) AS DECIMAL(18, 3)) AS returns,
  CAST(coalesce(sum(i.amount) FILTER (i.is_product), 0) AS DECIMAL(18, 3)) AS revenue,
  CAST(coalesce(sum(i.amount) FILTER (NOT i.is_product), 0) AS DECIMAL(18, 3)) AS other
FROM invoices i
JOIN gold.dim_date d USING (date_key)
GROUP BY d.day
