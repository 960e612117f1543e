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
		for _, c := range Weakened(rules(old), rules(next), nil) {
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
		{"a: {row: x > 0}", "a: {row: x > -1}", `weakened a {"text":"x > 0"}>{"text":"x > -1"}`, ""},
		{"a: {row: x > 0}", "a: {row: 'true'}", `weakened a {"text":"x > 0"}>{"text":"true"}`, ""},
		{"a: {row: x > 0}", "a: {row: x > 0 || true}", `weakened a {"text":"x > 0"}>{"text":"x > 0 || true"}`, ""},
		{"a: {row: x > 0}", "a: {row: x == x}", `changed a {"text":"x > 0"}>{"text":"x == x"}`, `changed a {"text":"x == x"}>{"text":"x > 0"}`},
		{"a: {row: x > 0 && y > 0}", "a: {row: x > 0}", `weakened a {"text":"x > 0 && y > 0"}>{"text":"x > 0"}`, ""},
		{"a: {table: rows() > 10}", "a: {table: 'true'}", `weakened a {"text":"rows() > 10"}>{"text":"true"}`, ""},
		{"a: {sql: 'SELECT * FROM {table} WHERE x < 0'}", "a: {sql: 'SELECT * FROM {table} WHERE false'}",
			`changed a {"text":"SELECT * FROM {table} WHERE x < 0"}>{"text":"SELECT * FROM {table} WHERE false"}`, `changed a {"text":"SELECT * FROM {table} WHERE false"}>{"text":"SELECT * FROM {table} WHERE x < 0"}`},
		{"a: {row: x > 0, where: y > 1}", "a: {row: x > 0, where: 'false'}", `weakened a {"where":"y > 1"}>{"where":"false"}`, ""},
		{"a: {row: x > 0, where: y > 1}", "a: {row: x > 0, where: y > 2}", `weakened a {"where":"y > 1"}>{"where":"y > 2"}`, ""},
		{"a: {row: x > 0, where: y > 1}", "a: {row: x > 0, where: z > 1}", `changed a {"where":"y > 1"}>{"where":"z > 1"}`, `changed a {"where":"z > 1"}>{"where":"y > 1"}`},
		{"a: {row: x > 0, mostly: 0.9, where: y > 1}", "a: {row: x > 0, mostly: 0.9}", `changed a {"where":"y > 1"}>{"where":""}`, `changed a {"where":""}>{"where":"y > 1"}`},
		{"a: {table: sum(x) > 0, where: y > 1}", "a: {table: sum(x) > 0}", `changed a {"where":"y > 1"}>{"where":""}`, `changed a {"where":""}>{"where":"y > 1"}`},
		{"a: {not_null: {column: c}}", "a: {not_null: {column: c, where: 'false'}}", `weakened a {"where":""}>{"where":"false"}`, ""},
		{"let: {net: a - b}\nexpectations: {a: {row: net > 0}}", "let: {net: a - b, m: b}\nexpectations: {a: {row: net > 0 && m > 0}}", "", `weakened a {"text":"net > 0 && m > 0"}>{"text":"net > 0"}`},
		{"expectations: {a: {row: x > 0}}\n", "let: {x: '1'}\nexpectations: {a: {row: x > 0}}", `changed a {"let":null}>{"let":{"x":"1"}}`, `changed a {"let":{"x":"1"}}>{"let":null}`},
		{"a: {row: x > 0}", "a: {row: x > 0, where: y == 1}", `weakened a {"where":""}>{"where":"y == 1"}`, ""},
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
		{"a: {regex: {column: c, pattern: '^a'}}", "a: {regex: {column: c, pattern: '.*'}}", `weakened a {"pattern":"^a"}>{"pattern":".*"}`, `changed a {"pattern":".*"}>{"pattern":"^a"}`},
		{"a: {regex: {column: c, pattern: '^a'}}", "a: {regex: {column: c, pattern: '^.*$'}}", `weakened a {"pattern":"^a"}>{"pattern":"^.*$"}`, `changed a {"pattern":"^.*$"}>{"pattern":"^a"}`},
		{"a: {regex: {column: c, pattern: '^a'}}", "a: {regex: {column: c, pattern: '(ab)?'}}", `weakened a {"pattern":"^a"}>{"pattern":"(ab)?"}`, `changed a {"pattern":"(ab)?"}>{"pattern":"^a"}`},
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

// A rule follows its column to a new name: what it demands besides is compared.
func TestWeakenedOfARenamedColumn(t *testing.T) {
	rules := func(text string) []Rule {
		s, err := Parse("suite.yaml", []byte("version: 1\n"+text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s.Rules()
	}
	was := rules(`
let: {half: mail.size() / 2}
columns: {mail: {type: string, not_null: true, in_set: [mail, post]}}
expectations:
  short: {row: half < 9 && mail != 'mail', where: mail != 'x', group_by: [mail]}
  once:  {unique: [mail, id]}
`)
	same := strings.NewReplacer("$", "email").Replace(`
let: {half: $.size() / 2}
columns: {$: {type: string, renamed_from: mail, not_null: true, in_set: [mail, post]}}
expectations:
  short: {row: half < 9 && $ != 'mail', where: $ != 'x', group_by: [$]}
  once:  {unique: [$, id]}
`)
	renamed := map[string]string{"email": "mail"}
	if got := Weakened(was, rules(same), renamed); len(got) > 0 {
		t.Errorf("only the name is another: %+v", got)
	}
	if got := Weakened(was, rules(same), nil); len(got) == 0 {
		t.Error("another column's rules are the same as this one's")
	}
	less := rules(strings.NewReplacer("not_null: true, in_set: [mail, post]", "in_set: [email, post]").Replace(same))
	got := Weakened(was, less, renamed)
	if len(got) != 2 || got[0].Path != "email.not_null" || got[0].Class != "removed" || got[1].Path != "email.in_set" || got[1].Class != "weakened" {
		t.Errorf("%+v", got)
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
