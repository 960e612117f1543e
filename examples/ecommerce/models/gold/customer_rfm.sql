-- How recently, how often and for how much customers bought products, scored 1
-- to 5 against each other, as of the newest order (not of the clock).
-- Customers with equal values get equal scores.
WITH invoices AS (
  SELECT customer_key, date_key, invoice, is_cancellation, sum(amount) AS amount
  FROM gold.fact_sales
  WHERE is_product
  GROUP BY ALL
),
customers AS (
  SELECT
    c.customer_id,
    max(d.day) FILTER (NOT i.is_cancellation) AS last_order,
    count(DISTINCT i.invoice) FILTER (NOT i.is_cancellation) AS frequency,
    CAST(sum(i.amount) AS DECIMAL(18, 3)) AS monetary
  FROM invoices i
  JOIN gold.dim_customer c USING (customer_key)
  JOIN gold.dim_date d USING (date_key)
  WHERE c.customer_id IS NOT NULL
  GROUP BY c.customer_id
),
scored AS (
  SELECT
    customer_id,
    CAST((SELECT max(day) FROM gold.dim_date) - last_order AS INTEGER) AS recency_days,
    frequency,
    monetary,
    CAST(1 + 5 * (rank() OVER (ORDER BY last_order) - 1) // count(*) OVER () AS INTEGER) AS recency_score,
    CAST(1 + 5 * (rank() OVER (ORDER BY frequency) - 1) // count(*) OVER () AS INTEGER) AS frequency_score,
    CAST(1 + 5 * (rank() OVER (ORDER BY monetary) - 1) // count(*) OVER () AS INTEGER) AS monetary_score
  FROM customers
  WHERE frequency > 0 -- who only ever returned things has not bought
)
SELECT *,
  CASE
    WHEN recency_score >= 4 AND frequency_score >= 4 AND monetary_score >= 4 THEN 'champion'
    WHEN recency_score >= 3 AND frequency_score >= 4 THEN 'loyal'
    WHEN frequency_score >= 4 THEN 'at risk'
    WHEN recency_score >= 4 THEN 'recent'
    WHEN recency_score <= 2 THEN 'dormant'
    ELSE 'regular'
  END AS segment
FROM scored
