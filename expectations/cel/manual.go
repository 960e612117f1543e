package cel

// manual describes what the function tables do not hold: aggregates, and what the
// compiler expands itself. A test keeps it complete, and runs the examples on the
// rows of sampleRows.
var manual = []Function{
	// Counts.
	{Name: "rows", Signatures: []string{"rows() gives int"}, Doc: "The number of rows in scope.", Nulls: "Rows of nulls are counted.",
		Examples: []string{"rows() == 5", "rows() > count(x > 1)", "rows() >= 1"}},
	{Name: "count", Signatures: []string{"count(condition) gives int"}, Doc: "The number of rows for which a condition is true.", Nulls: "A row for which it has no value, because a column is null, is not counted.",
		Examples: []string{"count(x > 1) == 3", "count(s == null) == 1", "count(x > 1 || s == 'c') == 4"}},
	{Name: "share", Signatures: []string{"share(condition) gives double"}, Doc: "The fraction of all rows for which a condition is true; null over no rows.", Nulls: "A row for which it has no value counts among all rows.",
		Examples: []string{"share(x > 1) == 0.6", "share(s != null) == 0.8", "share(g == 'a') < 0.5"}},
	{Name: "nulls", Signatures: []string{"nulls(any) gives int"}, Doc: "The number of rows in which an expression has no value: it is null, or errs.", Nulls: "They are what is counted.",
		Examples: []string{"nulls(x) == 1", "nulls(g) == 0", "nulls(10 / (x - 1)) == 2"}},
	{Name: "nans", Signatures: []string{"nans(double) gives int"}, Doc: "The number of rows that are NaN.", Nulls: skipsNulls,
		Examples: []string{"nans(y) == 1", "nans(y) <= rows()", "nans(double(x)) == 0"}},
	{Name: "infs", Signatures: []string{"infs(double) gives int"}, Doc: "The number of rows that are infinite, of either sign.", Nulls: skipsNulls,
		Examples: []string{"infs(y) == 0", "infs(y / 0.0) == 3", "infs(double(x)) == 0"}},

	// Numbers.
	{Name: "sum", Signatures: []string{"sum(int) gives decimal", "sum(double) gives double", "sum(decimal) gives decimal"}, Doc: "The sum: exact of ints and decimals, of doubles at 12 digits. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"sum(x) == 10", "sum(y) == 4.5", "sum(x * 2) == 20"}},
	{Name: "mean", Signatures: []string{"mean(int) gives double", "mean(double) gives double", "mean(decimal) gives decimal", "mean(history(...)) gives the mean of earlier values"}, Doc: "The arithmetic mean; of decimals a decimal with up to six more places. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"mean(x) == 2.5", "mean(y) == 1.5", "mean(x) > 2"}},
	{Name: "min", Signatures: []string{"min(any with an order) gives the same type"}, Doc: "The smallest value of numbers, text, dates or times. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"min(x) == 1", "min(s) == 'a'", "min(at) == timestamp('2026-01-01T00:00:00Z')"}},
	{Name: "max", Signatures: []string{"max(any with an order) gives the same type"}, Doc: "The largest value of numbers, text, dates or times. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"max(x) == 5", "max(y) == 2.5", "max(s) == 'c'"}},
	{Name: "stddev", Signatures: []string{"stddev(number) gives double"}, Doc: "The standard deviation of the sample (n - 1); null of fewer than two values. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"stddev(y) == 1.0", "stddev(x) > 1.7 && stddev(x) < 1.8", "stddev(x) * 0.0 == 0.0"}},
	{Name: "variance", Signatures: []string{"variance(number) gives double"}, Doc: "The variance of the sample (n - 1); null of fewer than two values. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"variance(x) == 3.0", "variance(y) == 1.0", "variance(x) > variance(y)"}},
	{Name: "stddev_pop", Signatures: []string{"stddev_pop(number) gives double"}, Doc: "The standard deviation of the population (n): 0 of one value. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"stddev_pop(x) == 1.5", "stddev_pop(y) < stddev(y)", "stddev_pop(1.0) == 0.0"}},
	{Name: "variance_pop", Signatures: []string{"variance_pop(number) gives double"}, Doc: "The variance of the population (n): 0 of one value. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"variance_pop(x) == 2.25", "variance_pop(y) < variance(y)", "variance_pop(1) == 0.0"}},
	{Name: "median", Signatures: []string{"median(number) gives double, of decimals decimal"}, Doc: "The value in the middle, or the mean of the two (R-7). Exact. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"median(x) == 2.0", "median(y) == 1.5", "median(x) == quantile(x, 0.5)"}},
	{Name: "quantile", Signatures: []string{"quantile(number, fraction) gives double, of decimals decimal"}, Doc: "The value below which a fraction of the values lies (R-7, linear between neighbours). Exact; the fraction is a constant from 0.0 to 1.0. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"quantile(x, 0.0) == 1.0", "quantile(x, 0.5) == 2.0", "quantile(x, 0.75) == 2.75"}},
	{Name: "approx_quantile", Signatures: []string{"approx_quantile(number, fraction) gives double"}, Doc: "An estimate of a quantile, in one pass and little memory. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"approx_quantile(x, 0.5) > 1.0", "approx_quantile(y, 0.9) <= 2.5", "approx_quantile(x, 1.0) == 5.0"}},
	{Name: "nearest_quantile", Signatures: []string{"nearest_quantile(any with an order, fraction) gives the same type"}, Doc: "The value whose rank is nearest to a fraction, of two the one of even rank: no number that does not occur. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"nearest_quantile(x, 0.0) == 1", "nearest_quantile(x, 0.5) == 2", "nearest_quantile(s, 1.0) == 'c'"}},
	{Name: "mad", Signatures: []string{"mad(number) gives double"}, Doc: "The median of the distances from the median (median absolute deviation), not scaled: times 1.4826 it estimates the standard deviation, whatever outliers there are. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"mad(x) == 0.5", "mad(y) == 1.0", "mad(x) < stddev(x)"}},

	// Values that occur.
	{Name: "distinct", Signatures: []string{"distinct(any) gives int", "list.distinct() gives list"}, Doc: "The number of different values; NaN is one. Of a list: its different elements in order.", Nulls: skipsNulls,
		Examples: []string{"distinct(x) == 3", "distinct(s) == 3", "distinct(g) == 2"}},
	{Name: "duplicates", Signatures: []string{"duplicates(any, ...) gives int"}, Doc: "The number of rows whose key occurs more than once, all of them counted. A key is up to 32 columns.", Nulls: "Keys with a null are in no group.",
		Examples: []string{"duplicates(x) == 2", "duplicates(g) == 5", "duplicates(g, x) == 0"}},
	{Name: "duplicates_or_nulls", Signatures: []string{"duplicates_or_nulls(any, ...) gives int"}, Doc: "As duplicates, with nulls that are equal to each other.", Nulls: "They are values.",
		Examples: []string{"duplicates_or_nulls(x) == 2", "duplicates_or_nulls(g) == 5", "duplicates_or_nulls(s, x) == 2"}},
	{Name: "mode", Signatures: []string{"mode(any) gives the same type"}, Doc: "The most frequent value, the smallest of ties.", Nulls: skipsNulls,
		Examples: []string{"mode(x) == 2", "mode(s) == 'b'", "mode(g) == 'b'"}},
	{Name: "modes", Signatures: []string{"modes(any) gives int"}, Doc: "How many values are as frequent as the most frequent one.", Nulls: skipsNulls,
		Examples: []string{"modes(x) == 1", "modes(y) == 4", "modes(g) == 1"}},
	{Name: "mode_rows", Signatures: []string{"mode_rows(any) gives int"}, Doc: "How many rows have the most frequent value.", Nulls: skipsNulls,
		Examples: []string{"mode_rows(x) == 2", "mode_rows(g) == 3", "mode_rows(y) == 1"}},
	{Name: "near_pairs", Signatures: []string{"near_pairs(string, int) gives int"}, Doc: "How many pairs of different texts are at most so many edits apart: insertions, deletions and replacements of characters. The number is a constant. It compares each different text with each other: meant for columns of up to some thousand different texts.", Nulls: skipsNulls,
		Examples: []string{"near_pairs(s, 1) == 3", "near_pairs(s, 0) == 0", "near_pairs(g + 'bc', 1) == 1"}},

	// The shape of a distribution, and of two.
	{Name: "entropy", Signatures: []string{"entropy(any) gives double"}, Doc: "The entropy of the values that occur, in nats.", Nulls: skipsNulls,
		Examples: []string{"entropy(x) > 1.0", "entropy(g) < ln(2.0)", "entropy(ok) > 0.0"}},
	{Name: "mutual_information", Signatures: []string{"mutual_information(any, any) gives double"}, Doc: "How much the value of one column says of the other, in nats: 0 when they are independent, the entropy of one when it follows from the other.", Nulls: "Rows with a null in either are left out.",
		Examples: []string{"mutual_information(x, x) == entropy(x)", "mutual_information(x, g) > 0.2", "mutual_information(g, 1) == 0.0"}},
	{Name: "skewness", Signatures: []string{"skewness(number) gives double"}, Doc: "The third standardised moment of all values: 0 when they are symmetrical. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"skewness(x) > 0.5", "skewness(y) == 0.0", "skewness(-x) < 0.0"}},
	{Name: "kurtosis", Signatures: []string{"kurtosis(number) gives double"}, Doc: "The fourth standardised moment of all values: 3 for a normal distribution. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"kurtosis(y) == 1.5", "kurtosis(x) < 3.0", "kurtosis(x) > 0.0"}},
	{Name: "corr", Signatures: []string{"corr(number, number) gives double"}, Doc: "Pearson's correlation; null where one is constant. " + finiteOnly, Nulls: "Rows with a null in either are left out.",
		Examples: []string{"corr(x, x) == 1.0", "corr(x, -x) == -1.0", "corr(x, y) > 0.9"}},
	{Name: "rank_corr", Signatures: []string{"rank_corr(number, number) gives double"}, Doc: "Spearman's correlation, which is corr of the ranks: 1 where one rises with the other, however fast. Equal values share the mean of their ranks; null where one is constant. " + finiteOnly, Nulls: "Rows with a null in either are left out.",
		Examples: []string{"rank_corr(x, y) == 1.0", "rank_corr(x, -x) == -1.0", "rank_corr(x, x * x * x) == 1.0"}},
	{Name: "cramers_v", Signatures: []string{"cramers_v(any, any) gives double"}, Doc: "How far values of one column tell those of another, from 0 to 1 (Cramér's V, without a correction); null where one has a single value.", Nulls: "Rows with a null in either are left out.",
		Examples: []string{"cramers_v(x, x) == 1.0", "cramers_v(x, g) < 1.0", "cramers_v(g, g) == 1.0"}},
	{Name: "ks", Signatures: []string{"ks(number, number) gives double"}, Doc: "The greatest distance of the distributions of two columns (Kolmogorov-Smirnov). " + finiteOnly, Nulls: "A null of one column is left out of that column only.",
		Examples: []string{"ks(x, x) == 0.0", "ks(x, x + 100) == 1.0", "ks(x, y) < 1.0"}},
	{Name: "wasserstein", Signatures: []string{"wasserstein(number, number) gives double"}, Doc: "The area between the distributions of two columns (earth mover's distance), in their unit. " + finiteOnly, Nulls: "A null of one column is left out of that column only.",
		Examples: []string{"wasserstein(x, x) == 0.0", "wasserstein(x, x + 1) == 1.0", "wasserstein(x, y) > 0.0"}},
	{Name: "beyond", Signatures: []string{"beyond(number, n) gives int"}, Doc: "How many rows are at least n standard deviations away from the mean; n is a constant. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"beyond(x, 1.4) == 1", "beyond(x, 3.0) == 0", "beyond(y, 2) == 0"}},
	{Name: "beyond_iqr", Signatures: []string{"beyond_iqr(number, k) gives int"}, Doc: "How many rows are further than k times the distance of the quartiles outside of them; k is a constant. " + finiteOnly, Nulls: skipsNulls,
		Examples: []string{"beyond_iqr(x, 1.5) == 1", "beyond_iqr(x, 5.0) == 0", "beyond_iqr(y, 1.5) == 0"}},
	{Name: "beyond_moving", Signatures: []string{"beyond_moving(number, n, k, order) gives int"}, Doc: "How many rows are more than k standard deviations away from the mean of the n rows before, by an order; n and k are constants. The first n rows are not counted. Rows of one order follow each other by the number. NaN, infinities and numbers beyond 1e150 are left out.", Nulls: "Rows with a null are left out.",
		Examples: []string{"beyond_moving(x, 2, 0.1, at) == 1", "beyond_moving(x, 3, 9.0, at) == 0", "beyond_moving(x, 5, 1.0, at) == 0"}},

	// Orders.
	{Name: "falls", Signatures: stepForms("falls"), Doc: stepDoc("below"), Nulls: stepNulls,
		Examples: []string{"falls(x, at) == 0", "falls(-x, at) == 2", "falls(-x, at, g) == 2"}},
	{Name: "rises", Signatures: stepForms("rises"), Doc: stepDoc("above"), Nulls: stepNulls,
		Examples: []string{"rises(x, at) == 2", "rises(-x, at) == 0", "rises(x, at, g) == 2"}},
	{Name: "stays", Signatures: stepForms("stays"), Doc: stepDoc("equal to"), Nulls: stepNulls,
		Examples: []string{"stays(x, at) == 1", "stays(s, at) == 1", "stays(x, at, g) == 0"}},
	{Name: "jumps", Signatures: []string{"jumps(number, least, most) gives int", "jumps(number, least, most, order) gives int", "jumps(number, least, most, order, group) gives int"}, Doc: "How many rows differ from the row before by less than least or more than most, which are constants; without an order that of the source counts.", Nulls: stepNulls,
		Examples: []string{"jumps(x, 0.0, 2.0, at) == 1", "jumps(x, 0, 3, at) == 0", "jumps(x, 1.0, 3.0, at) == 1"}},
	{Name: "overlaps", Signatures: []string{"overlaps(from, to) gives int", "overlaps(from, to, group) gives int"}, Doc: "How many rows have a range, without its end, that begins before the end of one that begins earlier.", Nulls: stepNulls,
		Examples: []string{"overlaps(x, x + 1) == 1", "overlaps(x, x + 2) == 2", "overlaps(x, x + 1, g) == 0"}},
	{Name: "lag", Signatures: []string{"lag(any) gives the same type", "lag(any, order, group, ...) gives the same type"}, Doc: "In row rules, the value in the row before, by an order (without one, that of the source) and among rows that agree in the groups. Rows that agree in order and value count as one.", Nulls: "Null of the first row. A row whose order is null is nobody's neighbour.",
		Examples: []string{"lag(at, at) == null || lag(at, at) < at", "lag(x, at) == null || x == null || lag(x, at) <= x", "lag(x, at, g) == null || x == null || x > lag(x, at, g)"}},
	{Name: "lag_down", Signatures: []string{"lag_down(any, order, group, ...) gives the same type"}, Doc: "As lag, but rows of one order follow each other from the greatest value to the least.", Nulls: "Null of the first row. A row whose order is null is nobody's neighbour.",
		Examples: []string{"lag_down(at, at) == null || lag_down(at, at) < at", "lag_down(x, at) == null || x == null || lag_down(x, at) <= x", "lag_down(g, at) == null || lag_down(g, at) <= g"}},
	{Name: "alike", Signatures: []string{"alike(any, ...) gives int"}, Doc: "In row rules, how many rows agree with this one in all that is given, this one counted.", Nulls: "Rows that have null in it agree.",
		Examples: []string{"alike(g) >= 1", "alike(x, g) <= alike(g)", "alike(x, g, at) == 1"}},

	// The clock and the past.
	{Name: "now", Signatures: []string{"now() gives timestamp"}, Doc: "The time of the run, which is the same for all rules; of a backfill the logical date.", Nulls: "It is never null.",
		Examples: []string{"now() > timestamp('2020-01-01T00:00:00Z')", "now() == now()", "now() - duration('1h') < now()"}},
	{Name: "freshness", Signatures: []string{"freshness(timestamp) gives duration", "freshness(date) gives duration"}, Doc: "How long ago the latest time was: now() - max(t).", Nulls: skipsNulls,
		Examples: []string{"freshness(at) > duration('1h')", "freshness(date(at)) >= freshness(at)", "freshness(at) == now() - max(at)"}},
	{Name: "previous", Signatures: []string{"previous(aggregates) gives what they give"}, Doc: "The same of the newest earlier version whose gate passed. Without one the rule is skipped.", Nulls: "Null where the aggregate had no value then.",
		Examples: []string{"previous(rows()) == 4", "rows() >= previous(rows())", "rows() - previous(rows()) == 1"}},
	{Name: "history", Signatures: []string{"history(aggregate, n) gives list", "history(aggregate, n, at_least) gives list"}, Doc: "An aggregate of the last n earlier versions whose gate passed, n a constant up to 1000. mean, min, max, sum, median, stddev, variance and the bands (z_band ...) take the list. Without a past the rule is skipped, and so it is when fewer versions than at_least have a value.", Nulls: "Versions in which it had no value are left out.",
		Examples: []string{"mean(history(rows(), 2)) == 5.0", "max(history(rows(), 2)) == 6", "rows() <= max(history(rows(), 2))", "size(history(rows(), 30, 2)) == 2"}},
	{Name: "metric", Signatures: []string{"metric('name') gives what the let gives"}, Doc: "A named expression of the suite (let): another way to write its name.", Nulls: "Those of the let.",
		Examples: []string{"metric('twice') == 20", "metric('twice') == sum(x) * 2", "metric('twice') > 0"}},

	// Other tables.
	{Name: "exists_in", Signatures: []string{"exists_in(any, 'table', 'column') gives bool", "exists_in(any, any, ..., 'table', 'column', 'column', ...) gives bool"}, Doc: "Whether a value occurs in a column of another table, or up to four values in one row of it. Table and columns are constants.", Nulls: "False of null; nulls of the other table are never found.",
		Examples: []string{"x == null || exists_in(x, 'other', 'id') || x == 5", "x == null || !exists_in(x + 90, 'other', 'id')", "exists_in(g, 'other', 'name')"}},
	{Name: "rows_of", Signatures: []string{"rows_of('table') gives int"}, Doc: "The number of rows of another table.", Nulls: "Rows of nulls are counted.",
		Examples: []string{"rows_of('other') == 3", "rows() > rows_of('other')", "rows_of('other') >= 1"}},
	{Name: "sum_of", Signatures: []string{"sum_of('table', 'column') gives double"}, Doc: "The sum of a column of numbers of another table, at 12 digits; null over none. NaN and infinities are left out.", Nulls: skipsNulls,
		Examples: []string{"sum_of('other', 'id') == 10.0", "double(sum(x)) == sum_of('other', 'id')", "sum_of('other', 'id') > 0.0"}},
	{Name: "missing", Signatures: []string{"missing(any, 'table', 'column') gives int"}, Doc: "How many different values of a column of another table no row has.", Nulls: "They are no values.",
		Examples: []string{"missing(x, 'other', 'id') == 1", "missing(g, 'other', 'name') == 1", "missing(x, 'other', 'id') <= rows_of('other')"}},

	// Elements and fields.
	{Name: "has", Signatures: []string{"has(struct.field) gives bool", "has(map.key) gives bool"}, Doc: "Whether a field is not null, or a map has a key.", Nulls: "False of a field of null.",
		Examples: []string{"has(address.city) || g == 'b'", "!has(address.city) || address.city == 'Paris'", "has(address.city) == (g == 'a')"}},
	{Name: "all", Signatures: []string{"list.all(e, condition) gives bool", "map.all(key, condition) gives bool"}, Doc: "Whether a condition holds for every element; errors of some do not count where another one is false.", Nulls: nullList,
		Examples: []string{"[1, 2].all(e, e > 0)", "![1, -2].all(e, e > 0)", "['a', 'ab'].all(s, s.startsWith('a'))"}},
	{Name: "exists", Signatures: []string{"list.exists(e, condition) gives bool", "map.exists(key, condition) gives bool"}, Doc: "Whether a condition holds for some element; errors of others do not count then.", Nulls: nullList,
		Examples: []string{"[1, 2].exists(e, e > 1)", "![1, 2].exists(e, e > 2)", "['b', 'ab'].exists(s, s.startsWith('a'))"}},
	{Name: "exists_one", Signatures: []string{"list.exists_one(e, condition) gives bool", "list.existsOne(e, condition) gives bool"}, Doc: "Whether a condition holds for exactly one element.", Nulls: nullList,
		Examples: []string{"[1, 2].exists_one(e, e > 1)", "![2, 2].exists_one(e, e > 1)", "![1, 2].exists_one(e, e > 2)"}},
	{Name: "filter", Signatures: []string{"list.filter(e, condition) gives list"}, Doc: "The elements for which a condition holds.", Nulls: nullList,
		Examples: []string{"[1, 2, 3].filter(e, e > 1) == [2, 3]", "[1].filter(e, e > 1).size() == 0", "['a', 'b'].filter(e, e != 'a') == ['b']"}},
	{Name: "map", Signatures: []string{"list.map(e, value) gives list", "list.map(e, condition, value) gives list"}, Doc: "What an expression is of each element, or of those for which a condition holds.", Nulls: nullList,
		Examples: []string{"[1, 2].map(e, e * 2) == [2, 4]", "[1, 2].map(e, e > 1, e * 2) == [4]", "['a'].map(e, e + 'b')[0] == 'ab'"}},
}

const (
	skipsNulls = "They are left out."
	finiteOnly = "NaN and infinities are left out; null over no values."
	stepNulls  = "Rows with a null are left out."
	nullList   = "A null list is an error."
)

func stepForms(name string) []string {
	return []string{name + "(any with an order) gives int", name + "(any with an order, order) gives int", name + "(any with an order, order, group) gives int"}
}

func stepDoc(relation string) string {
	return "How many rows are " + relation + " the row before, by an order and within a group; without an order that of the source counts. NaN is above all numbers."
}
