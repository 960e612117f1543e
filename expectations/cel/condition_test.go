package cel

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

func TestConditions(t *testing.T) {
	var schema table.Schema
	for name, kind := range map[string]table.Kind{"n": table.Int64, "s": table.String, "x": table.Double, "d": table.Date, "t": table.Timestamp, "b": table.Bool} {
		schema.Fields = append(schema.Fields, table.Field{Name: name, Type: table.Type{Kind: kind}, Nullable: true})
	}
	schema.Fields = append(schema.Fields, table.Field{Name: "Invoice No", Type: table.Type{Kind: table.String}, Nullable: true})
	env, err := NewEnv(schema, []Let{{Name: "half", Source: "n / 2"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		src, want string
		whole     bool
	}{
		{"n > 0", "n > 0", true},
		{"0 <= n && n < 10", "n >= 0; n < 10", true},
		{"n > -1.5", "n > -3/2", true},
		{"n > 0 && n > s.size()", "n > 0", false},
		{"n > 0 || n < -5", "", false},
		{"n != null", "n != null", true},
		{"!(n == null) && !(s in ['a', 'b'])", "n != null; s not in a b", true},
		{"s in ['a', 'b']", "s in a b", true},
		{"size(s) >= 3", "size(s) >= 3", true},
		{"!(n > 3)", "", false}, // NaN and errors
		{"row.`Invoice No` == 'x'", "row.`Invoice No` == x", true},
		{"d >= date('2011-01-31')", "d >= 2011-01-31", true},
		{"t < timestamp('2011-01-31T08:00:00Z')", "t < 2011-01-31", true},
		{"half > 3", "n / 2 > 3", true},
		{"1 < 2", "", false},
		{"b", "", false},
	} {
		r, err := env.Row(c.src)
		if err != nil {
			t.Fatalf("%s: %v", c.src, err)
		}
		got, whole := r.Conditions()
		if text := show(got); text != c.want || whole != c.whole {
			t.Errorf("%s: %q, whole %v; want %q, %v", c.src, text, whole, c.want, c.whole)
		}
	}
	r, err := env.Table("rows() >= 10 && share(n == null) < 0.1", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, whole := r.Conditions()
	if text := show(got); text != "rows() >= 10; share(n == null) < 1/10" || !whole {
		t.Errorf("%q, %v", text, whole)
	}
}

func show(conditions []Condition) string {
	var out []string
	for _, c := range conditions {
		text := c.Term + " " + c.Op
		for _, v := range c.Values {
			switch v := v.(type) {
			case nil:
				text += " null"
			case *big.Rat:
				text += " " + v.RatString()
			case time.Time:
				text += " " + v.Format(time.DateOnly)
			default:
				text += fmt.Sprint(" ", v)
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}
