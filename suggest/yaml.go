package suggest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// YAML writes the suite as a file: each rule with what was seen as its description.
func (s *Suite) YAML() []byte {
	var b strings.Builder
	looked := fmt.Sprintf("%s rows", count(int(s.Rows)))
	if int64(s.Looked) < s.Rows {
		looked = fmt.Sprintf("a sample of %s of %s rows", count(s.Looked), count(int(s.Rows)))
	}
	fmt.Fprintf(&b, "# Suggested from %s. A rule says what nearly all of them have in common; rows that\n", looked)
	b.WriteString("# break it are likely mistakes and warn, and more of them than were seen fail it.\n")
	if s.Backtest != nil {
		s.Backtest.head(&b)
	}
	fmt.Fprintf(&b, "version: 1\ntable: %s\n", scalar(s.Table))
	if s.Owner != "" {
		fmt.Fprintf(&b, "owner: %s\n", scalar(s.Owner))
	}
	if len(s.Columns) > 0 {
		b.WriteString("columns:\n")
	}
	for _, c := range s.Columns {
		fmt.Fprintf(&b, "  %s:\n    type: %s\n", scalar(c.Name), scalar(c.Type))
		for _, r := range s.Rules {
			if r.Column == c.Name {
				fmt.Fprintf(&b, "    %s:\n", r.Kind)
				r.body(&b, "      ")
			}
		}
	}
	first := true
	for _, r := range s.Rules {
		if r.Column != "" {
			continue
		}
		if first {
			b.WriteString("expectations:\n")
			first = false
		}
		fmt.Fprintf(&b, "  %s:\n", scalar(r.ID))
		if r.Row != "" {
			fmt.Fprintf(&b, "    row: %s\n", scalar(r.Row))
			if r.Where != "" {
				fmt.Fprintf(&b, "    where: %s\n", scalar(r.Where))
			}
			r.body(&b, "    ")
			continue
		}
		fmt.Fprintf(&b, "    %s:\n", r.Kind)
		r.body(&b, "      ")
	}
	if s.Backtest != nil {
		s.Backtest.tail(&b)
	}
	return []byte(b.String())
}

// body writes the parameters and what was seen.
func (r *Rule) body(b *strings.Builder, indent string) {
	for _, p := range r.Params {
		fmt.Fprintf(b, "%s%s: %s\n", indent, p.Name, value(p.Value))
	}
	if r.Fail != "" {
		fmt.Fprintf(b, "%smostly: {warn: 1, fail: %s}\n", indent, r.Fail)
	}
	if r.OnFail != "" {
		fmt.Fprintf(b, "%son_fail: %s\n", indent, r.OnFail)
	}
	fmt.Fprintf(b, "%sdescription: %s\n", indent, scalar(r.Why))
}

func value(v any) string {
	switch v := v.(type) {
	case number:
		return string(v)
	case []string:
		items := make([]string, len(v))
		for i, s := range v {
			items[i] = scalar(s)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case string:
		return scalar(v)
	}
	return fmt.Sprint(v)
}

// plain are texts that need no quotes in YAML, wherever they stand; words that YAML
// takes for something else aside.
var (
	plain  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(?:[ .-][A-Za-z0-9_]+)*$`)
	taken  = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
	inside = regexp.MustCompile(`[\x00-\x1f\x7f-\x{9f}\x{2028}\x{2029}\x{feff}\x{fffd}]`)
)

// scalar writes a text as YAML on one line.
func scalar(s string) string {
	switch {
	case plain.MatchString(s) && !slices.Contains(taken, strings.ToLower(s)):
		return s
	case inside.MatchString(s):
		text, _ := json.Marshal(s) // YAML reads JSON
		return string(text)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
