package expectations

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestWeakened has pairs of rules under expectations, and how the second is weaker;
// the other way round it is not, but for what cannot be compared.
func TestWeakened(t *testing.T) {
	rules := func(text string) []Rule {
		t.Helper()
		if !strings.Contains(text, "\n") {
			text = "expectations: {" + text + "}"
		}
		s, err := Parse("suite.yaml", []byte("version: 1\n"+text), Options{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		// As it is kept beside a version.
		data, err := json.Marshal(s.Rules())
		if err != nil {
			t.Fatal(err)
		}
		var kept []Rule
		if err := json.Unmarshal(data, &kept); err != nil {
			t.Fatal(err)
		}
		return kept
	}
	text := func(old, next string) string {
		var out []string
		for _, c := range Weakened(rules(old), rules(next)) {
			from, _ := json.Marshal(c.From)
			to, _ := json.Marshal(c.To)
			out = append(out, strings.NewReplacer(`\u003e`, ">", `\u003c`, "<", `\u0026`, "&").Replace(fmt.Sprintf("%s %s %s>%s", c.Class, c.Path, from, to)))
		}
		return strings.Join(out, "\n")
	}
	for _, c := range []struct{ old, next, want, back string }{
		{"a: {row: x > 0}", "a: {row: x > 0}", "", ""},
		{"a: {row: x > 0}", "a: {row: x > 0, description: Positive., owner: sales, tags: [t], dimension: validity}", "", ""},
		{"a: {row: x > 0}", "b: {row: x > 0}", "", ""},
		{"a: {row: x > 0}", "b: {row: y > 0}", `removed a {"kind":"row","on_fail":"block","text":"x > 0"}>null`, `removed b {"kind":"row","on_fail":"block","text":"y > 0"}>null`},
		{"a: {row: x > 0}", "b: {row: x > 0, mostly: 0.9}", `weakened b {"mostly":"1"}>{"mostly":"0.9"}`, ""},
		{"a: {row: x > 0}", "a: {row: x > -1}", `changed a {"text":"x > 0"}>{"text":"x > -1"}`, `changed a {"text":"x > -1"}>{"text":"x > 0"}`},
		{"a: {row: x > 0}", "a: {row: x > 0, where: y == 1}", `changed a {"where":""}>{"where":"y == 1"}`, ""},
		{"a: {row: x > 0}", "a: {row: x > 0, on_fail: quarantine}", `weakened a {"on_fail":"block"}>{"on_fail":"quarantine"}`, ""},
		{"a: {row: x > 0, on_fail: warn}", "a: {row: x > 0, on_fail: info}", `weakened a {"on_fail":"warn"}>{"on_fail":"info"}`, ""},
		{"a: {row: x > 0, mostly: 0.99}", "a: {row: x > 0, mostly: 0.9}", `weakened a {"mostly":"0.99"}>{"mostly":"0.9"}`, ""},
		{"a: {row: x > 0, mostly: {warn: 0.99, fail: 0.9}}", "a: {row: x > 0, mostly: 0.9}", `weakened a {"mostly.warn":"0.99"}>{"mostly.warn":"0.9"}`, ""},
		{"a: {row: x > 0, max_failed: 3}", "a: {row: x > 0, max_failed: 30}", `weakened a {"max_failed":"3"}>{"max_failed":"30"}`, ""},
		{"a: {row: x > 0}", "a: {row: x > 0, max_failed: 30}", `weakened a {"max_failed":"0"}>{"max_failed":"30"}`, ""},
		{"a: {row: x > 0, max_failed: 3}", "a: {row: x > 0, mostly: 0.9}", `changed a {"threshold":"max_failed 3"}>{"threshold":"mostly 0.9"}`, `changed a {"threshold":"mostly 0.9"}>{"threshold":"max_failed 3"}`},
		{"a: {row: x > 0}", "a: {row: x > 0, since: new}", `weakened a {"since":"table"}>{"since":"new"}`, ""},
		{"a: {row: x > 0, on_empty: fail}", "a: {row: x > 0}", `weakened a {"on_empty":"fail"}>{"on_empty":"warn"}`, ""},
		{"a: {table: sum(x) > 0}", "a: {table: sum(x) > 0, group_by: [c]}", `changed a {"group_by":null}>{"group_by":["c"]}`, `changed a {"group_by":["c"]}>{"group_by":null}`},
		{"a: {in_set: {column: c, set: [new, paid]}}", "a: {in_set: {column: c, set: [new, paid, lost]}}", `weakened a {"set":"new, paid"}>{"set":"new, paid, lost"}`, ""},
		{"a: {in_set: {column: c, set: [new, paid]}}", "a: {in_set: {column: d, set: [new, paid]}}", `changed a {"column":"c"}>{"column":"d"}`, `changed a {"column":"d"}>{"column":"c"}`},
		{"a: {not_in_set: {column: c, set: [a, b]}}", "a: {not_in_set: {column: c, set: [a]}}", `weakened a {"set":"a, b"}>{"set":"a"}`, ""},
		{"a: {between: {column: c, min: 0, max: 10}}", "a: {between: {column: c, min: -1, max: 5}}", `weakened a {"min":"0"}>{"min":"-1"}`, `weakened a {"max":"5"}>{"max":"10"}`},
		{"a: {between: {column: c, min: 0, max: 10}}", "a: {between: {column: c, min: 0}}", `weakened a {"max":"10"}>{"max":""}`, ""},
		{"a: {between: {column: c, max: 10, strict_max: true}}", "a: {between: {column: c, max: 10}}", `weakened a {"strict_max":"true"}>{"strict_max":""}`, ""},
		{"a: {between: {column: c, max: 2026-01-01}}", "a: {between: {column: c, max: 2026-02-01}}", `weakened a {"max":"2026-01-01"}>{"max":"2026-02-01"}`, ""},
		{"a: {outside: {column: c, min: 0, max: 10}}", "a: {outside: {column: c, min: 1, max: 10}}", `weakened a {"min":"0"}>{"min":"1"}`, ""},
		{"a: {freshness: {column: c, max_age: 26h}}", "a: {freshness: {column: c, max_age: 2d}}", `weakened a {"max_age":"26h"}>{"max_age":"2d"}`, ""},
		{"a: {regex: {column: c, pattern: '^a'}}", "a: {regex: {column: c, pattern: 'a'}}", `changed a {"pattern":"^a"}>{"pattern":"a"}`, `changed a {"pattern":"a"}>{"pattern":"^a"}`},
		{"a: {unique: [b, c]}", "a: {unique: [b, c, d]}", `weakened a {"columns":"b, c"}>{"columns":"b, c, d"}`, ""},
		{"a: {not_null: {column: c}}", "a: {row: c != null}", `changed a {"column":"c","kind":"not_null"}>{"column":null,"kind":"row"}`, `changed a {"kind":"row","text":"c != null"}>{"kind":"not_null","text":null}`},
		{"let: {net: a - b}\nexpectations: {a: {row: net > 0}}", "let: {net: a + b}\nexpectations: {a: {row: net > 0}}", `changed a {"let":{"net":"a - b"}}>{"let":{"net":"a + b"}}`, `changed a {"let":{"net":"a + b"}}>{"let":{"net":"a - b"}}`},
		{"columns: {c: {type: int64, not_null: true, le: 5}}\n", "columns: {c: {type: 'decimal(9,2)', le: 7}}\n",
			`removed c.not_null {"column":"c","kind":"not_null","on_fail":"block"}>null` + "\n" + `weakened c.le {"value":"5"}>{"value":"7"}`, ""},
	} {
		if got := text(c.old, c.next); got != c.want {
			t.Errorf("%s\n→ %s\n got %s\nwant %s", c.old, c.next, got, c.want)
		}
		if got := text(c.next, c.old); got != c.back {
			t.Errorf("%s\n→ %s\n got %s\nwant %s", c.next, c.old, got, c.back)
		}
	}
}

// TestLoosening holds the table of arguments against the catalogue.
func TestLoosening(t *testing.T) {
	params := map[string]bool{}
	for _, k := range Kinds() {
		for _, p := range k.Params {
			params[p.Name], params[k.Name+"."+p.Name] = true, true
		}
	}
	for name := range loosening {
		if !params[name] {
			t.Errorf("no kind has %s", name)
		}
	}
}
