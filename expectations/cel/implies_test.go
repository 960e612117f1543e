package cel

import (
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

func TestImplies(t *testing.T) {
	for _, c := range []struct{ first, second, back string }{ // back: yes when it holds the other way round too
		{"x > 0", "x > 0", "yes"},
		{"x > 0", "x  >  0 ", "yes"},
		{"x > 0", "true", ""},
		{"false", "x > 0", ""},
		{"x > 0 && y", "x > 0", ""},
		{"x > 0", "x > 0 || y", ""},
		{"x > 1 && y && z", "z && x > 0", ""},
		{"a || b", "b || c || a", ""},
		{"x > 1", "x > 0", ""},
		{"x > 1", "x >= 1", ""},
		{"1 < x", "x > 1", "yes"},
		{"x < -1", "x < 0.5", ""},
		{"x <= 1", "x < 2", ""},
		{"x == 2", "x > 1", ""},
		{"x == 'a'", "x in ['b', 'a']", ""},
		{"x in [1, 2]", "x in [2, 1, 3]", ""},
		{"x in [1, 2]", "x in [2, 1]", "yes"},
		{"x in ['a', 'b']", "x != 'c'", ""},
		{"x > 0", "x != null", ""},
		{"x == 1", "x != null", ""},
		{"size(x) == 2 && x.startsWith('a')", "size(x) >= 2", ""},
		{"row.`a b` > 3", "row.`a b` > 2.5", ""},
		{"sum(x) > 5", "sum(x) > 4", ""},
	} {
		if !Implies(c.first, c.second) {
			t.Errorf("%s: %s does not follow", c.first, c.second)
		}
		if got := Implies(c.second, c.first); got != (c.back == "yes") {
			t.Errorf("%s: %s follows: %t", c.second, c.first, got)
		}
	}
	for _, c := range [][2]string{
		{"x > 0", "y > 0"}, {"x != 1", "x != null"}, {"x != 1", "x != 2"}, {"x > 0", "x < 1"}, {"x > 'a'", "x > 'B'"}, {"x in [1, y]", "x in [1, 2]"},
		{"x in []", "x > y"}, {"x == null", "x != null"}, {"x > 0 || y", "x > 0"}, {"a b", "true"}, {"true", "a b"}, {"", "true"},
		{"x == '1'", "x > 0"}, {"!(x > 1)", "!(x > 2)"}, {"x > 0 ? true : y", "true && z"}, {"x >= 1", "x > 1"}, {"x == 1.0", "x in ['1']"},
	} {
		if Implies(c[0], c[1]) {
			t.Errorf("%s: %s follows, which cannot be told", c[0], c[1])
		}
	}
}

// What would take for ever to tell cannot be told.
func TestImpliesInTime(t *testing.T) {
	both := func(join, part string) string {
		return strings.TrimSuffix(strings.Repeat("("+part+")"+join, 300), join)
	}
	if Implies(both(" && ", "a || b"), both(" || ", "c && d")) {
		t.Error("c and d do not follow from a or b")
	}
}

// Whatever a row holds: where the first is true, so is the second, if it is said to follow.
func FuzzImplies(f *testing.F) {
	f.Add("x > 1 && y == 2", "x >= 1", int64(2), int64(2))
	f.Add("x in [1, 2] || y < 0", "x != 3 || y < 5", int64(1), int64(0))
	f.Add("x > 1", "x != null", int64(2), int64(0))
	env, err := NewEnv(table.Schema{Fields: []table.Field{
		{Name: "x", Type: table.Type{Kind: table.Int64}, Nullable: true}, {Name: "y", Type: table.Type{Kind: table.Int64}, Nullable: true}}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second string, x, y int64) {
		if len(first)+len(second) > 200 || !Implies(first, second) {
			return
		}
		a, err1 := env.Row(first)
		b, err2 := env.Row(second)
		if err1 != nil || err2 != nil {
			return
		}
		for _, row := range []map[string]any{{"x": x, "y": y}, {"x": nil, "y": y}} {
			if was, is := a.Eval(row), b.Eval(row); was.Value == True && is.Value != True {
				t.Errorf("%v: %s is true, and %s is %v", row, first, second, is)
			}
		}
	})
}
