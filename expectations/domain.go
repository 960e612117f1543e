package expectations

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/table"
)

// domain is the set of values that conditions leave to a term. Its zero value
// leaves them all, null included.
type domain struct {
	low, high *bound
	in        []any // not nil: one of these
	not       []any // none of these
	noNull    bool
	whole     bool // the term is an integer
}

type bound struct {
	value any
	open  bool // the value itself is left out
}

// domains are those of terms, by canonical CEL.
type domains map[string]domain

// demanded is what a compiled condition leaves to its terms; nil is no condition.
// Whole says that it demands nothing else.
func demanded(r *cel.Rule) (d domains, whole bool) {
	d = domains{}
	if r == nil {
		return d, true
	}
	conditions, whole := r.Conditions()
	for _, c := range conditions {
		d[c.Term] = d[c.Term].with(c)
	}
	return d, whole
}

// with adds a condition.
func (d domain) with(c cel.Condition) domain {
	values := slices.DeleteFunc(slices.Clone(c.Values), func(v any) bool { return v == nil })
	null := len(values) < len(c.Values)
	switch c.Op {
	case "!=", "not in":
		d.noNull = d.noNull || null
		d.not = append(slices.Clip(d.not), values...)
		return d
	case "==", "in":
		d.noNull = d.noNull || !null
		if d.in == nil {
			d.in = values
		} else {
			d.in = slices.DeleteFunc(slices.Clone(d.in), func(v any) bool { return !contains(values, v) })
		}
		if d.in == nil {
			d.in = []any{}
		}
		return d
	}
	d.noNull = true // ordering null is an error
	if null {
		d.in = []any{}
		return d
	}
	b := &bound{values[0], c.Op == "<" || c.Op == ">"}
	if c.Op[0] == '>' {
		if n, ok := order(b.value, d.low); !ok || n > 0 || n == 0 && b.open {
			d.low = b
		}
	} else if n, ok := order(b.value, d.high); !ok || n < 0 || n == 0 && b.open {
		d.high = b
	}
	return d
}

// and is the values in both.
func (d domain) and(e domain) domain {
	d.whole, d.noNull = d.whole || e.whole, d.noNull || e.noNull
	nullable := !d.noNull
	if e.low != nil {
		d = d.with(cel.Condition{Op: map[bool]string{true: ">", false: ">="}[e.low.open], Values: []any{e.low.value}})
	}
	if e.high != nil {
		d = d.with(cel.Condition{Op: map[bool]string{true: "<", false: "<="}[e.high.open], Values: []any{e.high.value}})
	}
	if e.in != nil {
		d = d.with(cel.Condition{Op: "in", Values: e.in})
	}
	d.not = append(slices.Clip(d.not), e.not...)
	d.noNull = !nullable
	return d
}

// has reports whether a value that is not null is left; false when that cannot be told.
func (d domain) has(v any) bool {
	if d.in != nil && !contains(d.in, v) || contains(d.not, v) {
		return false
	}
	if d.low != nil {
		if n, ok := order(v, d.low); !ok || n < 0 || n == 0 && d.low.open {
			return false
		}
	}
	if d.high != nil {
		if n, ok := order(v, d.high); !ok || n > 0 || n == 0 && d.high.open {
			return false
		}
	}
	return true
}

// empty reports whether no value but null is left.
func (d domain) empty() bool {
	if d.in != nil {
		return !slices.ContainsFunc(d.in, d.has)
	}
	if d.low == nil || d.high == nil {
		return false
	}
	n, ok := order(d.low.value, d.high)
	if !ok || n > 0 || n == 0 && (d.low.open || d.high.open) {
		return ok
	}
	low, isNumber := d.low.value.(*big.Rat)
	if !d.whole || !isNumber {
		return n == 0 && contains(d.not, d.low.value)
	}
	// The least integer that is not below, against the greatest that is not above.
	first, last := ceiling(low, d.low.open), new(big.Int).Neg(ceiling(new(big.Rat).Neg(d.high.value.(*big.Rat)), d.high.open))
	return first.Cmp(last) > 0
}

// ceiling is the least integer that is not below x, or above it.
func ceiling(x *big.Rat, above bool) *big.Int {
	q, m := new(big.Int).DivMod(x.Num(), x.Denom(), new(big.Int))
	if m.Sign() > 0 || above {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// within reports whether every value of d, null included, is one of e. False
// when that cannot be told.
func (d domain) within(e domain) bool {
	if !d.noNull && e.noNull {
		return false
	}
	if d.in != nil {
		return !slices.ContainsFunc(d.in, func(v any) bool { return d.has(v) && !e.has(v) })
	}
	if e.in != nil || slices.ContainsFunc(e.not, func(v any) bool { return d.has(v) || !d.comparable(v) }) {
		return false
	}
	if e.low != nil {
		if d.low == nil {
			return false
		}
		if n, ok := order(d.low.value, e.low); !ok || n < 0 || n == 0 && e.low.open && !d.low.open {
			return false
		}
	}
	if e.high != nil {
		if d.high == nil {
			return false
		}
		if n, ok := order(d.high.value, e.high); !ok || n > 0 || n == 0 && e.high.open && !d.high.open {
			return false
		}
	}
	return true
}

// comparable reports whether d can tell if a value belongs to it.
func (d domain) comparable(v any) bool {
	for _, b := range []*bound{d.low, d.high} {
		if b != nil {
			if _, ok := order(v, b); !ok {
				return false
			}
		}
	}
	return true
}

// order compares a value with that of a bound. Not ok: there is none, or they are
// of different types.
func order(v any, b *bound) (int, bool) {
	if b == nil {
		return 0, false
	}
	switch x := v.(type) {
	case *big.Rat:
		if y, ok := b.value.(*big.Rat); ok {
			return x.Cmp(y), true
		}
	case string:
		if y, ok := b.value.(string); ok {
			return strings.Compare(x, y), true
		}
	case time.Time:
		if y, ok := b.value.(time.Time); ok {
			return x.Compare(y), true
		}
	}
	return 0, false
}

func contains(values []any, v any) bool {
	return slices.ContainsFunc(values, func(w any) bool {
		if n, ok := order(v, &bound{value: w}); ok {
			return n == 0
		}
		x, isBool := v.(bool)
		y, both := w.(bool)
		return isBool && both && x == y
	})
}

// counters are aggregates that give a number of rows or values.
var counters = []string{"rows(", "count(", "nulls(", "nans(", "infs(", "distinct(", "duplicates("}

// typed is what the type of a term leaves to it, whatever the data are.
func typed(term string, schema table.Schema) domain {
	atLeast := func(n int64) *bound { return &bound{value: new(big.Rat).SetInt64(n)} }
	for _, name := range counters {
		if isCall(term, name) {
			return domain{low: atLeast(0), whole: true, noNull: true}
		}
	}
	switch {
	case isCall(term, "share("):
		return domain{low: atLeast(0), high: atLeast(1), noNull: true}
	case isCall(term, "size("):
		return domain{low: atLeast(0), whole: true} // it errs on null
	}
	f, ok := schema.Field(strings.TrimSuffix(strings.TrimPrefix(term, "row.`"), "`"))
	if !ok {
		return domain{}
	}
	switch bits := map[table.Kind]uint{table.Int8: 7, table.Int16: 15, table.Int32: 31, table.Int64: 63}[f.Type.Kind]; {
	case bits > 0:
		end := new(big.Int).Lsh(big.NewInt(1), bits)
		return domain{whole: true, low: &bound{value: new(big.Rat).SetInt(new(big.Int).Neg(end))}, high: &bound{value: new(big.Rat).SetInt(new(big.Int).Sub(end, big.NewInt(1)))}}
	case f.Type.Kind == table.Bool:
		return domain{in: []any{false, true}}
	case f.Type.Kind == table.Decimal:
		end := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(f.Type.Precision-f.Type.Scale)), nil))
		return domain{low: &bound{new(big.Rat).Neg(end), true}, high: &bound{end, true}}
	}
	return domain{}
}

// isCall reports whether a term is one call of the function, nothing around it.
func isCall(term, function string) bool {
	if !strings.HasPrefix(term, function) || !strings.HasSuffix(term, ")") {
		return false
	}
	depth := 0
	for i, c := range term {
		switch c {
		case '"', '`', '\'':
			return false // a text may hold parentheses
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i == len(term)-1
			}
		}
	}
	return false
}
