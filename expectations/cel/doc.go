// Package cel compiles the CEL of suites. A rule becomes SQL that an engine runs
// over a whole table, and a cel-go program that is the reference: both give the
// same verdict for every row.
//
// An [Env] knows the columns of one table and the named expressions of a suite.
// [Env.Row] compiles a condition on one row; [Rule.SQL] is an SQL expression
// that is TRUE where the row passes, FALSE where it fails and NULL where CEL
// gives an error or null; [Rule.Eval] is the reference. [Env.Table] compiles a
// condition on aggregates; [Rule.Metrics] are the numbers that an engine must
// compute, [Rule.Judge] decides on them, and [Rule.EvalTable] is the reference.
// [Env.RowOver] compiles a condition on one row that looks at aggregates, which
// are computed first, and at neighbours, the [Rule.Windows], which are computed in
// a subquery.
//
// The dialects are DuckDB and Spark 3.5. What one cannot say exactly is an
// [*Unsupported] that names it; the reference judges such rules.
//
// # The language
//
// It is CEL, with these types: int, double, decimal (exact), string, bool,
// bytes, timestamp (UTC, microseconds), duration, date, lists, maps and structs.
// Columns are variables; one whose name is no identifier is row.`Invoice No`, or
// row["100 %"]. Null equals null only; to order it or to call on it is an error.
// && and || absorb errors. NaN compares false, except under !=. Numbers mix: int
// with double gives double, int or a constant with decimal gives decimal; a decimal
// beside a double is refused. Ints err on overflow and on division by zero; doubles
// follow IEEE 754; decimals err above 38 digits and divide by div(x, y, places).
//
// Fields are address.city, null where the struct is null; elements tags[0] and
// counts['a'], an error where there is none; has(address.city) and has(counts.a)
// ask. Over elements (of maps: over keys) go x.all(e, e > 0), exists, exists_one,
// filter and map; all and exists absorb errors as && and || do.
//
// The functions of rows are those that [Functions] lists, with examples:
//
//   - text: size, contains, startsWith, endsWith, matches (RE2, found anywhere),
//     charAt, indexOf, lastIndexOf, substring, replace, split, join, reverse,
//     lowerAscii, upperAscii, trim, levenshtein
//   - numbers: abs, sign, round, floor, ceil, trunc, sqrt, ln, chi2_p, ks_p, div, isNaN, isInf, isFinite,
//     math.greatest, math.least, math.bitAnd and the other bits, decimalPlaces
//   - lists: slice, flatten, distinct, sort, reverse, lists.range, sets.contains,
//     sets.equivalent, sets.intersects, in, +
//   - times: now(), getFullYear, getMonth and the other parts, in UTC or in a time
//     zone; parseDate, parseTimestamp, isDate, isTimestamp
//   - conversions: int, double, decimal, string, bytes, bool, date, timestamp, duration
//   - formats: isEmail, isURL, isUUID, isHostname, isIP, inCIDR, isMACAddress, isPhone,
//     isHexColor, isBase64, isSlug, isJSON, isXML, hasJSONKeys, matchesJSONSchema,
//     isGeoJSON, isGeometry, geometryDistance, geometryType, geometryArea, geometryPoints,
//     geoDistance
//   - check digits: luhn, isCreditCard, isIBAN, isISIN, isEAN, isISBN, isISSN, isIMEI
//   - codes: isISOCountry, isISOCurrency, isISOLanguage, isCountryName, isTopLevelDomain,
//     isUSState, isTimeZone, isBIC
//   - other tables: exists_in(x, table, column), which is false for null, and
//     exists_in(x, y, table, column, column) for one row with both; of aggregates
//     rows_of(table), sum_of(table, column) and missing(x, table, column)
//
// Aggregates of table rules and of RowOver: rows(), count(p), share(p), nulls(x),
// nans(x), infs(x), sum, mean, min, max, stddev, variance, stddev_pop, variance_pop, median, quantile(x, q),
// approx_quantile(x, q), distinct(x), duplicates(x, ...), mode(x), corr(x, y), rank_corr(x, y),
// entropy(x), skewness(x), kurtosis(x), falls, rises, stays and overlaps by an order,
// beyond(x, n), beyond_iqr(x, k) and beyond_moving(x, n, k, t), mad(x), near_pairs(x, n), mutual_information(x, y), ks(x, y), wasserstein(x, y), cramers_v(x, y),
// nearest_quantile(x, q), modes(x), mode_rows(x), duplicates_or_nulls(x, ...), freshness(t); previous(e) and history(e, n) are the same of earlier
// versions, and metric('name') is a let. Rows whose argument has no value are left
// out, as are NaN and infinities where numbers are added up or ordered; count and
// share do not count them. It may lack a value only because a column or a field
// that it reads is null: where an argument errs on values (a zero divisor, an
// overflow, a text that is no number), the rule is an error. Only nulls(x) counts
// every row in which x has no value, errors too. Sums of ints and decimals are
// exact decimals, means of decimals decimals; other statistics are doubles, judged
// at 12 significant digits.
//
// lag(x, order, partition ...) in RowOver is x in the row before, null for the
// first; lag(x) goes by the order of the source. alike(x, ...) is how many rows agree
// with this one in what is given.
package cel
