package cel

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/engine"
)

// Neighbours: lag(x, order, partition ...) is x in the row before, by order and
// among the rows that agree in the partition. Rows whose order is null are nobody's
// neighbours; rows of one order follow each other by x, null first, and those that
// agree in both count as one, so that the answer never depends on where rows lie.
// lag_down is the same, but for rows of one order, which follow each other by x from
// the greatest, null last. lag(x) goes by the order of the source. alike(x ...) is how
// many rows agree with this one in all that it is given, this one counted; nulls agree.

// window is a neighbour's value, or a number of rows, that was lifted out of a row rule;
// the tree holds the variable w<i> in its place.
type window struct {
	name  string // lag, lag_down, alike
	text  string
	args  []*expr // value, order, partition; of alike each a partition
	where *expr
}

// of is the type and the shape of the window's value.
func (w *window) of() (*types.Type, shape) {
	if w.name == "alike" {
		return types.IntType, intShape
	}
	return w.args[0].typ, w.args[0].shape()
}

func windowVariable(i int) string { return "w" + strconv.Itoa(i) }

func windowIndex(name string) (int, bool) {
	if len(name) < 2 || name[0] != 'w' {
		return 0, false
	}
	i, err := strconv.Atoi(name[1:])
	return i, err == nil
}

// lowerWindow makes a call of lag, lag_down or alike a window.
func (c *compilation) lowerWindow(e ast.Expr, s scope) {
	args := e.AsCall().Args()
	usage, takes := "write lag(amount, ordered_at) or lag(amount, ordered_at, customer_id)", "lag takes a value, an order and what keeps rows apart"
	name := e.AsCall().FunctionName()
	alike := name == "alike"
	if alike {
		usage, takes = "write alike(city, postcode)", "alike takes what rows agree in"
	}
	switch {
	case len(args) == 0 || len(args) == 1 && name == "lag_down":
		c.refuse(e, usage, "%s", takes)
		return
	case s != ofRow || !c.over || len(c.iterations) > 0:
		c.refuse(e, "", "%s stands only in row rules, outside aggregates and elements", strings.TrimSuffix(name, "_down"))
		return
	}
	w := &window{name: name, text: c.env.canonical(e)}
	if c.where != nil {
		w.text, w.where = w.text+" where "+c.where.canonical, c.where.expr
	}
	index := slices.IndexFunc(c.parts.windows, func(o *window) bool { return o.text == w.text })
	if index < 0 {
		found := len(c.issues)
		for i, arg := range args {
			c.lower(arg, ofAggregate)
			x := c.check(arg)
			if x == nil {
				continue
			}
			if _, ok := tableType(x.typ, x.shape()); !ok || i == 1 && !alike && (x.typ.Kind() == types.BoolKind || x.typ.Kind() == types.BytesKind) {
				c.issue(arg, usage, "%s takes no %s here", strings.TrimSuffix(name, "_down"), typeName(x.typ))
			}
			w.args = append(w.args, x)
		}
		if len(c.issues) > found || len(w.args) < len(args) {
			e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
			return
		}
		index = len(c.parts.windows)
		c.parts.windows = append(c.parts.windows, w)
	}
	e.SetKindCase(c.fac.NewIdent(e.ID(), windowVariable(index)))
}

// Window is a value of a neighbouring row, or a number of rows, that a row rule needs. An engine computes
// it in a subquery, as a column that is called by its text; the SQL of the rule
// reads that column, and Eval looks for the text in the row.
type Window struct {
	Text string

	window *window
	facts  Facts
}

// Windows are the neighbours' values that the rule looks at, without repeats.
func (r *Rule) Windows() []Window {
	windows := make([]Window, len(r.parts.windows))
	for i, w := range r.parts.windows {
		windows[i] = Window{w.text, w, r.facts}
	}
	return windows
}

// Ordered reports whether the value is the same however rows lie in the source; else
// they follow each other as they do there.
func (w Window) Ordered() bool { return len(w.window.args) > 1 || w.window.name == "alike" }

// SQL is an item of the list of a SELECT over all rows, without an alias. Rows are
// neighbours only if they agree in apart too, which is SQL.
func (w Window) SQL(d engine.Dialect, apart ...string) (string, error) {
	var args, keys []string
	for _, a := range w.window.args {
		t, err := a.sql(d, w.facts, nil)
		if err != nil {
			return "", err
		}
		key := t.sql
		if t.typ.IsExactType(types.DoubleType) {
			key += " + 0e0" // DuckDB gives the rows of a window back with 0.0 for -0.0 in its keys
		}
		args, keys = append(args, t.sql), append(keys, key)
	}
	scope := "TRUE"
	if w.window.where != nil {
		t, err := w.window.where.sql(d, w.facts, nil)
		if err != nil {
			return "", err
		}
		scope = "((" + t.sql + ") IS NOT FALSE)"
	}
	if w.window.name == "alike" {
		return fmt.Sprintf("CASE WHEN %s THEN count(*) OVER (PARTITION BY %s) END", scope, strings.Join(slices.Concat([]string{scope}, keys, apart), ", ")), nil
	}
	if d.Name() != "duckdb" { // Spark has no frame of GROUPS, in which rows that agree count as one
		return "", &Unsupported{Dialect: d.Name(), Construct: w.window.name}
	}
	if len(args) == 1 {
		return fmt.Sprintf("CASE WHEN %s THEN lag(%s) OVER (PARTITION BY %s ORDER BY %s, %s) END",
			scope, args[0], strings.Join(append([]string{scope}, apart...), ", "), d.Ident(engine.FileColumn), d.Ident(engine.LineColumn)), nil
	}
	inScope := scope + " AND (" + args[1] + ") IS NOT NULL"
	partition := slices.Concat([]string{inScope}, keys[2:], apart)
	ties := "NULLS FIRST"
	if w.window.name == "lag_down" {
		ties = "DESC NULLS LAST"
	}
	return fmt.Sprintf("CASE WHEN %s THEN last_value(%s) OVER (PARTITION BY %s ORDER BY %s, %s %s GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END",
		inScope, args[0], strings.Join(partition, ", "), keys[1], keys[0], ties), nil
}

// Neighbours is the reference of windows: the rows, copied, with the values of
// their neighbours by Window.Text.
func (r *Rule) Neighbours(rows []map[string]any, f Facts) []map[string]any {
	out := make([]map[string]any, len(rows))
	for i, row := range rows {
		out[i] = maps.Clone(row)
		if out[i] == nil {
			out[i] = map[string]any{}
		}
	}
	for _, w := range r.parts.windows {
		type item struct {
			row    int
			values []ref.Val
		}
		parts := map[string][]item{}
		for i, row := range rows {
			vars := rowVars{env: r.env, row: row, facts: f}
			if w.where != nil {
				if v, err := w.where.eval(vars); err == nil && v == types.False {
					continue
				}
			}
			values := make([]ref.Val, len(w.args))
			key := ""
			for j, a := range w.args {
				v, err := a.eval(vars)
				if err != nil {
					v = types.NullValue
				}
				if values[j] = v; j > 1 || w.name == "alike" {
					key += fmt.Sprintf("%T%q,", v, groupKey(v))
				}
			}
			if len(values) == 1 && w.name != "alike" { // each row has an order of its own
				values = append(values, types.Int(i))
			}
			if w.name == "alike" || values[1] != types.NullValue {
				parts[key] = append(parts[key], item{i, values})
			}
		}
		for _, items := range parts {
			if w.name == "alike" {
				for _, x := range items {
					out[x.row][w.text] = int64(len(items))
				}
				continue
			}
			order := func(a, b item) int {
				ties := compareNullFirst(a.values[0], b.values[0])
				if w.name == "lag_down" {
					ties = -ties
				}
				return cmp.Or(compare(a.values[1], b.values[1]), ties)
			}
			slices.SortFunc(items, order)
			before := -1 // the last item that differs from the current one
			for i := 1; i < len(items); i++ {
				if order(items[i-1], items[i]) != 0 {
					before = i - 1
				}
				if before >= 0 {
					out[items[i].row][w.text] = native(items[before].values[0])
				}
			}
		}
	}
	return out
}

func compareNullFirst(a, b ref.Val) int {
	switch {
	case a == types.NullValue && b == types.NullValue:
		return 0
	case a == types.NullValue:
		return -1
	case b == types.NullValue:
		return 1
	}
	return compare(a, b)
}
