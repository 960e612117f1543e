-- Where the shop could sell: countries with a currency.
SELECT alpha2 AS country, name, continent, currency
FROM bronze.country_codes
WHERE currency IS NOT NULL
