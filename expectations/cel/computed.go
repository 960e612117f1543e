package cel

import (
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Compute makes SQL that is, in each row, the text that f makes of the values
// (as in [engine.Rows]) of some SQL over its columns; NULL when f says false.
type Compute func(sql []string, f func(values []any) (string, bool)) (string, error)

// sql is the SQL of a whole expression over rows in which the columns present are
// not null: in the dialect's own terms, or where these cannot say it, and the engine
// can call the reference evaluator for a value, by that.
func (x *expr) sql(d engine.Dialect, facts Facts, present []string) (term, error) {
	w := &writer{dialect: d, facts: facts, expr: x, present: present}
	t, err := w.term(x.tree.Expr())
	if why := new(Unsupported); facts.Compute != nil && errors.As(err, &why) {
		return x.computed(d, facts, false, why)
	}
	return t, err
}

// computed is the expression as the reference evaluates it, NULL for an error; or
// if there is no value anyway, whether it has one or is null without an error.
func (x *expr) computed(d engine.Dialect, facts Facts, total bool, why *Unsupported) (term, error) {
	typ, ok := tableType(x.typ, x.root)
	if !ok || facts.Grouped && len(x.metrics) > 0 {
		return term{}, why
	}
	var args []string
	for _, i := range x.columns {
		f := x.env.schema.Fields[i]
		sql := d.Ident(f.Name)
		if f.Type.Kind == table.String { // JSON and the like are texts here
			sql = "CAST(" + sql + " AS VARCHAR)"
		}
		args = append(args, sql)
	}
	windows, lookups, ok := x.outside()
	if !ok {
		return term{}, why
	}
	for _, i := range windows {
		args = append(args, d.Ident(x.windows[i].text))
	}
	for _, l := range lookups {
		t, err := (&writer{dialect: d, facts: facts, expr: x}).term(l.call)
		if err != nil {
			return term{}, why
		}
		args = append(args, t.sql)
	}
	sql, err := facts.Compute(args, func(values []any) (string, bool) {
		row, found := map[string]any{}, map[Ref]any{}
		for _, i := range x.columns {
			row[x.env.schema.Fields[i].Name], values = values[0], values[1:]
		}
		for _, i := range windows {
			row[x.windows[i].text], values = values[0], values[1:]
		}
		for i, l := range lookups {
			found[l.ref] = values[i]
		}
		facts := facts
		facts.Exists = func(r Ref, _ any) bool { return found[r] == true }
		v, err := x.eval(rowVars{x.env, row, facts, x.metrics, x.windows})
		switch {
		case err != nil || types.IsError(v):
			return "", false
		case total:
			return "", true
		}
		return text(v)
	})
	if err != nil {
		return term{}, err
	}
	t := term{sql: sql, typ: x.typ, shape: x.root, null: true, fails: true, exact: x.root.precision <= maxDigits}
	if !total {
		t.sql = typedText(sql, typ)
	}
	return t, nil
}

// lookup is a call of exists_in.
type lookup struct {
	call ast.Expr
	ref  Ref
}

// outside lists what an expression sees besides columns: windows, and calls of
// exists_in, which SQL answers. Not ok: it looks into tables in a way that cannot be
// told from the table alone.
func (x *expr) outside() (windows []int, lookups []lookup, ok bool) {
	ok = true
	var visit func(x *expr, inner bool)
	visit = func(part *expr, inner bool) {
		ast.PostOrderVisit(part.tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
			if e.Kind() == ast.IdentKind {
				if i, is := windowIndex(e.AsIdent()); is && i < len(x.windows) && !slices.Contains(windows, i) {
					windows = append(windows, i)
				}
			}
			if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != existsFunction {
				return
			}
			args := e.AsCall().Args()
			if len(args) != 4 || inner {
				ok = false
				return
			}
			tableName, _ := literalOf(args[1]).(types.String)
			column, _ := literalOf(args[2]).(types.String)
			l := lookup{e, Ref{Table: string(tableName), Column: string(column), Kind: typeName(part.tree.TypeMap()[args[0].ID()])}}
			ok = ok && !slices.ContainsFunc(lookups, func(o lookup) bool { return o.ref == l.ref })
			lookups = append(lookups, l)
		}))
		for _, l := range part.lambdas {
			visit(l.body, true)
		}
	}
	visit(x, false)
	return windows, lookups, ok
}

// text is a value as a text that typedText understands; false for null.
func text(v ref.Val) (string, bool) {
	switch x := native(v).(type) {
	case bool:
		return strconv.FormatBool(x), true
	case int64:
		return strconv.FormatInt(x, 10), true
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN", true
		case math.IsInf(x, 0):
			return strings.TrimPrefix(strconv.FormatFloat(x, 'g', -1, 64), "+"), true
		}
		return strconv.FormatFloat(x, 'g', -1, 64), true
	case string:
		return x, true
	case []byte:
		return hex.EncodeToString(x), true
	case time.Time:
		return x.UTC().Format("2006-01-02 15:04:05.999999"), true
	case engine.Decimal:
		return string(x), true
	}
	return "", false
}

// typedText is the SQL of DuckDB for a value of its text.
func typedText(sql string, t table.Type) string {
	switch t.Kind {
	case table.String:
		return sql
	case table.Bool:
		return "CAST(" + sql + " AS BOOLEAN)"
	case table.Int64:
		return "CAST(" + sql + " AS BIGINT)"
	case table.Double:
		return "CAST(" + sql + " AS DOUBLE)"
	case table.Date:
		return "CAST(CAST(" + sql + " AS TIMESTAMP) AS DATE)"
	case table.Binary:
		return "unhex(" + sql + ")"
	case table.Decimal:
		return "CAST(" + sql + " AS " + strings.ToUpper(t.String()) + ")"
	}
	return "CAST(" + sql + " AS TIMESTAMP)"
}
