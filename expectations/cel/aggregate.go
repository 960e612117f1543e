package cel

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/table"
)

// aggregate is a function over all rows in scope. Rows in which an argument has
// no value (it is null, or erred) are left out, except where its comment says so.
// An error that no null column explains is counted beside it, by argumentErrors.
type aggregate struct {
	name     string
	min, max int // number of arguments
	// types gives the result's type, or what is wrong with an argument.
	types func(args []*expr) (result, *wrong)
	// eval is the reference: the arguments' values row by row (types.NullValue
	// for none), or types.NullValue when there is no value.
	eval func(m *metric, rows [][]ref.Val) ref.Val
	// rows tells which rows it counted and which it did not, as SQL conditions on the
	// rows in scope of its relation, "" for those that it does not tell apart; nil
	// when it tells none, as a sum does.
	rows func(g *aggregation) (counted, others string)
	// lists says that the aggregate also takes the list that history gives.
	lists bool
	// counts says that rows in which the argument erred are what it counts.
	counts bool
	// other is which argument, from 1, names another table; the next one, if there
	// is one, names a column of it.
	other int

	// The SQL of a dialect, nil where it cannot say the aggregate exactly.
	duckdb, spark func(g *aggregation) (string, error)
}

func (a *aggregate) sql(dialect string) func(w *aggregation) (string, error) {
	switch dialect {
	case "duckdb":
		return a.duckdb
	case "spark":
		return a.spark
	}
	return nil
}

// result is the type of an aggregate.
type result struct {
	cel   *types.Type
	shape shape
	table table.Type
}

var (
	intResult    = result{cel: types.IntType, table: table.Type{Kind: table.Int64}}
	doubleResult = result{cel: types.DoubleType, table: table.Type{Kind: table.Double}}
)

func decimalResult(s shape) result {
	return result{decimalType, s, table.Type{Kind: table.Decimal, Precision: s.precision, Scale: s.scale}}
}

// aggregation writes one aggregate as SQL.
type aggregation struct {
	*writer
	metric   *metric
	args     []term
	where    string // "" or a condition
	relation string
}

// among is x for the rows in scope that meet all conditions, and null, which the
// aggregates leave out, for the others. It is no FILTER clause: for each of these
// DuckDB copies all that the SELECT computes.
func (g *aggregation) among(x string, conditions ...string) string {
	if g.where != "" {
		conditions = append(conditions, g.where)
	}
	if len(conditions) == 0 {
		return x
	}
	return "CASE WHEN " + strings.Join(conditions, " AND ") + " THEN " + x + " END"
}

// count is how many rows in scope meet all conditions.
func (g *aggregation) count(conditions ...string) string {
	if g.where == "" && len(conditions) == 0 {
		return "count(*)"
	}
	return "count(" + g.among("1", conditions...) + ")"
}

// rows is a subquery of the arguments, as columns dq_0, dq_1 ..., without rows
// that lack one of them.
func (g *aggregation) rows() string {
	var conditions []string
	for i := range g.args {
		conditions = append(conditions, "dq_"+strconv.Itoa(i)+" IS NOT NULL")
	}
	return "(SELECT * FROM " + g.allRows() + " WHERE " + strings.Join(conditions, " AND ") + ")"
}

// allRows is a subquery of the arguments, with rows that lack some too.
func (g *aggregation) allRows() string {
	var items []string
	for i, a := range g.args {
		items = append(items, a.sql+" AS dq_"+strconv.Itoa(i))
	}
	where := ""
	if g.where != "" {
		where = " WHERE " + g.where
	}
	return "(SELECT " + strings.Join(items, ", ") + " FROM " + g.relation + where + ")"
}

// once makes an aggregate of a subquery, so that a SELECT of nothing else gives
// one row too.
func once(query string) string { return "any_value((" + query + "))" }

// finite is x, made of the argument, for the rows in scope in which the argument is
// neither NaN nor infinite.
func (g *aggregation) finite(x string) string {
	if g.args[0].typ.Kind() == types.DoubleKind {
		return g.among(x, g.isFinite(g.args[0].sql))
	}
	return g.among(x)
}

// isFinite is a condition on a double that is not null.
func (w *writer) isFinite(x string) string {
	if w.isSpark() {
		return "abs(" + x + ") < " + infinity
	}
	return "isfinite(" + x + ")"
}

// number refuses all but numbers as the first argument.
func number(name string, a *expr) *wrong {
	switch {
	case a.typ.Kind() == types.IntKind, a.typ.Kind() == types.DoubleKind, isDecimal(a.typ):
		return nil
	}
	return &wrong{0, fmt.Sprintf("%s takes numbers, not %s", name, typeName(a.typ)), ""}
}

// finiteValues are the numbers of the first argument, without NaN and infinities.
func finiteValues(rows [][]ref.Val) []ref.Val {
	var values []ref.Val
	for _, r := range rows {
		v := r[0]
		if x, ok := v.(types.Double); ok && (math.IsNaN(float64(x)) || math.IsInf(float64(x), 0)) {
			continue
		}
		if v != types.NullValue {
			values = append(values, v)
		}
	}
	return values
}

// Round keeps 12 significant digits of a double: what judging and showing
// aggregates of doubles goes by, since their last digits depend on the order of
// addition. NaN and infinities stay as they are.
func Round(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 11, 64), 64)
	if err != nil { // rounded up beyond the largest double
		return x
	}
	return r
}
