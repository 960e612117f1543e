-- Countries that orders came from; member 0 stands for spellings that are no country.
SELECT DISTINCT country_key, alpha2, alpha3, name, continent, currency
FROM silver.countries
WHERE country_key <> 0
UNION ALL
SELECT 0, NULL, NULL, 'Unknown', NULL, NULL
