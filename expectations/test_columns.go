package expectations

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// spoken are the columns that a suite may mean: those that it declares, and what
// stands as a word in its rules.
type spoken struct {
	names []string // of columns, to guess from
	text  string   // of all rules
	any   bool     // a rule is about whatever columns there are
}

var (
	words = regexp.MustCompile(`[\pL_][\pL\pN_]*`)
	// quoted are texts of CEL, whose words are no columns to guess from.
	quoted = regexp.MustCompile(`"[^"]*"|'[^']*'|[\pL_][\pL\pN_]*\s*\(`)
)

func (s *Suite) spokenColumns(parts ...*yamlpos.Node) spoken {
	var k spoken
	var text strings.Builder
	for _, n := range parts {
		if n != nil {
			text.WriteString(strings.Join(texts(n), "\n") + "\n")
		}
	}
	for _, c := range s.Columns {
		k.names = append(k.names, c.Name)
	}
	for _, l := range s.lets {
		k.names = append(k.names, words.FindAllString(quoted.ReplaceAllString(l.Source, " "), -1)...)
	}
	for _, e := range s.Expectations {
		k.names = append(k.names, e.Columns...)
		k.names = append(k.names, e.GroupBy...)
		cel := e.CEL + " " + e.Where
		k.names = append(k.names, words.FindAllString(quoted.ReplaceAllString(cel, " "), -1)...)
		text.WriteString(cel + "\n")
		if e.call != nil {
			template := e.call.kind.text()
			text.WriteString(template + "\n")
			k.any = k.any || strings.Contains(template, tableColumns) || strings.Contains(template, tableLayout)
		}
	}
	k.text = text.String()
	return k
}

// text is all CEL of a kind.
func (k *Kind) text() string {
	var b strings.Builder
	for _, t := range k.Terms {
		b.WriteString(t.list() + " " + t.CEL + "\n")
	}
	for _, c := range k.Clauses {
		b.WriteString(c.CEL + "\n")
	}
	return b.String()
}

// has reports whether the name stands by itself anywhere in the rules.
func (k spoken) has(name string) bool {
	if slices.Contains(k.names, name) || k.any {
		return true
	}
	return regexp.MustCompile(`(^|[^\pL\pN_])` + regexp.QuoteMeta(name) + `($|[^\pL\pN_])`).MatchString(k.text)
}

// check notes columns of a test's rows that no rule and no column of the suite
// speaks of: a misspelt one would be null in every rule, and its test in vain.
func (k spoken) check(rows *yamlpos.Node) {
	looked := map[string]bool{}
	for _, row := range rows.Items {
		for _, e := range row.Entries {
			name := e.Key.Text
			if looked[name] {
				continue
			}
			looked[name] = true
			if !k.has(name) {
				hint := "remove it, or declare it under columns"
				if near := yamlpos.Nearest(name, k.names); near != "" {
					hint = "did you mean " + yamlpos.Shown(near) + "?"
				}
				e.Key.Errorf(hint, "no rule and no column of the suite is about %s", name)
			}
		}
	}
}
