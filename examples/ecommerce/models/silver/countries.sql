-- One row per spelling of a country in the orders, with its ISO 3166-1 code.
-- The alias table goes before the names of the code table. What neither
-- resolves keeps null codes and key 0, the unknown member of gold.dim_country.
SELECT
  s.country,
  c.alpha2, c.alpha3, c.name, c.continent, c.currency,
  CAST(c.snapshot_at AS TIMESTAMPTZ) AS codes_as_of,
  a.spelling IS NOT NULL OR c.alpha2 IS NOT NULL AS is_listed,
  coalesce(CAST('0x' || left(md5(c.alpha2), 15) AS BIGINT), 0) AS country_key
FROM (SELECT DISTINCT country FROM silver.order_lines WHERE country IS NOT NULL) s
LEFT JOIN bronze.country_aliases a ON a.spelling = s.country
LEFT JOIN bronze.country_codes c ON c.alpha2 = a.alpha2 OR (a.spelling IS NULL AND c.name = s.country)
