package expectations

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// value reads a YAML value as one of a column, as engine.Rows would give it.
// What does not fit is noted, and nil.
func value(n *yamlpos.Node, t table.Type) any {
	if n == nil || n.Null {
		return nil
	}
	misfit := func() any {
		n.Errorf("", "%s is no value of a column of type %s", describe(n), t)
		return nil
	}
	switch t.Kind {
	case table.Array:
		if n.Kind != yamlpos.Sequence {
			return misfit()
		}
		out := []any{}
		for _, i := range n.Items {
			out = append(out, value(i, *t.Elem))
		}
		return out
	case table.Map, table.Struct:
		if n.Kind != yamlpos.Mapping {
			return misfit()
		}
		out := map[string]any{}
		for _, f := range t.Fields {
			out[f.Name] = nil
		}
		for _, e := range n.Entries {
			typ := t.Elem
			for _, f := range t.Fields {
				if f.Name == e.Key.Text {
					typ = &f.Type
				}
			}
			if typ == nil {
				e.Key.Errorf("", "the type %s has no member %q", t, e.Key.Text)
				continue
			}
			out[e.Key.Text] = value(e.Value, *typ)
		}
		return out
	}
	if n.Kind != yamlpos.Scalar {
		return misfit()
	}
	number, isNumber := n.IsNumber()
	switch {
	case t.Kind == table.String:
		return n.Text
	case t.Kind == table.Bool:
		if v, ok := n.IsBool(); ok {
			return v
		}
	case t.Integer():
		if v, err := strconv.ParseInt(number, 10, 64); isNumber && err == nil {
			return v
		}
	case t.Kind == table.Double || t.Kind == table.Float:
		switch strings.ToLower(n.Text) {
		case ".nan":
			return math.NaN()
		case ".inf", "+.inf":
			return math.Inf(1)
		case "-.inf":
			return math.Inf(-1)
		}
		if v, err := strconv.ParseFloat(number, 64); isNumber && err == nil {
			return v
		}
	case t.Kind == table.Decimal:
		if r, ok := new(big.Rat).SetString(number); isNumber && ok {
			if text := r.FloatString(t.Scale); decimalFits(r, text, t.Precision) {
				return engine.Decimal(text)
			}
		}
	case t.Kind == table.Date:
		if v, err := time.Parse(time.DateOnly, n.Text); err == nil {
			return v
		}
	case t.Kind == table.Timestamp || t.Kind == table.TimestampNTZ:
		if v, err := parseTime(n.Text); err == nil {
			return v.Truncate(time.Microsecond)
		}
	case t.Kind == table.Binary:
		if v, err := base64.StdEncoding.DecodeString(n.Text); err == nil {
			return v
		}
	}
	return misfit()
}

// decimalFits reports whether the text, rounded to the scale, is the very number
// and has no more digits than the precision.
func decimalFits(r *big.Rat, text string, precision int) bool {
	back, ok := new(big.Rat).SetString(text)
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
	return ok && back.Cmp(r) == 0 && len(digits) <= precision
}

func describe(n *yamlpos.Node) string {
	if n.Kind == yamlpos.Scalar {
		return strconv.Quote(n.Text)
	}
	return n.Kind.String()
}

// guess is the type of a column that the suite does not declare, from a value of
// a test: a number in digits is an int64, another number a double.
func guess(n *yamlpos.Node) (table.Type, bool) {
	if n == nil || n.Null {
		return table.Type{}, false
	}
	switch n.Kind {
	case yamlpos.Mapping:
		return table.Type{}, false
	case yamlpos.Sequence:
		for _, i := range n.Items {
			if t, ok := guess(i); ok {
				return table.Type{Kind: table.Array, Elem: &t, ElemNullable: true}, true
			}
		}
		return table.Type{}, false
	}
	if _, ok := n.IsBool(); ok {
		return table.Type{Kind: table.Bool}, true
	}
	if text, ok := n.IsNumber(); ok {
		if strings.ContainsAny(text, ".eE") {
			return table.Type{Kind: table.Double}, true
		}
		return table.Type{Kind: table.Int64}, true
	}
	return table.Type{Kind: table.String}, true
}

// rowsOf reads rows for a schema. Columns that a row leaves out are null.
func rowsOf(n *yamlpos.Node, schema table.Schema) []map[string]any {
	rows := []map[string]any{}
	for _, r := range n.List("rows", false) {
		row := map[string]any{}
		for _, f := range schema.Fields {
			row[f.Name] = nil
		}
		for _, e := range r.Pairs("a row") {
			f, ok := schema.Field(e.Key.Text)
			if !ok {
				e.Key.Errorf(yamlpos.DidYouMean(e.Key.Text, schema.Names()), "there is no column %q", e.Key.Text)
				continue
			}
			row[f.Name] = value(e.Value, f.Type)
		}
		rows = append(rows, row)
	}
	return rows
}
