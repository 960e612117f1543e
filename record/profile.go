package record

// Profile describes the columns of a table as they were in one version.
type Profile struct {
	Rows    int64           `json:"rows"`
	Columns []ColumnProfile `json:"columns"`
	Alerts  []Alert         `json:"alerts,omitempty"` // worst first
}

// Alert is something odd about a column, or about the table when Column is empty.
type Alert struct {
	Column  string `json:"column,omitempty"`
	Kind    string `json:"kind"` // constant, nulls, unique, skewed, zeros, untrimmed ...
	Message string `json:"message"`
}

// ColumnProfile describes one column. Numbers are nil when the type has none.
type ColumnProfile struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Rows     int64    `json:"rows"`
	Nulls    int64    `json:"nulls"`
	NaNs     int64    `json:"nans,omitempty"`
	Infs     int64    `json:"infs,omitempty"`
	Empty    int64    `json:"empty,omitempty"` // strings of no characters
	Zeros    int64    `json:"zeros,omitempty"`
	Negative int64    `json:"negative,omitempty"`
	Distinct int64    `json:"distinct"`
	Approx   bool     `json:"approx,omitempty"` // Distinct and Top are estimates
	Min      any      `json:"min,omitempty"`    // decimals, dates and timestamps as text
	Max      any      `json:"max,omitempty"`
	Mean     *float64 `json:"mean,omitempty"`
	StdDev   *float64 `json:"stddev,omitempty"` // of the sample
	// Quantiles are R-7 at 0.05, 0.25, 0.5, 0.75, 0.95, for numbers.
	Quantiles []float64 `json:"quantiles,omitempty"`
	MinLength *int64    `json:"min_length,omitempty"` // code points
	MaxLength *int64    `json:"max_length,omitempty"`
	// Top holds the most frequent values, most frequent first, ties by value.
	Top []ValueCount `json:"top,omitempty"`
	// Histogram holds equal bins from Min to Max, of finite numbers and of times (in seconds).
	Histogram *Histogram `json:"histogram,omitempty"`
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
