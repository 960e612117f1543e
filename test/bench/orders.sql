-- Orders and customers for the benchmark of dq check: {rows} orders with mistakes
-- that are put in by counting, so that what a rule must find is known. A mistake
-- of kind k stands in the rows whose number leaves the remainder k, and no row has two.
CREATE TEMP MACRO pick(h, list) AS list[1 + CAST(h % len(list) AS INTEGER)];

COPY (
  WITH numbered AS (
    SELECT i, hash(i) AS h, hash(i + 1000000007) AS g, md5(CAST(i AS VARCHAR)) AS m, i % 10000 AS k FROM range({rows}) r(i)
  ), drawn AS (
    SELECT *, CAST(1 + h % 10 AS INTEGER) AS q, CAST(50 + g % 20000 AS BIGINT) / 100.0::DOUBLE AS p,
      pick(h // 1024, [0.0, 0.0, 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])::DOUBLE AS d,
      pick(g // 1024, ['pending', 'paid', 'paid', 'shipped', 'shipped', 'delivered', 'delivered', 'delivered', 'cancelled', 'refunded']) AS s,
      1672531200000000 + i * (63072000000000 // {rows}) AS c
    FROM numbered
  ), wrong AS (
    SELECT *,
      CASE WHEN i % 50000 = 7 THEN (i + {rows} // 2) % {rows} ELSE i END AS id,
      CASE WHEN i % 100000 = 107 THEN md5(CAST((i + {rows} // 2 + 1) % {rows} AS VARCHAR)) ELSE m END AS u,
      CASE WHEN i % 30000 = 211 THEN i - 1 ELSE i END AS key,
      CASE WHEN s = 'refunded' AND k <> 5 THEN 1.0 WHEN k IN (20, 21) THEN 1.5 ELSE d END AS d2,
      CASE WHEN k IN (30, 31, 32, 33, 34) THEN 0 ELSE q END AS q2,
      CASE WHEN k IN (40, 41) THEN -p ELSE p END AS p2
    FROM drawn
  )
  SELECT
    id + 1 AS order_id,
    CASE WHEN k IN (50, 51) THEN 'BAD-' || m ELSE substr(u, 1, 8) || '-' || substr(u, 9, 4) || '-4' || substr(u, 13, 3) || '-a' || substr(u, 16, 3) || '-' || substr(u, 19, 12) END AS order_uuid,
    CASE WHEN k BETWEEN 60 AND 69 THEN NULL WHEN k BETWEEN 70 AND 75 THEN 600000 + k ELSE CAST(1 + hash(key + 5) % 500000 AS BIGINT) END AS customer_id,
    CAST(1 + hash(key + 9) % 20000 AS BIGINT) AS product_id,
    CASE WHEN k IN (80, 81, 82) THEN NULL WHEN k BETWEEN 83 AND 86 THEN 'UNKNOWN' ELSE s END AS status,
    CASE WHEN k IN (90, 91, 92) THEN 'XBT' ELSE pick(h // 65536, ['EUR', 'EUR', 'EUR', 'USD', 'USD', 'GBP', 'SEK', 'PLN']) END AS currency,
    q2 AS quantity, p2 AS unit_price, d2 AS discount,
    round(q2 * p2 * (1 - d2), 2) + CASE WHEN k BETWEEN 100 AND 106 THEN 1 ELSE 0 END AS total,
    CASE WHEN k BETWEEN 110 AND 159 THEN NULL WHEN k BETWEEN 160 AND 174 THEN 'user' || g % 5000000 || '.example.com' ELSE 'user' || g % 5000000 || '@' || pick(h // 4096, ['example.com', 'mail.test', 'shop.example', 'post.example']) END AS email,
    CASE WHEN k IN (180, 181) THEN 'Germany' WHEN k = 182 THEN 'XX' ELSE pick(g // 65536, ['DE', 'FR', 'US', 'GB', 'SE', 'PL', 'NL', 'ES', 'IT', 'BE']) END AS country,
    make_timestamp(CASE WHEN i % 30000 = 211 THEN c - 63072000000000 // {rows} WHEN i % 20000 = 190 THEN c - 3456000000000 ELSE c END) AS created_at,
    CASE WHEN k BETWEEN 200 AND 209 THEN NULL WHEN k BETWEEN 220 AND 227 THEN make_timestamp(c - 3600000000) ELSE make_timestamp(c + CAST(g % 1209600 AS BIGINT) * 1000000) END AS updated_at,
    CASE WHEN k IN (230, 231, 232) THEN repeat('x', 250) WHEN h % 20 < 14 THEN NULL WHEN h % 20 < 17 THEN 'gift' ELSE 'leave at door ' || g % 1000 END AS note
  FROM wrong
) TO '{dir}/orders.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 500000);

COPY (SELECT i AS customer_id, 'c' || i || '@example.com' AS email FROM range(1, 500001) r(i)) TO '{dir}/customers.parquet' (FORMAT parquet, COMPRESSION zstd);
