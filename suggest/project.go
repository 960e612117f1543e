package suggest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Project is a pipeline for files that have none: they are landed as text in layer
// bronze, and typed in layer silver, where the learned suites judge them.
type Project struct {
	Name   string // of the pipeline
	Owner  string // who answers for the tables
	Email  string
	Tables []ProjectTable
}

// ProjectTable is a table of a [Project].
type ProjectTable struct {
	Name  string       // orders
	Files string       // which hold it: data/orders.csv
	Text  table.Schema // as delivered, all of it text
	Suite *Suite       // learned from the same rows with their types
}

// ProjectFile is a file of a project, with its path below the project's folder.
type ProjectFile struct {
	Path string
	Data []byte
}

// unreadable is the column of a silver table that says what could not be read as its type.
const unreadable = "unreadable"

// Unfit names the columns of typed that cannot be read from their text as a model
// does it, for more than one in twenty values: dates in a form of their own, say.
// Text is attached under that name. Cost: a scan.
func Unfit(ctx context.Context, s engine.Session, d engine.Dialect, text string, typed table.Schema) ([]string, error) {
	var items, names []string
	for _, f := range typed.Fields {
		if f.Type.Kind == table.String {
			continue
		}
		fits, _ := d.Fit(d.Ident(f.Name), table.Type{Kind: table.String}, f.Type)
		items = append(items, fmt.Sprintf("count(CASE WHEN NOT %s THEN 1 END) * 20 > count(%s)", fits, d.Ident(f.Name)))
		names = append(names, f.Name)
	}
	if len(items) == 0 {
		return nil, nil
	}
	answer, err := s.Query(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+d.Relation(text))
	if err != nil {
		return nil, fmt.Errorf("suggestions for %s: %w", text, err)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		yes, _ := answer.Values[0][slices.Index(names, name)].(bool)
		return !yes
	}), nil
}

// Files writes the project: pipeline.yaml, owners.yaml, .gitignore, and for each
// table two suites and a model. Models are in the dialect of the engine that runs
// them. A column called like [unreadable] leaves the model without its own.
func (p *Project) Files(d engine.Dialect) []ProjectFile {
	files := []ProjectFile{
		{"pipeline.yaml", []byte(p.pipeline())},
		{"owners.yaml", []byte(fmt.Sprintf("# Who answers for a table. Suites name them in `owner:`.\nowners:\n  %s: {email: %s}\n", scalar(p.Owner), scalar(p.Email)))},
		{".gitignore", []byte("/warehouse/\n/reports/\n")},
	}
	for i := range p.Tables {
		t := &p.Tables[i]
		files = append(files,
			ProjectFile{"suites/bronze/" + t.Name + ".yaml", []byte(t.bronze(p.Owner))},
			ProjectFile{"models/silver/" + t.Name + ".sql", []byte(t.model(d))},
			ProjectFile{"suites/silver/" + t.Name + ".yaml", t.silver(p.Owner)})
	}
	return files
}

func (p *Project) pipeline() string {
	var b strings.Builder
	b.WriteString("# Run it with: dq run\n")
	fmt.Fprintf(&b, "version: 1\npipeline: %s\nlayers:\n  bronze: # as delivered\n    tables:\n", scalar(p.Name))
	for _, t := range p.Tables {
		rewrite := ""
		if !strings.ContainsAny(t.Files, "*?[") { // the one file is all there is
			rewrite = ", on_rewrite: replace"
		}
		fmt.Fprintf(&b, "      %s: {source: {files: %s%s}}\n", scalar(t.Name), scalar(t.Files), rewrite)
	}
	b.WriteString("  silver: # typed and judged\n    tables:\n")
	for _, t := range p.Tables {
		how := "{mode: overwrite}"
		if key := t.key(); key != "" {
			how = fmt.Sprintf("{mode: merge, keys: [%s], incremental: bronze.%s}", scalar(key), t.Name)
		}
		fmt.Fprintf(&b, "      %s: %s\n", scalar(t.Name), how)
	}
	b.WriteString("owners: owners.yaml\nreports: {html: reports/}\n")
	return b.String()
}

// key is a column that every row has, each with a value of its own; "" for none.
func (t *ProjectTable) key() string {
	whole := func(kind, column string) bool {
		return slices.ContainsFunc(t.Suite.Rules, func(r Rule) bool { return r.Kind == kind && r.Column == column && r.Exceptions == 0 })
	}
	for _, c := range t.Suite.Columns {
		if whole("unique", c.Name) && whole("not_null", c.Name) {
			return c.Name
		}
	}
	return ""
}

func (t *ProjectTable) bronze(owner string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\ntable: bronze.%s\nowner: %s\ncolumns:\n", t.Name, scalar(owner))
	for _, f := range t.Text.Fields {
		fmt.Fprintf(&b, "  %s: {type: string}\n", scalar(f.Name))
	}
	b.WriteString("expectations:\n  filled: {row_count: {min: 1}}\n")
	return b.String()
}

// typed are the columns that the model gives, with their types.
func (t *ProjectTable) typed() []table.Field {
	var fields []table.Field
	for _, c := range t.Suite.Columns {
		if typ, err := table.ParseType(c.Type); err == nil {
			fields = append(fields, table.Field{Name: c.Name, Type: typ})
		}
	}
	return fields
}

// tells reports whether the model says what could not be read.
func (t *ProjectTable) tells() bool {
	typed := t.typed()
	return !slices.ContainsFunc(typed, func(f table.Field) bool { return strings.EqualFold(f.Name, unreadable) }) &&
		slices.ContainsFunc(typed, func(f table.Field) bool { return f.Type.Kind != table.String })
}

func (t *ProjectTable) model(d engine.Dialect) string {
	var casts, items, bad []string
	for _, f := range t.typed() {
		id, text := d.Ident(f.Name), d.Ident(f.Name+" text")
		items = append(items, id)
		if f.Type.Kind == table.String {
			casts = append(casts, id)
			continue
		}
		_, value := d.Fit(id, table.Type{Kind: table.String}, f.Type)
		casts = append(casts, value+" AS "+id)
		if t.tells() {
			casts = append(casts, id+" AS "+text)
			bad = append(bad, fmt.Sprintf("CASE WHEN %s IS NULL THEN %s || %s END", id, d.Literal(f.Name+"="), text))
		}
	}
	typed := "SELECT\n    " + strings.Join(casts, ",\n    ") + "\n  FROM bronze." + d.Ident(t.Name)
	if !t.tells() {
		return strings.ReplaceAll(typed, "\n  ", "\n") + "\n"
	}
	return "-- Text becomes types. What cannot be read is null and named in `unreadable`, so\n" +
		"-- that the suite can quarantine the row.\n" +
		"WITH typed AS (\n  " + typed + "\n)\nSELECT\n  " + strings.Join(items, ", ") +
		",\n  nullif(concat_ws('; ',\n    " + strings.Join(bad, ",\n    ") + "), '') AS " + unreadable + "\nFROM typed\n"
}

func (t *ProjectTable) silver(owner string) []byte {
	s := *t.Suite
	s.Table = "silver." + t.Name
	s.Owner = owner
	// Files that stay as they are grow old, and that is nobody's mistake.
	s.Rules = slices.DeleteFunc(slices.Clone(s.Rules), func(r Rule) bool { return r.Kind == "freshness" })
	if t.tells() {
		s.Columns = append(slices.Clone(s.Columns), Column{unreadable, "string"})
		s.Rules = append(s.Rules, Rule{ID: unreadable + ".is_null", Column: unreadable, Kind: "is_null", OnFail: "quarantine",
			Why: "what could not be read as its type"})
	}
	return s.YAML()
}
