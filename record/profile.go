package record

// ProfileFormat names the shape of a [Profile] as JSON. Fields are added, never
// taken away or given another meaning.
const ProfileFormat = "dq.profile/v1"

// Profile describes the columns of a table as they were in one version, and what
// its columns have to do with each other.
//
// What is exact and what is estimated is always said: a column's Approx, Keys' and
// Duplicates' Exact, and Sampled for all that was looked at in a sample of rows.
type Profile struct {
	Format string `json:"format,omitempty"` // [ProfileFormat]; "" for the profile of a run, which has no more than columns and alerts
	Query  string `json:"query,omitempty"`  // the SELECT whose rows these are, over the table as t; "" for the table's own
	Rows   int64  `json:"rows"`
	// Sampled is of how many rows the sample is in which pairs of columns, forms of
	// values and missing patterns were looked at; Rows when all were.
	Sampled int64           `json:"sampled,omitempty"`
	Columns []ColumnProfile `json:"columns"`          // the table's, each followed by its leaves if it has any
	Alerts  []Alert         `json:"alerts,omitempty"` // worst first

	Duplicates   *Duplicates      `json:"duplicates,omitempty"`
	Keys         []Key            `json:"keys,omitempty"`         // fewest columns first
	Dependencies []Dependency     `json:"dependencies,omitempty"` // fewest exceptions first
	Correlations []Correlation    `json:"correlations,omitempty"` // strongest first
	Missing      []MissingPattern `json:"missing,omitempty"`      // most frequent first
	Drift        *Drift           `json:"drift,omitempty"`        // against a baseline, if one was given
}

// Alert is something odd about a column, or about the table when Column is empty.
type Alert struct {
	Column string `json:"column,omitempty"`
	// Columns are those of an alert about several that are alike, after the first of the kind.
	Columns []string `json:"columns,omitempty"`
	Kind    string   `json:"kind"` // constant, nulls, unique, skewed, zeros, untrimmed ...
	Message string   `json:"message"`
}

// ColumnProfile describes one column, or one leaf of a nested one. Numbers are nil
// when the type has none.
type ColumnProfile struct {
	// Name is the column's; of a leaf its path: address.city, items[].price.
	Name string `json:"name"`
	Type string `json:"type"`
	// Of is the column that a leaf is in, "" for a column. Rows of a leaf below a list
	// are the list's elements.
	Of       string `json:"of,omitempty"`
	Rows     int64  `json:"rows"`
	Nulls    int64  `json:"nulls"`
	NaNs     int64  `json:"nans,omitempty"`
	Infs     int64  `json:"infs,omitempty"`
	Empty    int64  `json:"empty,omitempty"` // strings of no characters; of lists those without elements
	Blank    int64  `json:"blank,omitempty"` // strings of nothing but white space, the empty ones not counted
	Zeros    int64  `json:"zeros,omitempty"`
	Negative int64  `json:"negative,omitempty"`
	Distinct int64  `json:"distinct"`
	// Approx: Distinct, Top, Rare and Quantiles are estimates.
	Approx bool     `json:"approx,omitempty"`
	Min    any      `json:"min,omitempty"` // decimals, dates and timestamps as text
	Max    any      `json:"max,omitempty"`
	Sum    any      `json:"sum,omitempty"` // exact of integers and decimals, as text
	Mean   *float64 `json:"mean,omitempty"`
	StdDev *float64 `json:"stddev,omitempty"` // of the sample
	// Skewness and Kurtosis are those of the sample, without bias (as SQL's skewness
	// and kurtosis): 0 for a normal distribution.
	Skewness *float64 `json:"skewness,omitempty"`
	Kurtosis *float64 `json:"kurtosis,omitempty"`
	// Quantiles are R-7 at 0.05, 0.25, 0.5, 0.75, 0.95, for numbers.
	Quantiles []float64 `json:"quantiles,omitempty"`
	// Percentiles are R-7 at 0.001, 0.01, 0.1, 0.9, 0.99, 0.999, for numbers.
	Percentiles []float64 `json:"percentiles,omitempty"`
	MinLength   *int64    `json:"min_length,omitempty"` // code points; of lists elements
	MaxLength   *int64    `json:"max_length,omitempty"`
	MeanLength  *float64  `json:"mean_length,omitempty"`
	Untrimmed   int64     `json:"untrimmed,omitempty"` // strings with a space at either end
	// Folded is how many different values are left when case and outer spaces are
	// ignored; 0 when that is not known, or is Distinct.
	Folded int64 `json:"folded,omitempty"`
	// Top holds the most frequent values, most frequent first, ties by value.
	Top []ValueCount `json:"top,omitempty"`
	// Rare holds the least frequent ones, when values repeat; exact columns only.
	Rare []ValueCount `json:"rare,omitempty"`
	// Once is how many values occur once.
	Once int64 `json:"once,omitempty"`
	// Values holds all values of a column that has at most 100, by frequency; else nil.
	Values []ValueCount `json:"values,omitempty"`
	// Histogram holds equal bins from Min to Max, of finite numbers and of times (in seconds).
	Histogram *Histogram `json:"histogram,omitempty"`
	// Patterns are the forms of texts, the most frequent first: a letter is written A or a, a
	// digit 9, anything else as it is. Repeats of more than four are written a+, A+, 9+.
	// Counts are of Looked values.
	Patterns []ValueCount `json:"patterns,omitempty"`
	Looked   int64        `json:"looked,omitempty"` // how many values Patterns and Logical are of
	// Logical is what the values mean, if that is seen: id, category, text, email, phone, url,
	// uuid, iban, card, ip, country, currency, postcode, date, timestamp, json, integer,
	// decimal, boolean (the last ones in texts); LogicalShare is of how many of the values.
	Logical      string  `json:"logical,omitempty"`
	LogicalShare float64 `json:"logical_share,omitempty"`
	Personal     bool    `json:"personal,omitempty"` // Logical is of a person
	// Order is how the values follow each other in the order of the rows: increasing,
	// decreasing (both strictly), rising, falling (with repeats); "" for neither, or when
	// there is no order.
	Order string `json:"order,omitempty"`
	// Time is of dates and timestamps only.
	Time *TimeProfile `json:"time,omitempty"`
}

// TimeProfile is what is special about dates and timestamps.
type TimeProfile struct {
	// Unit is the coarsest unit that every value is a whole one of: year, month, day, hour,
	// minute, second, millisecond, microsecond.
	Unit string `json:"unit"`
	// Days is how many days have a value, out of Span days from the first to the last.
	// Days is 0 when they were too many to be counted.
	Days int64 `json:"days,omitempty"`
	Span int64 `json:"span"`
	// Gaps are the longest times without a value, longest first, of at least two days.
	Gaps     []Gap   `json:"gaps,omitempty"`
	Weekdays []int64 `json:"weekdays,omitempty"` // values on Monday to Sunday
}

// Gap is a run of days without a value: those between From and To, which have some.
type Gap struct {
	From string `json:"from"`
	To   string `json:"to"`
	Days int64  `json:"days"` // without a value
}

// ValueCount is how often a value occurs. Value is text.
type ValueCount struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Histogram counts the values in bins of equal width. Low and High are the ends
// of the whole; for times they are seconds since 1970 and Time is set.
type Histogram struct {
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Time   bool    `json:"time,omitempty"`
	Counts []int64 `json:"counts"`
}

// Duplicates are rows that are equal to another one in every column.
type Duplicates struct {
	Rows   int64 `json:"rows"` // all but the first of each group
	Groups int64 `json:"groups"`
	Exact  bool  `json:"exact"`
}

// Key is a set of columns of which no two rows have the same values, nulls aside.
type Key struct {
	Columns []string `json:"columns"`
	Nulls   int64    `json:"nulls,omitempty"` // rows without a value in one of them
	Exact   bool     `json:"exact"`           // every row was looked at; else those of the sample
	// Repeats are the surplus rows of a key that nearly is one; 0 for a key.
	Repeats int64 `json:"repeats,omitempty"`
}

// Dependency says that From determines To: rows with the same From have the same To,
// but for Exceptions of Rows.
type Dependency struct {
	From       string      `json:"from"`
	To         string      `json:"to"`
	Rows       int64       `json:"rows"`       // with a value in both
	Exceptions int64       `json:"exceptions"` // rows that have another To than most of their From
	Exact      bool        `json:"exact"`      // every row was looked at; else those of the sample
	Examples   []Exception `json:"examples,omitempty"`
}

// Exception is a value of From with more than one of To.
type Exception struct {
	From string       `json:"from"`
	To   []ValueCount `json:"to"`
}

// Correlation is how strongly two columns go together.
type Correlation struct {
	A      string  `json:"a"`
	B      string  `json:"b"`
	Method string  `json:"method"` // pearson, spearman, cramers_v
	Value  float64 `json:"value"`  // -1 to 1; 0 to 1 of cramers_v
	Rows   int64   `json:"rows"`   // with a value in both
}

// MissingPattern is a set of columns that are null together, and in how many rows
// exactly these are.
type MissingPattern struct {
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
}

// Drift is how a table differs from a baseline.
type Drift struct {
	Baseline     string        `json:"baseline"`
	BaselineRows int64         `json:"baseline_rows"`
	Rows         int64         `json:"rows"`
	Added        []string      `json:"added,omitempty"`   // columns
	Removed      []string      `json:"removed,omitempty"` // columns
	Columns      []ColumnDrift `json:"columns"`           // the columns of both, most drifted first
}

// ColumnDrift is how one column differs from the baseline's. Measures that its type
// does not have are nil. Values are estimates if either column's are.
type ColumnDrift struct {
	Name     string `json:"name"`
	Severity string `json:"severity"`           // none, small, large
	OldType  string `json:"old_type,omitempty"` // when it is another one
	NewType  string `json:"new_type,omitempty"`

	OldNulls float64  `json:"old_nulls"` // share of the rows
	NewNulls float64  `json:"new_nulls"`
	OldMean  *float64 `json:"old_mean,omitempty"`
	NewMean  *float64 `json:"new_mean,omitempty"`

	PSI         *float64     `json:"psi,omitempty"`         // population stability index; 0.1 is small, 0.25 large
	JS          *float64     `json:"js,omitempty"`          // Jensen-Shannon distance, 0 to 1 (base 2)
	KS          *float64     `json:"ks,omitempty"`          // Kolmogorov-Smirnov statistic of numbers
	KSP         *float64     `json:"ks_p,omitempty"`        // its p-value, asymptotic
	Chi2        *float64     `json:"chi2,omitempty"`        // of categories
	Chi2P       *float64     `json:"chi2_p,omitempty"`      // its p-value
	Wasserstein *float64     `json:"wasserstein,omitempty"` // in the column's unit (seconds of times)
	New         []ValueCount `json:"new,omitempty"`         // categories that the baseline has not
	Lost        []ValueCount `json:"lost,omitempty"`        // those that only the baseline has
	Reasons     []string     `json:"reasons,omitempty"`     // what made the severity, in words
}
