-- Products and what they were called, by validity; member 0 stands for none.
SELECT product_key, stock_code, coalesce(description, 'Unnamed') AS description, is_product, valid_from, valid_to, is_current
FROM silver.products
UNION ALL
SELECT 0, NULL, 'Unknown', false, NULL, NULL, true
