-- Revenue by day. Revenue is what products brought, less returns; postage,
-- fees, discounts and corrections are apart, so that the two add up to the facts.
SELECT
  d.day,
  count(DISTINCT f.invoice) FILTER (f.is_product AND NOT f.is_cancellation) AS orders,
  CAST(coalesce(sum(f.quantity) FILTER (f.is_product), 0) AS BIGINT) AS units,
  CAST(coalesce(sum(f.amount) FILTER (f.is_product AND NOT f.is_cancellation), 0) AS DECIMAL(18, 3)) AS sales,
  CAST(coalesce(sum(f.amount) FILTER (f.is_product AND f.is_cancellation), 0) AS DECIMAL(18, 3)) AS returns,
  CAST(coalesce(sum(f.amount) FILTER (f.is_product), 0) AS DECIMAL(18, 3)) AS revenue,
  CAST(coalesce(sum(f.amount) FILTER (NOT f.is_product), 0) AS DECIMAL(18, 3)) AS other
FROM gold.fact_sales f
JOIN gold.dim_date d USING (date_key)
GROUP BY d.day
