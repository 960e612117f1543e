-- Every day from the first order to the last, closed days included.
SELECT
  year(day) * 10000 + month(day) * 100 + day(day) AS date_key,
  day,
  year(day) AS year,
  quarter(day) AS quarter,
  month(day) AS month,
  isodow(day) AS weekday, -- 1 is Monday
  isodow(day) >= 6 AS is_weekend
FROM (
  SELECT CAST(unnest(generate_series(min(invoice_day), max(invoice_day), INTERVAL 1 DAY)) AS DATE) AS day
  FROM silver.order_lines
)
