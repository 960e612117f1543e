package profiling

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// maxAlerts keeps a profile's alerts readable; the worst stay.
const maxAlerts = 20

// The shares from which something is odd.
const (
	manyNulls    = 0.05 // of rows
	manyEmpty    = 0.01 // of values, for empty strings
	manyZeros    = 0.25 // of values
	dominant     = 0.9  // of values, for the most frequent one
	fewNegatives = 0.05 // of values, when the others are not negative
	fewRows      = 20   // below which it says nothing that values do not repeat
	extreme      = 20   // how many times the width of the middle 90 % lies beyond it
)

// oddity is an alert with what ranks it.
type oddity struct {
	record.Alert
	weight int     // the kind's: how likely it is that data are wrong
	share  float64 // of rows, among one kind
	column int
}

// The kinds of alerts, the gravest first. They are the Kind of [record.Alert].
const (
	kindAllNull = iota
	kindNaN
	kindNulls
	kindEmpty
	kindSpelling
	kindUntrimmed
	kindExtremes
	kindConstant
	kindDominant
	kindNegative
	kindZeros
	kindUnique
	// Of a full profile only.
	kindBlank
	kindMalformed
	kindPersonal
	kindTyped
	kindGap
	kindSkewed
	kindDuplicates
	kindDependency
)

// weights rank the kinds of the kinds: those of a full profile stand among the others.
var weights = map[int]float64{kindDuplicates: kindNulls - 0.5, kindMalformed: kindEmpty + 0.5, kindBlank: kindEmpty + 0.2, kindPersonal: kindNulls - 0.2, kindDependency: kindExtremes + 0.5,
	kindTyped: kindNegative - 0.5, kindGap: kindExtremes + 0.2, kindSkewed: kindUnique + 0.5}

var kinds = [...]string{"all_null", "not_finite", "nulls", "empty", "spelling", "untrimmed", "extremes", "constant", "dominant", "negative", "zeros", "unique",
	"blank", "malformed", "personal", "typed", "gap", "skewed", "duplicates", "dependency"}

// oddities lists what is odd about a column, which is the i-th of its table.
func (c *briefColumn) oddities(i int) []oddity {
	var out []oddity
	add := func(kind int, share float64, format string, args ...any) {
		out = append(out, oddity{record.Alert{Column: c.Name, Kind: kinds[kind], Message: fmt.Sprintf(format, args...)}, kind, share, i})
	}
	values := c.Rows - c.Nulls
	if values == 0 {
		if c.Rows > 0 {
			add(kindAllNull, 1, "every value is null")
		}
		return out
	}
	of := func(n int64) float64 { return float64(n) / float64(values) }
	if n := c.NaNs + c.Infs; n > 0 {
		add(kindNaN, of(n), "%s of %s values are NaN or infinite", thousands(n), thousands(values))
	}
	if share := float64(c.Nulls) / float64(c.Rows); share >= manyNulls {
		add(kindNulls, share, "%s of %s rows are null (%s)", thousands(c.Nulls), thousands(c.Rows), percent(share))
	}
	if share := of(c.Empty); share >= manyEmpty && c.typ.Kind == table.String {
		add(kindEmpty, share, "%s of %s values are empty text (%s)", thousands(c.Empty), thousands(values), percent(share))
	}
	if n := c.Distinct - c.folded; c.typ.Kind == table.String && !c.Approx && n > 0 {
		add(kindSpelling, float64(n)/float64(c.Distinct), "%s of %s different values differ from another one only in case or outer spaces", thousands(n), thousands(c.Distinct))
	}
	if c.untrimmed > 0 {
		add(kindUntrimmed, of(c.untrimmed), "%s of %s values begin or end with a space (%s)", thousands(c.untrimmed), thousands(values), percent(of(c.untrimmed)))
	}
	switch {
	case c.Distinct == 1 && values > 1 && c.NaNs+c.Infs == 0 && !c.Approx:
		message := "every value is the same"
		if c.Min != nil {
			message = fmt.Sprintf("every value is %v", c.Min)
		}
		add(kindConstant, of(values), "%s", message)
		return out
	case c.Distinct == values && values >= fewRows && c.Nulls == 0 && !c.Approx && (c.typ.Integer() || c.typ.Kind == table.String):
		add(kindUnique, 1, "every value occurs once: it may be a key")
	}
	if len(c.Top) > 0 && c.Distinct > 2 && of(c.Top[0].Count) >= dominant {
		add(kindDominant, of(c.Top[0].Count), "%s of values are %q", percent(of(c.Top[0].Count)), c.Top[0].Value)
	}
	c.numberOddities(values, add)
	return out
}

// numberOddities looks at a number's sign, zeros and tails.
func (c *briefColumn) numberOddities(values int64, add func(int, float64, string, ...any)) {
	if share := float64(c.Negative) / float64(values); c.Negative > 0 && share <= fewNegatives {
		add(kindNegative, share, "%s of %s values are negative (%s)", thousands(c.Negative), thousands(values), percent(share))
	}
	if share := float64(c.Zeros) / float64(values); share >= manyZeros && c.Distinct > 2 {
		add(kindZeros, share, "%s of %s values are zero (%s)", thousands(c.Zeros), thousands(values), percent(share))
	}
	if len(c.Quantiles) != 5 {
		return
	}
	low, high := c.Quantiles[0], c.Quantiles[4]
	width := high - low
	if width <= 0 || c.Distinct <= maxTopNumbers {
		return
	}
	beyond := math.Max(c.high-high, low-c.low) / width
	if beyond >= extreme {
		end := c.high
		if low-c.low > c.high-high {
			end = c.low
		}
		add(kindExtremes, beyond, "values reach %s, while 90 %% lie between %s and %s", numberText(end), numberText(low), numberText(high))
	}
}

// alerts ranks what is odd, the worst first.
func alerts(rows int64, odd []oddity) []record.Alert {
	if rows == 0 {
		return []record.Alert{{Kind: "no_rows", Message: "the table has no rows"}}
	}
	slices.SortStableFunc(odd, func(a, b oddity) int {
		return cmp.Or(cmp.Compare(rank(a.weight), rank(b.weight)), cmp.Compare(b.share, a.share), cmp.Compare(a.column, b.column))
	})
	odd = folded(odd)
	var out []record.Alert
	for _, o := range odd[:min(len(odd), maxAlerts)] {
		out = append(out, o.Alert)
	}
	return out
}

// How many columns of which the same is odd have an alert of their own, and how many
// more the alert about the others names.
const (
	ownAlerts  = 3
	namesAlike = 10
)

// folded puts the alerts of a kind that follow the gravest ones into one, so that what
// is odd about many columns does not hide what is odd about few.
func folded(odd []oddity) []oddity {
	count := map[int]int{}
	for _, o := range odd {
		if o.column >= 0 {
			count[o.weight]++
		}
	}
	var out []oddity
	seen, at := map[int]int{}, map[int]int{}
	names := map[int][]string{}
	for _, o := range odd {
		seen[o.weight]++
		switch {
		case o.column < 0: // of the table
			out = append(out, o)
		case seen[o.weight] <= ownAlerts || count[o.weight] == ownAlerts+1:
			out = append(out, o)
		default:
			if names[o.weight] == nil {
				at[o.weight] = len(out)
				out = append(out, o)
			}
			names[o.weight] = append(names[o.weight], o.Column)
		}
	}
	for kind, list := range names {
		more := ""
		if n := len(list) - namesAlike; n > 0 {
			more = fmt.Sprintf(" and %s more", thousands(int64(n)))
		}
		o := &out[at[kind]]
		o.Column, o.Columns, o.Message = "", list, fmt.Sprintf("likewise %s columns: %s%s", thousands(int64(len(list))), strings.Join(list[:min(len(list), namesAlike)], ", "), more)
	}
	return out
}

// rank is the weight of a kind of alerts, the gravest least.
func rank(kind int) float64 {
	if w, ok := weights[kind]; ok {
		return w
	}
	return float64(kind)
}

// percent writes a share: 24.9 %, 0.004 %.
func percent(share float64) string {
	if share > 0 && share < 0.001 {
		return strconv.FormatFloat(share*100, 'g', 1, 64) + " %"
	}
	return strconv.FormatFloat(share*100, 'f', 1, 64) + " %"
}

// numberText writes a double without an exponent, unless it is very large or small.
func numberText(f float64) string {
	f = round12(f)
	if size := math.Abs(f); size < 1e15 && size >= 1e-6 || f == 0 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// thousands writes 541909 as 541,909.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
