-- Customers and where they were, by validity; member 0 stands for lines without a customer.
SELECT customer_key, customer_id, country, valid_from, valid_to, is_current
FROM silver.customers
UNION ALL
SELECT 0, NULL, 'Unknown', NULL, NULL, true
