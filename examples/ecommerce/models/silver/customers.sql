-- In which country a customer was, seen at each of their invoices.
-- The pipeline turns the observations into validity intervals (mode: scd2).
SELECT DISTINCT customer_id, country, invoice_date, invoice
FROM silver.order_lines
WHERE customer_id IS NOT NULL
