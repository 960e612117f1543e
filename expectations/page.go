package expectations

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Page is the kind's page of the reference, in Markdown: prose, how it is
// written, parameters, CEL, and examples.
func (k *Kind) Page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", k.Name, strings.TrimSpace(k.Doc))
	fmt.Fprintf(&b, "\n%s rule · %s", strings.ToUpper(k.Scope[:1])+k.Scope[1:], k.Dimension)
	if len(k.Aliases) > 0 {
		fmt.Fprintf(&b, " · elsewhere called %s", strings.Join(k.Aliases, ", "))
	}
	b.WriteString("\n\n```yaml\n")
	for _, line := range k.Usage() {
		fmt.Fprintln(&b, line)
	}
	b.WriteString("```\n")
	if len(k.Params) > 0 {
		b.WriteString("\n| parameter | takes | |\n|---|---|---|\n")
		for _, p := range k.Params {
			fmt.Fprintf(&b, "| `%s`%s | %s | %s |\n", p.Name, map[bool]string{true: " (required)"}[p.Required], cell(p.Takes()), cell(p.note()))
		}
	}
	fmt.Fprintf(&b, "\n%s\n\n```\n", k.NullsText())
	for _, line := range k.Template() {
		fmt.Fprintln(&b, line)
	}
	b.WriteString("```\n\n| example | parameters | rows | verdict |\n|---|---|---|---|\n")
	for _, e := range k.Examples {
		verdict := string(e.Expect)
		if e.Failed > 0 {
			verdict += fmt.Sprintf(", %d failed", e.Failed)
		}
		if e.Errored > 0 {
			verdict += fmt.Sprintf(", %d errored", e.Errored)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(e.Name), code(e.parameters()), code(e.rows()), verdict)
	}
	return b.String()
}

// Usage shows how the kind is written in a suite, as lines of YAML: the first
// example that passes.
func (k *Kind) Usage() []string {
	var lines []string
	for _, e := range k.Examples {
		if e.Expect != record.Pass {
			continue
		}
		var all, rest []string
		column := ""
		for _, x := range e.node.Get("with").Pairs("with") {
			part := x.Key.Text + ": " + yamlText(x.Value)
			all = append(all, part)
			if x.Key.Text == k.columnParam() && (x.Value.Kind == yamlpos.Scalar || len(x.Value.Items) == 1) {
				column = strings.Trim(yamlText(x.Value), "[]")
				continue
			}
			rest = append(rest, part)
		}
		if column != "" {
			value := "{" + strings.Join(rest, ", ") + "}"
			switch {
			case len(rest) == 0:
				value = "true"
			case len(rest) == 1 && strings.HasPrefix(rest[0], k.Main+": "):
				value = strings.TrimPrefix(rest[0], k.Main+": ")
			}
			lines = append(lines, "columns:", fmt.Sprintf("  %s: {%s: %s}", column, k.Name, value))
		}
		value := "{" + strings.Join(all, ", ") + "}"
		if with := e.node.Get("with").Entries; len(with) == 1 && with[0].Key.Text == k.Main {
			value = yamlText(with[0].Value)
		}
		return append(lines, "expectations:", fmt.Sprintf("  my_rule: {%s: %s}", k.Name, value))
	}
	return lines
}

func (p Param) note() string {
	doc := strings.Join(strings.Fields(p.Doc), " ")
	if p.Default != "" {
		doc = strings.TrimPrefix(doc+"; default "+p.Default, "; ")
	}
	return doc
}

// NullsText says what the kind does with nulls.
func (k *Kind) NullsText() string {
	switch {
	case k.Scope == "table" && k.SkipNulls:
		return "Rows with a null in a column of it are left out."
	case k.Scope == "table":
		return "All rows are looked at."
	case k.SkipNulls:
		return "Rows with a null in a column of it are not judged; `nulls: judge` judges them, `nulls: skip_all` leaves out those in which all are null."
	}
	return "Nulls are judged."
}

// Template is the kind's CEL as lines: its terms, then its clauses, which are all
// joined with &&.
func (k *Kind) Template() []string {
	var lines []string
	for _, t := range k.Terms {
		way := map[bool]string{true: "each of "}[t.Each != ""] + map[bool]string{true: "each pair of "}[t.Pairs != ""] + map[bool]string{true: "each two neighbours of "}[t.Steps != ""]
		join := strings.TrimSpace(t.Join)
		lines = append(lines, fmt.Sprintf("$%s: %s    (for %s%s, joined by %s)", t.Name, t.CEL, way, t.list(), join))
	}
	for _, c := range k.Clauses {
		line := c.CEL
		if len(c.If) > 0 {
			line += fmt.Sprintf("    (if %s)", strings.Join(c.If, ", "))
		}
		lines = append(lines, line)
	}
	return lines
}

// parameters are the example's, as YAML.
func (e Example) parameters() string {
	var parts []string
	for _, x := range e.node.Get("with").Pairs("with") {
		parts = append(parts, x.Key.Text+": "+yamlText(x.Value))
	}
	return strings.Join(parts, ", ")
}

func (e Example) rows() string {
	text := rowsText(e.node.Get("rows"))
	if before := e.node.Get("before"); before != nil {
		var versions []string
		for _, rows := range before.Items {
			versions = append(versions, rowsText(rows))
		}
		text += " (before: " + strings.Join(versions, " / ") + ")"
	}
	return text
}

func rowsText(n *yamlpos.Node) string {
	const most = 6
	var parts []string
	rows := n.Items
	for i, r := range rows {
		if i == most {
			parts = append(parts, fmt.Sprintf("… (%d rows)", len(rows)))
			break
		}
		var cells []string
		for _, x := range r.Entries {
			cells = append(cells, x.Key.Text+": "+yamlText(x.Value))
		}
		if len(cells) == 0 {
			cells = []string{"null"}
		}
		parts = append(parts, strings.Join(cells, ", "))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " · ")
}

// SQL is what a dialect runs for the example: for a row rule the state of a row
// (0 failed, 1 passed, 2 errored, 3 not judged), for a table rule its metrics.
func (e Example) SQL(d engine.Dialect) (string, error) {
	plan, err := e.suite.Plan(e.Relation.Schema, e.schemas())
	if err != nil {
		return "", err
	}
	return plan.sql(d, plan.rules[0], cel.Facts{Now: e.Now})
}

// sql is a rule as SQL over a table t: the state of each row, or the numbers that
// it judges; "" when the columns alone decide.
func (p *Plan) sql(d engine.Dialect, r *rule, facts cel.Facts) (string, error) {
	if r.row != nil {
		return r.state(d, facts)
	}
	var items []string
	for _, m := range r.aggregate.With(facts).Metrics() {
		sql, err := m.SQL(d, "t")
		if err != nil {
			return "", err
		}
		items = append(items, sql)
	}
	if len(items) == 0 {
		return "", nil // the columns alone decide
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM t", nil
}

// Explain gives the CEL of an expectation with its parameters put in, that of the
// rows it judges ("" is all), and its SQL in a dialect, as [Example.SQL]. The types
// are those that the suite gives; the error says what is missing, such as another
// table.
func (s *Suite) Explain(id string, d engine.Dialect) (rule, where, sql string, err error) {
	var schema table.Schema
	for _, c := range s.Columns {
		if c.Type != nil {
			schema.Fields = append(schema.Fields, table.Field{Name: c.Name, Type: *c.Type, Nullable: true})
		}
	}
	plan, err := s.Only(id).Plan(schema, nil)
	if err != nil {
		return "", "", "", err
	}
	r := plan.rules[0]
	sql, err = plan.sql(d, r, cel.Facts{Now: time.Now()})
	return r.cel, r.where, sql, err
}

// Compiled is the example's CEL with its parameters put in, and that of the rows
// it judges ("" is all).
func (e Example) Compiled() (rule, where string) {
	plan, err := e.suite.Plan(e.Relation.Schema, e.schemas())
	if err != nil {
		return "", ""
	}
	return plan.rules[0].cel, plan.rules[0].where
}

func (e Example) schemas() map[string]table.Schema {
	schemas := map[string]table.Schema{}
	for name, rel := range e.Tables {
		schemas[name] = rel.Schema
	}
	return schemas
}

// cell makes a text fit for a cell of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "*", "\\*").Replace(text)
}

// code is a text as code in a cell of a Markdown table.
func code(text string) string {
	text = strings.NewReplacer("|", "\\|", "\n", `\n`, "\t", `\t`).Replace(text)
	if text == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		text = " " + text + " "
	}
	return fence + text + fence
}

// yamlText writes a node as YAML in one line.
func yamlText(n *yamlpos.Node) string {
	switch n.Kind {
	case yamlpos.Sequence:
		var items []string
		for _, i := range n.Items {
			items = append(items, yamlText(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case yamlpos.Mapping:
		var items []string
		for _, x := range n.Entries {
			items = append(items, x.Key.Text+": "+yamlText(x.Value))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	if n.Null {
		return "null"
	}
	if n.Style == yamlpos.Plain {
		return n.Text
	}
	return strconv.Quote(n.Text)
}

// Index is the first page of the reference of kinds, in Markdown: by dimension,
// with the first sentence of each kind's prose.
func Index(kinds []Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Kinds of expectations\n\n%d kinds. A kind is a named CEL template with parameters: `dq explain KIND` shows one, `dq explain` lists them.\n", len(kinds))
	for _, d := range dimensions {
		fmt.Fprintf(&b, "\n## %s\n\n| kind | scope | |\n|---|---|---|\n", strings.ToUpper(d[:1])+d[1:])
		for _, k := range kinds {
			if k.Dimension == d {
				fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", k.Name, k.Name, k.Scope, cell(k.Summary()))
			}
		}
	}
	return b.String()
}

// Summary is the first sentence of the kind's prose.
func (k *Kind) Summary() string {
	doc := strings.Join(strings.Fields(k.Doc), " ")
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	return doc
}
