-- One row per order line: typed, cleaned, without exact duplicates.
--
-- A text that cannot be read as its type becomes null and is kept in
-- `unreadable`, so that the suite can quarantine the row and show why.
-- Patterns come before casts because a cast alone would round: '12.7' to 13.
WITH typed AS (
  SELECT
    o.Quantity, o.UnitPrice, o.InvoiceDate, o.CustomerID, o._line, -- not *: a new column called code would be taken for the one below
    upper(trim(o.InvoiceNo)) AS invoice,
    upper(trim(o.StockCode)) AS code,
    nullif(trim(o.Description), '') AS label,
    TRY_CAST(regexp_extract(o.Quantity, '^-?[0-9]+$') AS BIGINT) AS units,
    TRY_CAST(regexp_extract(o.UnitPrice, '^(-?[0-9]+(\.[0-9]{1,3})?)0*$', 1) AS DECIMAL(12, 3)) AS price,
    try_strptime(o.InvoiceDate, '%Y-%m-%d %H:%M:%S') AT TIME ZONE 'UTC' AS ordered_at,
    TRY_CAST(regexp_extract(o.CustomerID, '^([0-9]+)(\.0*)?$', 1) AS BIGINT) AS customer, -- 17850.0 is 17850
    nullif(trim(o.Country), '') AS spelling
  FROM bronze.orders o
),
-- Lines that agree in everything are one line; it stands where it stood first.
lines AS (
  SELECT
    invoice, code, label, units, price, ordered_at, customer, spelling,
    nullif(concat_ws('; ',
      CASE WHEN units IS NULL THEN 'Quantity=' || Quantity END,
      CASE WHEN price IS NULL THEN 'UnitPrice=' || UnitPrice END,
      CASE WHEN ordered_at IS NULL THEN 'InvoiceDate=' || InvoiceDate END,
      CASE WHEN customer IS NULL THEN 'CustomerID=' || CustomerID END), '') AS unreadable,
    min(_line) AS first_line
  FROM typed
  GROUP BY ALL
)
SELECT
  invoice,
  -- The further columns only matter where an invoice stands in several files.
  CAST(row_number() OVER (PARTITION BY invoice ORDER BY first_line, code, label, units, price,
    ordered_at, customer, spelling, unreadable) AS INTEGER) AS line,
  code AS stock_code,
  label AS description,
  units AS quantity,
  price AS unit_price,
  TRY_CAST(units * price AS DECIMAL(18, 3)) AS amount,
  ordered_at AS invoice_date,
  CAST(ordered_at AS DATE) AS invoice_day,
  customer AS customer_id,
  spelling AS country,
  starts_with(invoice, 'C') AS is_cancellation,
  regexp_matches(code, '^[0-9]{5}') AS is_product, -- POST, DOT, M, BANK CHARGES ... are none
  unreadable
FROM lines
