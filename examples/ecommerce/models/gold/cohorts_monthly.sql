-- Customers by the month of their first purchase, and how many of them bought
-- in each month from then on. Age 0 is the first month.
WITH bought AS (
  SELECT DISTINCT customer_key, date_key
  FROM gold.fact_sales
  WHERE is_product AND NOT is_cancellation
),
active AS (
  SELECT DISTINCT c.customer_id, CAST(date_trunc('month', d.day) AS DATE) AS month
  FROM bought b
  JOIN gold.dim_customer c USING (customer_key)
  JOIN gold.dim_date d USING (date_key)
  WHERE c.customer_id IS NOT NULL
),
aged AS (
  SELECT month, min(month) OVER (PARTITION BY customer_id) AS cohort
  FROM active
),
counted AS (
  SELECT cohort, CAST(date_diff('month', cohort, month) AS INTEGER) AS age, count(*) AS customers
  FROM aged
  GROUP BY cohort, month
)
SELECT
  cohort, age, customers,
  CAST(round(customers / first_value(customers) OVER (PARTITION BY cohort ORDER BY age), 4) AS DECIMAL(5, 4)) AS retention
FROM counted
