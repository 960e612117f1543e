package cel

import (
	"math"
	"slices"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// band is a call whose value is shown beside the verdict: the least and the greatest
// value that are expected.
type band struct {
	id   int64
	text string
}

// Bands in which a value is expected by earlier ones: [low, high].
var bandFunctions = []function{
	{name: "z_band", style: global, band: true,
		doc:      "The mean of the values, less and plus k times their deviation (of the sample). Without two values there is no past.",
		examples: []string{"z_band([1.0, 2.0, 3.0], 1.0) == [1.0, 3.0]", "z_band([4, 4], 3.0) == [4.0, 4.0]", "z_band([1, 3, 2], 2.0)[1] == 4.0"},
		forms: bandForms("z_band", func(xs []float64, k float64) (low, high float64) {
			mean, deviation := meanAndDeviation(xs)
			return mean - k*deviation, mean + k*deviation
		})},
	{name: "mad_band", style: global, band: true,
		doc:      "The median of the values, less and plus k times 1.4826 times the median distance from it, which for a normal distribution is its deviation, and does not mind a few odd values. Without two values there is no past.",
		examples: []string{"mad_band([1.0, 2.0, 3.0, 4.0, 1000.0], 1.0)[1] == 4.4826", "mad_band([5, 5, 5, 90], 3.0) == [5.0, 5.0]", "mad_band([1, 2, 3], 1.0)[0] < 0.6"},
		forms: bandForms("mad_band", func(xs []float64, k float64) (low, high float64) {
			middle := middleOf(xs)
			away := make([]float64, len(xs))
			for i, x := range xs {
				away[i] = math.Abs(x - middle)
			}
			reach := k * 1.4826 * middleOf(away)
			return middle - reach, middle + reach
		})},
	{name: "iqr_band", style: global, band: true,
		doc:      "The quartiles of the values (R-7), the lower less and the upper plus k times their distance. Without two values there is no past.",
		examples: []string{"iqr_band([1.0, 2.0, 3.0, 4.0, 5.0], 1.5) == [-1.0, 7.0]", "iqr_band([2, 2, 2], 1.5) == [2.0, 2.0]", "iqr_band([1, 2, 3], 0.0) == [1.5, 2.5]"},
		forms: bandForms("iqr_band", func(xs []float64, k float64) (low, high float64) {
			xs = slices.Sorted(slices.Values(xs))
			low, high = quantileOf(xs, 0.25), quantileOf(xs, 0.75)
			return low - k*(high-low), high + k*(high-low)
		})},
	{name: "seasonal_band", style: global, band: true,
		doc: "What a line through time with a level for each season ('weekday' or 'month', UTC), laid through the values at their times by least squares, says of a time, less and plus k times the deviation that it leaves. " +
			"Values and times go in pairs. Without an earlier value of that season, or with no more values than the line needs, there is no past.",
		examples: []string{
			"seasonal_band([1, 5, 1, 5, 1], [timestamp('2026-01-05T00:00:00Z'), timestamp('2026-01-06T00:00:00Z'), timestamp('2026-01-12T00:00:00Z'), timestamp('2026-01-13T00:00:00Z'), timestamp('2026-01-19T00:00:00Z')], timestamp('2026-01-20T00:00:00Z'), 'weekday', 3.0) == [5.0, 5.0]",
			"seasonal_band([1.0, 2.0, 3.0, 4.0], [date('2025-01-01'), date('2025-01-02'), date('2025-01-03'), date('2025-01-04')], date('2025-01-05'), 'month', 3.0) == [5.0, 5.0]",
			"seasonal_band([1, 3, 2, 4], [date('2025-01-01'), date('2025-01-02'), date('2025-01-03'), date('2025-01-04')], date('2025-01-05'), 'month', 1.0)[1] > 4.5"},
		forms: seasonalForms()},
}

var listOfDouble = types.NewListType(types.DoubleType)

// numberTypes are the types whose lists have bands.
var numberTypes = []struct {
	name string
	typ  *types.Type
}{{"int", types.IntType}, {"double", types.DoubleType}, {"decimal", decimalType}}

// bandForms are the forms of a band of values alone, which is given at least two.
func bandForms(name string, of func(xs []float64, k float64) (low, high float64)) []form {
	var forms []form
	for _, n := range numberTypes {
		for _, k := range numberTypes[:2] {
			forms = append(forms, form{id: name + "_" + n.name + "_" + k.name, in: []*types.Type{types.NewListType(n.typ), k.typ}, out: listOfDouble,
				eval: func(a []ref.Val) ref.Val {
					var xs []float64
					for _, v := range elements(a[0]) {
						xs = append(xs, number64(v))
					}
					if len(xs) < 2 {
						return types.WrapErr(errNoPast{name, len(xs), 2})
					}
					return bandOf(of(xs, toDouble(a[1])))
				}})
		}
	}
	return forms
}

func seasonalForms() []form {
	var forms []form
	for _, n := range numberTypes {
		for _, t := range []struct {
			name string
			typ  *types.Type
		}{{"timestamp", types.TimestampType}, {"date", dateType}} {
			for _, k := range numberTypes[:2] {
				forms = append(forms, form{id: "seasonal_band_" + n.name + "_" + t.name + "_" + k.name,
					in:  []*types.Type{types.NewListType(n.typ), types.NewListType(t.typ), t.typ, types.StringType, k.typ},
					out: listOfDouble, eval: evalSeasonal, check: checkSeason})
			}
		}
	}
	return forms
}

// seasons say in which season a time is.
var seasons = map[string]func(time.Time) int{
	"weekday": func(t time.Time) int { return int(t.Weekday()) },
	"month":   func(t time.Time) int { return int(t.Month()) },
}

func checkSeason(literals []ref.Val) *wrong {
	if s, ok := literals[3].(types.String); ok && seasons[string(s)] == nil {
		return &wrong{3, "there is no season " + quote(string(s)), "write 'weekday' or 'month'"}
	}
	return nil
}

func evalSeasonal(a []ref.Val) ref.Val {
	season := seasons[string(a[3].(types.String))]
	if season == nil {
		return types.NewErr("there is no season %v: 'weekday' or 'month'", a[3].Value())
	}
	values, times := versions(a[0]), versions(a[1])
	if len(values) != len(times) && (!isPast(a[0]) || !isPast(a[1])) {
		return types.NewErr("seasonal_band of %d values and %d times", len(values), len(times))
	}
	var xs []float64
	var at []time.Time
	for i := range values[:min(len(values), len(times))] {
		if values[i] != types.NullValue && times[i] != types.NullValue {
			xs, at = append(xs, number64(values[i])), append(at, timeOf(times[i]))
		}
	}
	fit, deviation, ok := seasonal(xs, at, timeOf(a[2]), season)
	if !ok {
		return types.WrapErr(errNoPast{what: "a band of this season"})
	}
	reach := toDouble(a[4]) * deviation
	return bandOf(fit-reach, fit+reach)
}

// seasonal fits x = level of its season + slope * time by least squares. It gives
// what that is at a time, and the deviation of the values from it; false with no
// value of that season, or no degree of freedom.
func seasonal(xs []float64, at []time.Time, then time.Time, season func(time.Time) int) (fit, deviation float64, ok bool) {
	type level struct{ n, x, t float64 }
	levels := map[int]*level{}
	days := make([]float64, len(at)) // before the time in question
	for i, t := range at {
		days[i] = t.Sub(then).Hours() / 24
		l := levels[season(t)]
		if l == nil {
			l = &level{}
			levels[season(t)] = l
		}
		l.n, l.x, l.t = l.n+1, l.x+xs[i], l.t+days[i]
	}
	own := levels[season(then)]
	free := len(xs) - len(levels) - 1
	if own == nil || free < 1 {
		return 0, 0, false
	}
	for _, l := range levels {
		l.x, l.t = l.x/l.n, l.t/l.n
	}
	var tt, tx, slope, left float64
	for i, x := range xs {
		l := levels[season(at[i])]
		tt, tx = tt+(days[i]-l.t)*(days[i]-l.t), tx+(days[i]-l.t)*(x-l.x)
	}
	if tt > 0 {
		slope = tx / tt
	}
	for i, x := range xs {
		l := levels[season(at[i])]
		d := x - l.x - slope*(days[i]-l.t)
		left += d * d
	}
	return own.x - slope*own.t, math.Sqrt(left / float64(free)), true
}

// bandOf is a band as a list, at the digits that aggregates are judged at.
func bandOf(low, high float64) ref.Val {
	return types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{types.Double(Round(low)), types.Double(Round(high))})
}

func number64(v ref.Val) float64 {
	if d, ok := v.(decimal); ok {
		return d.float()
	}
	return toDouble(v)
}

func timeOf(v ref.Val) time.Time {
	if d, ok := v.(date); ok {
		return d.Time
	}
	return v.(types.Timestamp).UTC()
}

func meanAndDeviation(xs []float64) (mean, deviation float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		deviation += (x - mean) * (x - mean) / float64(len(xs)-1)
	}
	return mean, math.Sqrt(deviation)
}

// quantileOf is a quantile by R-7 of sorted values.
func quantileOf(xs []float64, q float64) float64 {
	at := q * float64(len(xs)-1)
	i := int(at)
	if i+1 == len(xs) {
		return xs[i]
	}
	return xs[i] + (at-float64(i))*(xs[i+1]-xs[i])
}

// pastList is the list that history gives: the values that there are, the newest
// first. all has a null for each version without one, so that lists of two metrics
// of the same versions can be paired.
type pastList struct {
	traits.Lister
	all []ref.Val
}

func newPastList(all []ref.Val) pastList {
	var values []ref.Val
	for _, v := range all {
		if v != types.NullValue {
			values = append(values, v)
		}
	}
	return pastList{types.NewRefValList(types.DefaultTypeAdapter, values), all}
}

func (l pastList) len() int { return int(l.Size().(types.Int)) }

func isPast(v ref.Val) bool {
	_, ok := v.(pastList)
	return ok
}

// versions are the values of a list, of history's with a null for each version
// without one.
func versions(v ref.Val) []ref.Val {
	if l, ok := v.(pastList); ok {
		return l.all
	}
	return elements(v)
}
