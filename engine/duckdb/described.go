package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Described binds SQL over tables that are only described, for lineage. It holds
// no data, reads no file and runs nothing.
type Described struct {
	stubs  *stubs
	tables []*described
	views  []view
}

// view is a view of a script: its name as written, and the statement that makes it.
type view struct{ name, statement string }

// described is a table with its columns.
type described struct {
	name    []string // catalog, schema and table, or fewer
	columns []Column
}

// Column is a column of a described table. Its type is as SQL spells it, DuckDB's
// or that of another dialect; see [Spell].
type Column struct{ Name, Type string }

// OpenDescribed opens one without tables: about 10 ms.
func OpenDescribed(ctx context.Context) (*Described, error) {
	b, err := openStubs(ctx)
	if err != nil {
		return nil, err
	}
	// Tables of the schema temp are known to one connection.
	err = b.other.Close()
	b.other = b.conn
	return &Described{stubs: b}, err
}

// Close forgets the tables.
func (d *Described) Close() error { return d.stubs.close() }

// Table describes a table: orders, sales.orders or lake.sales.orders, parts in
// double quotes where they are no words. It returns the name that plans have for it.
func (d *Described) Table(ctx context.Context, name string, columns []Column) (string, error) {
	t := &described{columns: slices.Clone(columns)}
	for i, part := range tokens(name) {
		if (i%2 == 1) != (part.text == ".") {
			return "", fmt.Errorf("%s is no name; write table or schema.table, what is no word in double quotes", name)
		}
		if i%2 == 0 {
			t.name = append(t.name, unquoted(name[part.start:part.end]))
		}
	}
	if len(t.name) == 0 || len(t.name) > 3 || strings.HasSuffix(name, ".") {
		return "", fmt.Errorf("%q is no name; write table, schema.table or catalog.schema.table", name)
	}
	for i, c := range t.columns {
		spelled, err := Spell(c.Type)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.Name, err)
		}
		t.columns[i].Type = spelled
	}
	if len(t.name) == 3 {
		if err := d.make(ctx, "ATTACH IF NOT EXISTS ':memory:' AS "+ident(t.name[0])); err != nil {
			return "", err
		}
	}
	if len(t.name) > 1 && !strings.EqualFold(t.name[0], "temp") { // which is there
		if err := d.make(ctx, "CREATE SCHEMA IF NOT EXISTS "+d.path(t.name[:len(t.name)-1])); err != nil {
			return "", err
		}
	}
	d.tables = append(d.tables, t)
	return strings.Join(t.name, "."), d.create(ctx, t)
}

func (d *Described) path(name []string) string {
	parts := make([]string, len(name))
	for i, part := range name {
		parts[i] = ident(part)
	}
	return strings.Join(parts, ".")
}

// create makes the table, also in place of what it was before.
func (d *Described) create(ctx context.Context, t *described) error {
	parts := make([]string, len(t.columns))
	for i, c := range t.columns {
		parts[i] = ident(c.Name) + " " + c.Type
	}
	what := "TABLE "
	if len(t.name) > 1 && strings.EqualFold(t.name[0], "temp") {
		what = "TEMP TABLE "
	}
	return d.make(ctx, "CREATE OR REPLACE "+what+d.path(t.name)+" ("+strings.Join(parts, ", ")+")")
}

// Result are the columns that a SELECT returns; of types that cannot be told, VARCHAR.
func (d *Described) Result(ctx context.Context, query string) ([]Column, error) {
	rows, err := d.stubs.conn.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ("+query+"\n) AS dq_q)")
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(message(err), ": "))
	}
	defer func() { _ = rows.Close() }()
	var out []Column
	for rows.Next() {
		var c Column
		if err := rows.Scan(&c.Name, &c.Type); err != nil {
			return nil, wrap(ctx, err, "duckdb: bind")
		}
		if _, err := Spell(c.Type); err != nil {
			c.Type = "VARCHAR"
		}
		out = append(out, c)
	}
	return out, wrap(ctx, rows.Err(), "duckdb: bind")
}

// forget takes back what has a name that a script gives to another table or view.
func (d *Described) forget(ctx context.Context, name string) error {
	same := func(other string) bool { return strings.EqualFold(other, strings.Join(Words(name), ".")) }
	for i, t := range d.tables {
		if same(strings.Join(t.name, ".")) {
			d.tables = slices.Delete(d.tables, i, i+1)
			return d.make(ctx, "DROP TABLE "+d.path(t.name))
		}
	}
	for i, v := range d.views {
		if same(strings.Join(Words(v.name), ".")) {
			d.views = slices.Delete(d.views, i, i+1)
			return d.make(ctx, "DROP VIEW "+v.name)
		}
	}
	return nil
}

// Make makes the table of a statement of a script known to those after it, in place of
// one of its name. It returns the name that plans have for it.
func (d *Described) Make(ctx context.Context, name string, columns []Column) (string, error) {
	if err := d.forget(ctx, name); err != nil {
		return "", err
	}
	return d.Table(ctx, name, columns)
}

// View makes the view of a statement of a script known to those after it, in place of
// a table that was described: its columns are what they were made from. The statement
// must not read what it makes.
func (d *Described) View(ctx context.Context, s Statement) error {
	if err := d.forget(ctx, s.Makes); err != nil {
		return err
	}
	columns := ""
	if s.Columns != nil {
		columns = " (" + strings.ReplaceAll(d.path(s.Columns), `"."`, `", "`) + ")"
	}
	if schema, _, ok := strings.Cut(s.Makes, "."); ok && !strings.EqualFold(schema, "temp") {
		if err := d.make(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
			return err
		}
	}
	made := view{s.Makes, "CREATE OR REPLACE VIEW " + s.Makes + columns + " AS " + strings.TrimSpace(s.SQL)}
	d.views = append(d.views, made)
	return d.make(ctx, made.statement)
}

// make runs one statement that defines something.
func (d *Described) make(ctx context.Context, statement string) error {
	err := prepared(ctx, d.stubs.conn, statement, "", func(stmt *driver.Stmt) error {
		_, err := stmt.ExecContext(ctx, nil)
		return err
	})
	if err == nil {
		return nil
	}
	return errors.New(strings.TrimPrefix(message(err), ": "))
}

// Plan binds one SELECT, as [engine.Session] does. But its columns may have any
// type, no name of their own, or each other's; and with USING and NATURAL, where
// DuckDB takes the column of one side, the plan has COALESCE of both, as the
// standard says. So only Schema's names and Tree are of use.
//
// SQL that does not bind over the types as they are described is bound over other
// ones, since lineage does not depend on them: then the plan is right, and retyped
// says what was changed. Where no change helps, the error is the first one.
func (d *Described) Plan(ctx context.Context, query string) (plan engine.Plan, retyped []Retyped, err error) {
	plan, err = d.plan(ctx, query)
	if err != nil {
		return d.retype(ctx, query, err)
	}
	return plan, nil, nil
}

func (d *Described) plan(ctx context.Context, query string) (engine.Plan, error) {
	var plan engine.Plan
	if at := strings.IndexByte(query, 0); at >= 0 {
		return plan, refuse(at, "the text has a zero byte", "")
	}
	text, parsed, err := d.stubs.ask(ctx, d.stubs.conn, "json_serialize_sql("+literal(query)+")")
	switch {
	case err != nil:
		return plan, err
	case parsed.Error && parsed.Type != "not implemented":
		return plan, parsed.bindError(nil)
	case parsed.Error && pivots(query):
		return plan, refuse(-1, "the columns of this PIVOT depend on the data", "name the values: PIVOT t ON column IN ('a', 'b') USING sum(x)")
	case parsed.Error || len(parsed.Statements) != 1:
		return plan, refuse(-1, "only a SELECT has lineage", "write one SELECT")
	}
	if plan.Tree, err = d.stubs.plan(ctx, query, nil); err != nil {
		return plan, err
	}
	err = prepared(ctx, d.stubs.conn, query, "duckdb: bind", func(stmt *driver.Stmt) error {
		n, err := stmt.ColumnCount()
		for i := 0; i < n && err == nil; i++ {
			var f table.Field
			f.Name, err = stmt.ColumnName(i)
			plan.Schema.Fields = append(plan.Schema.Fields, f)
		}
		return err
	})
	if err != nil {
		return plan, err
	}
	both, err := d.stubs.bothSides(ctx, text)
	if err != nil || both == "" {
		return plan, err
	}
	// COALESCE may want other types than the join did.
	if of, _, err := d.Plan(ctx, both); err == nil {
		plan.Tree = of.Tree
	}
	return plan, nil
}

// pivots reports whether a query has a PIVOT, which is no SELECT when it does not name its values.
func pivots(query string) bool {
	words := Words(query)
	begins := func(first ...string) bool {
		return len(words) > 0 && slices.ContainsFunc(first, func(w string) bool { return strings.EqualFold(words[0], w) })
	}
	return begins("PIVOT", "PIVOT_WIDER") || begins("SELECT", "WITH", "FROM") && slices.ContainsFunc(words, func(w string) bool {
		return strings.EqualFold(w, "PIVOT") || strings.EqualFold(w, "PIVOT_WIDER")
	})
}

// bothSides is the statement with its joins with USING and NATURAL as full ones,
// or "" when it has none.
func (b *stubs) bothSides(ctx context.Context, parsed string) (query string, err error) {
	if !strings.Contains(parsed, `"using_columns":["`) && !strings.Contains(parsed, `"NATURAL"`) {
		return "", nil
	}
	var tree any
	decoder := json.NewDecoder(strings.NewReader(parsed))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return "", fmt.Errorf("duckdb: bind: the statement is not understood: %w", err)
	}
	changed := false
	err = walk(tree, func(node map[string]any) error {
		using, _ := node["using_columns"].([]any)
		named := node["ref_type"] == "REGULAR" && len(using) > 0 || node["ref_type"] == "NATURAL"
		if kind := node["join_type"]; node["type"] == "JOIN" && named && (kind == "INNER" || kind == "LEFT" || kind == "RIGHT") {
			node["join_type"], changed = "FULL", true
		}
		return nil
	})
	if err != nil || !changed {
		return "", err
	}
	full, err := json.Marshal(tree)
	if err != nil {
		return "", err
	}
	if err := b.conn.QueryRowContext(ctx, "SELECT json_deserialize_sql("+literal(string(full))+")").Scan(&query); err != nil {
		return "", nil // then the plan of one side it is
	}
	return query, nil
}
