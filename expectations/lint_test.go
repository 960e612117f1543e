package expectations

import (
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

// lintHead declares the columns that the cases use.
const lintHead = `version: 1
table: t
columns:
  n: {type: int32}
  small: {type: int8}
  s: {type: string}
  d: {type: date}
  p: {type: 'decimal(4,2)'}
  b: {type: bool}
expectations:
`

func TestLint(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		want        []string // rule and the beginning of the message
	}{
		{"nothing is odd", "  a: {row: n > 0}\n  b: {row: s != ''}", nil},
		{"bounds that exclude each other", "  a: {row: n > 5 && n < 3}", []string{"lint.impossible a: no value of n"}},
		{"no integer between", "  a: {row: n > 5 && n < 6}", []string{"lint.impossible a: no value of n"}},
		{"one integer between", "  a: {row: n > 5 && n < 7}", nil},
		{"beyond the type", "  a: {row: small > 200}", []string{"lint.impossible a: no value of small"}},
		{"beyond a decimal's type", "  a: {row: p >= 100.0}", []string{"lint.impossible a: no value of p"}},
		{"a where without rows", "  a: {row: n > 0, where: n < 3 && n > 3}", []string{"lint.impossible a: no value of n is in its where"}},
		{"a where against the rule", "  a: {row: n > 0, where: n == -1}", []string{"lint.impossible a: no value of n can pass"}},
		{"a share above one", "  a: {table: share(n == null) > 1.5}", []string{"lint.impossible a: no value of share(n == null)"}},
		{"fewer than no rows", "  a: {table: rows() < 0}", []string{"lint.impossible a: no value of rows()"}},
		{"null may pass", "  a: {row: b != true && b != false}", nil},
		{"always by type", "  a: {between: {column: small, min: -128, max: 127}}", []string{"lint.always a: nothing can fail"}},
		{"null errs, so it can fail", "  a: {row: small <= 127}", nil},
		{"always by its where", "  a: {row: n > 0, where: n > 3}", []string{"lint.always a: nothing can fail"}},
		{"always by a constant", "  a: {row: n == n || true}", []string{"lint.always a: nothing can fail"}},
		{"always but for a part", "  a: {row: n > 0 && (n < 0 || !false)}", nil},
		{"always of counts", "  a: {table: nulls(n) >= 0}", []string{"lint.always a: nothing can fail"}},
		{"the same twice", "  a: {row: n > 0}\n  b: {row: 'n>0'}", []string{"lint.duplicate b: a (suite.yaml:11:3) says the same"}},
		{"a kind and its CEL", "  a: {gt: {column: n, value: 0}}\n  b: {row: n > 0, where: n != null}", []string{"lint.duplicate b: a (suite.yaml:11:3) says the same"}},
		{"the same turned around", "  a: {row: n > 0}\n  b: {row: 0 < n}", []string{"lint.duplicate b: a (suite.yaml:11:3) says the same"}},
		{"one that warns of what another tolerates", "  a: {row: n > 0, mostly: 0.9}\n  b: {row: n > 0, on_fail: warn}", nil},
		{"one that warns of what another refuses", "  a: {row: n > 0, on_fail: warn}\n  b: {row: n > 0}", []string{"lint.implied a: what passes b"}},
		{"the same before less", "  a: {not_null: {column: n}}\n  b: {row: n > 0}\n  c: {row: n != null}", []string{"lint.implied a: what passes b", "lint.duplicate c: a"}},
		{"a wider bound", "  a: {row: n > 0}\n  b: {row: n >= 0}", []string{"lint.implied b: what passes a"}},
		{"a wider bound above", "  a: {row: n >= 0}\n  b: {row: n > 0}", []string{"lint.implied a: what passes b"}},
		{"a value implies not null", "  a: {row: n > 0}\n  b: {not_null: {column: n}}", []string{"lint.implied b: what passes a"}},
		{"not where nulls are skipped", "  a: {gt: {column: n, value: 0}}\n  b: {not_null: {column: n}}", nil},
		{"a smaller set", "  a: {in_set: {column: s, set: [x, y]}}\n  b: {in_set: {column: s, set: [x, y, z]}}", []string{"lint.implied b: what passes a"}},
		{"a set in a range", "  a: {in_set: {column: n, set: [1, 2]}}\n  b: {between: {column: n, min: 0}}", []string{"lint.implied b: what passes a"}},
		{"a warning is not enough", "  a: {row: n > 0, on_fail: warn}\n  b: {row: n >= 0}", nil},
		{"a tolerant rule is not enough", "  a: {row: n > 0, mostly: 0.9}\n  b: {row: n >= 0}", nil},
		{"equal tolerance is", "  a: {row: n > 0, mostly: 0.9}\n  b: {row: n >= 0, mostly: 0.9}", []string{"lint.implied b"}},
		{"a narrower scope is not enough", "  a: {row: n > 0, where: s == 'x'}\n  b: {row: n >= 0}", nil},
		{"a wider scope is", "  a: {row: n > 0}\n  b: {row: n >= 0, where: s == 'x'}", []string{"lint.implied b"}},
		{"keys in keys", "  a: {unique: [n]}\n  b: {unique: [n, s]}", []string{"lint.implied b: what passes a"}},
		{"no number in common", "  a: {row: n > 5}\n  b: {row: n < 5}", []string{"lint.conflict b: no value passes it and a"}},
		{"no text in common", "  a: {in_set: {column: s, set: [x]}}\n  b: {in_set: {column: s, set: [y]}}", []string{"lint.conflict b"}},
		{"other rows", "  a: {row: n > 5, where: s == 'x'}\n  b: {row: n < 5, where: s == 'y'}", nil},
		{"dates", "  a: {row: \"d >= date('2011-01-01')\"}\n  b: {row: \"d > date('2010-01-01')\"}", []string{"lint.implied b"}},
		{"volumes", "  a: {table: rows() > 10}\n  b: {table: rows() > 5}", []string{"lint.implied b"}},
		{"what is not understood is let alone", "  a: {row: n > 5 || s == 'x'}\n  b: {row: n < 5}", nil},
		{"columns without a type", "  a: {row: other > 5}", []string{"lint.unseen not looked at, since the types of their columns are not known: a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			suite, err := Parse("suite.yaml", []byte(lintHead+c.rules+"\n"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			found := suite.Lint(table.Schema{})
			for i, f := range found {
				text := f.Rule + " " + f.Message
				if i >= len(c.want) || !strings.HasPrefix(text, c.want[i]) {
					t.Errorf("unexpected: %s %s", f.Position, text)
				}
			}
			if len(found) < len(c.want) {
				t.Errorf("found %d, want %q", len(found), c.want)
			}
		})
	}
}

func TestLintLets(t *testing.T) {
	suite, err := Parse("suite.yaml", []byte("version: 1\ntable: t\ncolumns: {n: {type: int32}}\nlet:\n  half: n / 2\n  quarter: half / 2\n  idle: n * 2\nexpectations:\n  a: {row: quarter > 1}\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := suite.Lint(table.Schema{})
	if len(found) != 1 || found[0].Message != "let: no rule uses idle" || found[0].Position != "suite.yaml:7:9" {
		t.Errorf("%+v", found)
	}
}
