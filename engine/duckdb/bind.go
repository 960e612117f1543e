package duckdb

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// stubs is the instance in which user SQL is bound: empty tables, no file access.
// A session has its own, so that the plan's names are the same in every run.
type stubs struct {
	db    *sql.DB
	conn  *sql.Conn
	other *sql.Conn         // for what is asked at the same time
	known map[string]string // by key of the relation, the statement that made its stub
	last  bound
}

// bound is a SELECT with its plan.
type bound struct {
	query string
	plan  engine.Plan
}

func openStubs(ctx context.Context) (*stubs, error) {
	db, err := openInstance(url.Values{"threads": {"1"}}, "SET GLOBAL enable_external_access = false")
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return nil, wrap(ctx, err, "duckdb: bind")
	}
	other, err := db.Conn(ctx)
	if err != nil {
		_ = conn.Close()
		_ = db.Close()
		return nil, wrap(ctx, err, "duckdb: bind")
	}
	return &stubs{db: db, conn: conn, other: other, known: map[string]string{}}, nil
}

func (b *stubs) close() error {
	err := b.conn.Close()
	if b.other != b.conn {
		err = errors.Join(err, b.other.Close())
	}
	return errors.Join(err, b.db.Close())
}

// follow makes the stubs those of the relations. One whose columns are as they
// were stays, whatever files the relation has now.
func (b *stubs) follow(ctx context.Context, relations map[string]*relation) error {
	for name := range b.known {
		if relations[name] == nil {
			if err := b.remove(ctx, name); err != nil {
				return err
			}
		}
	}
	for name, r := range relations {
		schema, bare, err := splitName(r.name)
		if err != nil {
			return err
		}
		columns := make([]string, len(r.schema.Fields))
		for i, f := range r.schema.Fields {
			columns[i] = ident(f.Name) + " " + sqlType(f.Type, logical)
			if !f.Nullable {
				columns[i] += " NOT NULL"
			}
		}
		stub := "CREATE TABLE " + ident(schema) + "." + ident(bare) + " (" + strings.Join(columns, ", ") + ")"
		if b.known[name] == stub {
			continue
		}
		if err := b.remove(ctx, name); err != nil {
			return err
		}
		for _, do := range []string{"CREATE SCHEMA IF NOT EXISTS " + ident(schema), stub} {
			if _, err := b.conn.ExecContext(ctx, do); err != nil {
				return wrap(ctx, err, "duckdb: bind: stub of "+r.name)
			}
		}
		b.known[name] = stub
	}
	return nil
}

// remove drops a stub, if it is there. What was bound to it no longer counts.
func (b *stubs) remove(ctx context.Context, name string) error {
	b.last = bound{}
	if b.known[name] == "" {
		return nil
	}
	delete(b.known, name)
	_, err := b.conn.ExecContext(ctx, "DROP TABLE "+dialect{}.Relation(name))
	return wrap(ctx, err, "duckdb: bind: stub of "+name)
}

// Bind checks a user's SELECT; see [engine.Session]. Nothing is read, so it is
// the same for an empty table and a huge one: about 1 ms, 10 ms more the first time,
// and nothing when it is what was bound last. All columns are reported as nullable.
func (s *session) Bind(ctx context.Context, query string) (engine.Plan, error) {
	if s.stubs == nil {
		b, err := openStubs(ctx)
		if err != nil {
			return engine.Plan{}, err
		}
		s.stubs = b
	}
	if err := s.stubs.follow(ctx, s.relations); err != nil {
		return engine.Plan{}, err
	}
	if last := s.stubs.last; last.query == query && last.plan.Tree != nil {
		return last.plan, nil
	}
	names := slices.Collect(maps.Keys(s.relations))
	slices.Sort(names)
	if at := strings.IndexByte(query, 0); at >= 0 || !utf8.ValidString(query) {
		return engine.Plan{}, refuse(at, "the text is not UTF-8 without zero bytes", "")
	}
	// The plan is asked for beside the parse tree. The statement itself is prepared
	// only when it is known to be one SELECT that may stand here.
	var plan engine.Plan
	var planErr error
	var beside sync.WaitGroup
	beside.Go(func() { plan.Tree, planErr = s.stubs.plan(ctx, query, names) })
	err := s.stubs.parse(ctx, query)
	beside.Wait()
	if err == nil {
		err = planErr
	}
	if err != nil {
		return engine.Plan{}, err
	}
	if plan.Reads, plan.Beyond, err = s.scans(plan.Tree); err != nil {
		return engine.Plan{}, err
	}
	beside.Go(func() { plan.Where, plan.Totals = needs(plan.Tree) })
	plan.Schema, err = s.stubs.result(ctx, query)
	beside.Wait()
	if err != nil {
		return engine.Plan{}, err
	}
	s.stubs.last = bound{query, plan}
	return plan, nil
}

// answer is what json_serialize_sql and json_serialize_plan say of a statement.
type answer struct {
	Error      bool
	Type       string            `json:"error_type"`
	Message    string            `json:"error_message"`
	Position   string            `json:"position"`
	Candidates string            `json:"candidates"`
	Statements []json.RawMessage `json:"statements"`
	Plans      []json.RawMessage `json:"plans"`
}

// ask calls one of the two functions. Their argument is a literal: nothing of
// the user's text is run.
func (b *stubs) ask(ctx context.Context, conn *sql.Conn, call string) (string, answer, error) {
	var text string
	var a answer
	if err := conn.QueryRowContext(ctx, "SELECT CAST("+call+" AS VARCHAR)").Scan(&text); err != nil {
		return "", a, wrap(ctx, err, "duckdb: bind")
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return "", a, fmt.Errorf("duckdb: bind: the plan is not understood: %w", err)
	}
	return text, a, nil
}

// parse refuses what is not exactly one plain SELECT.
func (b *stubs) parse(ctx context.Context, query string) error {
	_, a, err := b.ask(ctx, b.conn, "json_serialize_sql("+literal(query)+")")
	if err != nil {
		return err
	}
	switch {
	case a.Error && a.Type == "not implemented":
		return refuse(-1, "only a SELECT can stand here", "write one SELECT; dq stores its result itself")
	case a.Error:
		return a.bindError(nil)
	case len(a.Statements) == 0:
		return refuse(-1, "there is no statement", "write one SELECT")
	case len(a.Statements) > 1:
		return refuse(-1, fmt.Sprintf("there are %d statements", len(a.Statements)), "write one SELECT")
	}
	var statement any
	if err := json.Unmarshal(a.Statements[0], &statement); err != nil {
		return fmt.Errorf("duckdb: bind: the statement is not understood: %w", err)
	}
	return walk(statement, func(node map[string]any) error {
		at := location(node)
		switch node["type"] {
		case "VALUE_PARAMETER":
			return refuse(at, "parameters (?, $1) have no value here", "write the value")
		case "TABLE_FUNCTION":
			f, _ := node["function"].(map[string]any)
			if name, _ := f["function_name"].(string); !generators[strings.ToLower(name)] {
				return refuse(at, "the table function "+name+" cannot be used here", "SQL reads tables only; a file is made a table in the pipeline")
			}
		case "SHOW_REF":
			return refuse(at, "DESCRIBE, SHOW and SUMMARIZE are no SELECT", "write one SELECT")
		case "BASE_TABLE":
			if c, _ := node["catalog_name"].(string); c != "" {
				return refuse(at, fmt.Sprintf("%s.%s.%s: the name of a table has one or two parts", c, node["schema_name"], node["table_name"]), "write layer.table")
			}
		}
		return nil
	})
}

// plan binds the statement and returns its logical plan.
func (b *stubs) plan(ctx context.Context, query string, names []string) ([]byte, error) {
	text, a, err := b.ask(ctx, b.other, "json_serialize_plan("+literal(query)+", skip_null := true, skip_default := true)")
	if err != nil {
		return nil, err
	}
	if a.Error {
		return nil, a.bindError(names)
	}
	return []byte(text), nil
}

// unbindable is what DuckDB stumbles over, an error of its own: it would run the
// statement no better.
func unbindable(said string) error {
	return refuse(-1, "DuckDB fails at this statement: "+said,
		"write it in another way: an UNNEST that is computed with in a subquery of its own, a parameter with a cast")
}

// bindError is the error of DuckDB with its position and candidates.
func (a answer) bindError(names []string) error {
	if a.Type == "internal" {
		return unbindable(a.Message)
	}
	e := &engine.BindError{Message: a.Message, Offset: -1}
	if at, err := strconv.Atoi(a.Position); err == nil {
		e.Offset = at
	}
	// The candidates follow in lines of their own; they come back as the hint.
	e.Message, _, _ = strings.Cut(e.Message, "\nDid you mean")
	e.Message, _, _ = strings.Cut(e.Message, "\n\tCandidate functions:") // there may be fifty
	message, rest, _ := strings.Cut(e.Message, "\nCandidate ")
	e.Message = strings.TrimSpace(message)
	candidates := strings.Split(a.Candidates, ",")
	if a.Candidates == "" { // some errors name them in their text only
		candidates = nil
		for i, name := range strings.Split(rest, `"`) {
			if i%2 == 1 {
				candidates = append(candidates, name)
			}
		}
	}
	if len(candidates) > 0 && !strings.Contains(a.Candidates, "->") { // types of arguments are no names
		e.Hint = "did you mean " + strings.Join(candidates, ", ") + "?"
	}
	switch {
	case a.Type == "permission":
		e.Hint = "SQL reads tables only; a file is made a table in the pipeline"
	case e.Hint == "" && strings.HasPrefix(e.Message, "Table with name"):
		e.Hint = "the tables are " + strings.Join(names, ", ")
	}
	return e
}

func refuse(offset int, message, hint string) error {
	return &engine.BindError{Message: message, Offset: offset, Hint: hint}
}

// operators are what the plan of a SELECT over tables may hold.
var operators = map[string]bool{
	"LOGICAL_PROJECTION": true, "LOGICAL_FILTER": true, "LOGICAL_AGGREGATE_AND_GROUP_BY": true, "LOGICAL_WINDOW": true,
	"LOGICAL_UNNEST": true, "LOGICAL_LIMIT": true, "LOGICAL_ORDER_BY": true, "LOGICAL_TOP_N": true, "LOGICAL_DISTINCT": true,
	"LOGICAL_SAMPLE": true, "LOGICAL_PIVOT": true, "LOGICAL_GET": true, "LOGICAL_DELIM_GET": true, "LOGICAL_EXPRESSION_GET": true,
	"LOGICAL_DUMMY_SCAN": true, "LOGICAL_EMPTY_RESULT": true, "LOGICAL_CHUNK_GET": true, "LOGICAL_CTE_REF": true, "LOGICAL_JOIN": true,
	"LOGICAL_DELIM_JOIN": true, "LOGICAL_COMPARISON_JOIN": true, "LOGICAL_ANY_JOIN": true, "LOGICAL_CROSS_PRODUCT": true,
	"LOGICAL_POSITIONAL_JOIN": true, "LOGICAL_ASOF_JOIN": true, "LOGICAL_DEPENDENT_JOIN": true, "LOGICAL_UNION": true,
	"LOGICAL_EXCEPT": true, "LOGICAL_INTERSECT": true, "LOGICAL_RECURSIVE_CTE": true, "LOGICAL_MATERIALIZED_CTE": true,
}

// generators are the table functions that read nothing.
var generators = map[string]bool{"range": true, "generate_series": true, "unnest": true, "repeat": true, "repeat_row": true}

// forbidden are the scalar functions that tell of, or change, what is outside the data.
var forbidden = map[string]bool{
	"current_setting": true, "getenv": true, "getvariable": true, "write_log": true, "nextval": true, "currval": true, "setseed": true,
	"current_query": true, "current_connection_id": true, "txid_current": true,
}

// varying are the scalar functions that give something else each time they are
// asked, at least in another statement.
var varying = map[string]bool{
	"random": true, "uuid": true, "gen_random_uuid": true, "uuidv4": true, "uuidv7": true,
	"now": true, "today": true, "transaction_timestamp": true, "current_date": true, "get_current_time": true, "get_current_timestamp": true,
	"current_localtime": true, "current_localtimestamp": true, "current_query_id": true, "current_transaction_id": true,
}

// rowwise are the operators that make each row of one row, and what the others are.
var (
	rowwise = map[string]bool{"LOGICAL_PROJECTION": true, "LOGICAL_FILTER": true, "LOGICAL_GET": true, "LOGICAL_DUMMY_SCAN": true, "LOGICAL_EMPTY_RESULT": true}
	wider   = map[string]string{"LOGICAL_AGGREGATE_AND_GROUP_BY": "an aggregate", "LOGICAL_WINDOW": "a window function", "LOGICAL_UNNEST": "unnest"}
)

// beyond names what in a node of a plan is more than a function of the row, or "".
func beyond(node map[string]any) string {
	kind, _ := node["type"].(string)
	name, _ := node["name"].(string)
	arguments, _ := node["children"].([]any)
	switch {
	case kind == "BOUND_FUNCTION" && (varying[name] || name == "age" && len(arguments) == 1): // age up to now
		return name + "()"
	case wider[kind] != "":
		return wider[kind]
	case strings.HasPrefix(kind, "LOGICAL_") && !rowwise[kind]:
		return "a subquery"
	}
	return ""
}

// scans checks the plan, names the attached relations that it reads, and says what
// of it is more than a function of the row.
func (s *session) scans(tree []byte) (names []string, more string, err error) {
	var plan struct{ Plans []any }
	if err := json.Unmarshal(tree, &plan); err != nil {
		return nil, "", fmt.Errorf("duckdb: bind: the plan is not understood: %w", err)
	}
	reads := map[string]bool{}
	err = walk(any(plan.Plans), func(node map[string]any) error {
		kind, _ := node["type"].(string)
		name, _ := node["name"].(string)
		more = cmp.Or(more, beyond(node))
		switch {
		case kind == "LOGICAL_GET" && name == "seq_scan":
			data, _ := node["function_data"].(map[string]any)
			schema, _ := data["schema"].(string)
			relation, _ := data["table"].(string)
			r := s.relations[key(schema+"."+relation)]
			if r == nil {
				return refuse(-1, relation+" is no table that was attached", "")
			}
			reads[r.name] = true
		case kind == "LOGICAL_GET" && !generators[name]:
			return refuse(location(node), fmt.Sprintf("%s is no table that can be read here", name), "SQL reads tables only")
		case strings.HasPrefix(kind, "LOGICAL_") && !operators[kind]:
			return refuse(-1, "only a SELECT can stand here", "write one SELECT")
		case kind == "BOUND_FUNCTION" && forbidden[name]:
			return refuse(location(node), "the function "+name+" cannot be used here", "")
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return slices.Sorted(maps.Keys(reads)), more, nil
}

// result says which columns the statement returns, and refuses names and types
// that no table can have.
func (b *stubs) result(ctx context.Context, query string) (schema table.Schema, err error) {
	err = prepared(ctx, b.conn, query, "duckdb: bind", func(stmt *driver.Stmt) error {
		schema, _, err = columns(stmt, false)
		if err != nil && strings.Contains(err.Error(), "empty name") { // the driver has no such type
			return refuse(-1, "a value of the result is several values in one, without names", "write one value, or name those in it: {'a': 1, 'b': 2}")
		}
		return wrap(ctx, err, "duckdb: bind")
	})
	if err != nil {
		return table.Schema{}, err
	}
	for _, f := range schema.Fields {
		switch {
		case strings.TrimSpace(f.Name) == "":
			return table.Schema{}, refuse(-1, "a column of the result has no name", "name it: expression AS name")
		case f.Type.Kind == "":
			return table.Schema{}, refuse(-1, fmt.Sprintf("column %q has a type that no table can have", f.Name), "cast it: CAST(… AS VARCHAR), or epoch_us(…) for an interval")
		}
	}
	if dup := duplicate(schema.Names()); dup != "" {
		return table.Schema{}, refuse(-1, fmt.Sprintf("two columns of the result are called %q (names are compared without case)", dup), "name them apart: expression AS name")
	}
	return schema, nil
}

// walk visits every object of a JSON value, parents first.
func walk(v any, visit func(map[string]any) error) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := walk(e, visit); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := visit(v); err != nil {
			return err
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if err := walk(v[k], visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// location is where in the SQL text a node of the tree comes from, or -1.
func location(node map[string]any) int {
	if at, ok := node["query_location"].(float64); ok && at < 1<<31 {
		return int(at)
	}
	return -1
}
