package duckdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// hiddenSchema holds what a session keeps beside the relations: lists of files,
// deleted rows, parsed text.
const hiddenSchema = "dq_hidden"

// session is one database in memory inside the engine's instance, and one
// connection to it.
type session struct {
	conn      *sql.Conn
	engine    *Engine
	functions *registration // of the instance
	computers []int32       // of this session
	catalog   string
	relations map[string]*relation // by key
	schemas   map[string]bool      // that were made
	count     int                  // of hidden tables, for their names
	stubs     *stubs               // nil until something is bound
}

// key is what the names of one relation have in common: orders, Orders, main.orders.
func key(name string) string { return strings.TrimPrefix(strings.ToLower(name), "main.") }

// relation is what is attached under a name.
type relation struct {
	name   string
	schema table.Schema
	isView bool
	scan   bool     // a view of a Parquet scan, which names no relation
	body   string   // the view with its SELECT, in main
	hidden []string // tables that belong to it, as SQL
	text   *text    // CSV or JSON, else nil
	root   string   // of Parquet
	files  []table.File

	provenance bool
}

var (
	_ engine.Session  = (*session)(nil)
	_ engine.Rejecter = (*session)(nil)
	_ engine.Counter  = (*session)(nil)
	_ engine.Repeater = (*session)(nil)
	_ engine.Computer = (*session)(nil)
	_ engine.Exporter = (*session)(nil)
	_ engine.Vectorer = (*session)(nil)
)

// Session opens a name space: one connection, about 1 ms.
func (e *Engine) Session(ctx context.Context) (engine.Session, error) {
	return e.session(ctx, e.db, &e.functions)
}

// Small opens a name space in an instance of one thread; see [engine.Engine].
// In an instance of several, the calling thread polls while another has the only
// task there is: a sixth of the time of a run over one day's rows.
func (e *Engine) Small(ctx context.Context) (engine.Session, error) {
	db, err := e.small()
	if err != nil {
		return nil, err
	}
	return e.session(ctx, db, &e.smallFunctions)
}

func (e *Engine) session(ctx context.Context, db *sql.DB, functions *registration) (engine.Session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, wrap(ctx, err, "duckdb: session")
	}
	s := &session{conn: conn, engine: e, functions: functions, catalog: fmt.Sprintf("dq_session_%d", e.sessions.Add(1)), relations: map[string]*relation{}, schemas: map[string]bool{"main": true}}
	for _, do := range []string{
		"ATTACH ':memory:' AS " + s.catalog + " (COMPRESS)",
		"USE " + s.catalog,
		"CREATE SCHEMA " + hiddenSchema,
	} {
		if err := s.exec(ctx, do, "duckdb: session"); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close forgets the relations and frees their memory.
func (s *session) Close() error {
	ctx := context.Background()
	for _, n := range s.computers {
		computers.remove(n)
	}
	err := s.exec(ctx, "USE memory", "duckdb: close session")
	if err == nil {
		err = s.exec(ctx, "DETACH "+s.catalog, "duckdb: close session")
	}
	if s.stubs != nil {
		err = errors.Join(err, s.stubs.close())
	}
	return errors.Join(err, s.conn.Close())
}

// exec runs one statement that dq composed.
func (s *session) exec(ctx context.Context, statement, doing string) error {
	_, err := s.conn.ExecContext(ctx, statement)
	return wrap(ctx, err, doing)
}

// prepared prepares one statement and hands it to use. A text that holds several
// is refused: the driver would run all but the last while it prepares them.
func prepared(ctx context.Context, conn *sql.Conn, statement, doing string, use func(*driver.Stmt) error) error {
	if ctx.Err() != nil {
		return wrap(ctx, ctx.Err(), doing)
	}
	return conn.Raw(func(raw any) error {
		st, err := raw.(*driver.Conn).Prepare(statement)
		if err != nil {
			return wrap(ctx, err, doing)
		}
		stmt := st.(*driver.Stmt)
		defer func() { _ = stmt.Close() }()
		return use(stmt)
	})
}

// columns are the names and types that a statement returns; of a variant, which no
// table can have, only if it is asked for.
func columns(stmt *driver.Stmt, variants bool) (table.Schema, []driver.TypeInfo, error) {
	n, err := stmt.ColumnCount()
	if err != nil {
		return table.Schema{}, nil, err
	}
	schema, infos := table.Schema{}, make([]driver.TypeInfo, n)
	for i := range n {
		name, err := stmt.ColumnName(i)
		if err != nil {
			return table.Schema{}, nil, err
		}
		if infos[i], err = stmt.ColumnTypeInfo(i); err != nil {
			return table.Schema{}, nil, err
		}
		t, ok := tableType(infos[i])
		if !ok || !variants && holds([]table.Field{{Type: t}}, variant) {
			t = table.Type{} // said by those who need a type
		}
		schema.Fields = append(schema.Fields, table.Field{Name: name, Type: t, Nullable: true})
	}
	return schema, infos, nil
}

// typeOf says what a SELECT returns, without running it.
func (s *session) typeOf(ctx context.Context, query, doing string) (schema table.Schema, err error) {
	err = prepared(ctx, s.conn, query, doing, func(stmt *driver.Stmt) error {
		schema, _, err = columns(stmt, false)
		return wrap(ctx, err, doing)
	})
	return schema, err
}

// Query runs one SELECT and returns all its rows.
func (s *session) Query(ctx context.Context, query string) (*engine.Rows, error) {
	if err := s.loadText(ctx); err != nil {
		return nil, err
	}
	return s.ask(ctx, query, "duckdb: query")
}

// ask runs one SELECT, whatever is attached.
func (s *session) ask(ctx context.Context, query, doing string) (*engine.Rows, error) {
	rows, again := &engine.Rows{}, ""
	err := prepared(ctx, s.conn, query, doing, func(stmt *driver.Stmt) error {
		if kind, err := stmt.StatementType(); err != nil || kind != driver.STATEMENT_TYPE_SELECT {
			return fmt.Errorf("%s: only a SELECT can be asked", doing)
		}
		schema, infos, err := columns(stmt, false)
		if err != nil {
			return wrap(ctx, err, doing)
		}
		for i := range schema.Fields {
			if schema.Fields[i].Type.Kind == "" { // an interval or the like comes as text
				schema.Fields[i].Type = table.Type{Kind: table.String}
			}
		}
		if again = textKeys(query, schema); again != "" {
			return nil
		}
		rows.Schema = schema
		result, err := stmt.QueryContext(ctx, nil)
		if err != nil {
			return wrap(ctx, err, doing)
		}
		defer func() { _ = result.Close() }()
		raw := make([]sqldriver.Value, len(infos))
		for {
			if err := result.Next(raw); err == io.EOF {
				return nil
			} else if err != nil {
				return wrap(ctx, err, doing)
			}
			row := make([]any, len(raw))
			for i, v := range raw {
				row[i] = value(v, infos[i])
			}
			rows.Values = append(rows.Values, row)
		}
	})
	if err != nil {
		return nil, err
	}
	if again != "" {
		return s.ask(ctx, again, doing)
	}
	return rows, nil
}

// textKeys is the query with the keys of its maps as texts, or "" when they are:
// the driver cannot make a Go map of every type of key.
func textKeys(query string, schema table.Schema) string {
	items, names, changed := make([]string, len(schema.Fields)), make([]string, len(schema.Fields)), false
	for i, f := range schema.Fields {
		names[i] = "c" + strconv.Itoa(i)
		items[i] = names[i] + " AS " + ident(f.Name)
		if t, ok := withTextKeys(f.Type); ok {
			items[i], changed = "CAST("+names[i]+" AS "+sqlType(t, logical)+") AS "+ident(f.Name), true
		}
	}
	if !changed {
		return ""
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM (" + query + "\n) AS dq_maps(" + strings.Join(names, ", ") + ")"
}

// withTextKeys is a type whose maps have texts as keys, and whether it is another one.
func withTextKeys(t table.Type) (table.Type, bool) {
	changed := false
	inner := func(p *table.Type) *table.Type {
		next, ok := withTextKeys(*p)
		changed = changed || ok
		return &next
	}
	switch t.Kind {
	case table.Array:
		t.Elem = inner(t.Elem)
	case table.Map:
		changed = t.Key.Kind != table.String
		t.Key, t.Elem = &table.Type{Kind: table.String}, inner(t.Elem)
	case table.Struct:
		t.Fields = slices.Clone(t.Fields)
		for i := range t.Fields {
			t.Fields[i].Type = *inner(&t.Fields[i].Type)
		}
	}
	return t, changed
}

// hide names a new hidden table.
func (s *session) hide(what string) string {
	s.count++
	return fmt.Sprintf("%s.%s.%s_%d", s.catalog, hiddenSchema, what, s.count)
}

// appendTo fills a hidden table, made by hide, with rows.
func (s *session) appendTo(ctx context.Context, hidden, doing string, rows func(add func(...sqldriver.Value) error) error) error {
	name := hidden[strings.LastIndexByte(hidden, '.')+1:]
	err := s.conn.Raw(func(raw any) error {
		a, err := driver.NewAppender(raw.(sqldriver.Conn), s.catalog, hiddenSchema, name)
		if err != nil {
			return err
		}
		if err := rows(a.AppendRow); err != nil {
			_ = a.Close()
			return err
		}
		return a.Close()
	})
	return wrap(ctx, err, doing)
}
