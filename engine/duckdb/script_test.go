package duckdb

import (
	"reflect"
	"strings"
	"testing"
)

func TestScript(t *testing.T) {
	type want struct {
		what, sql, makes string
		columns          []string
	}
	for text, wants := range map[string][]want{
		"":                                   nil,
		" ; -- only this\n/* a; /* b; */ */": nil,
		"SELECT 1":                           {{what: "SELECT", sql: "SELECT 1"}},
		"from t select a;":                   {{what: "SELECT", sql: "from t select a"}},
		"select ';', \";\" as a -- ;\n, $$;$$, $x$;$$;$x$, e'\\';' from t; select 2": {
			{what: "SELECT", sql: "select ';', \";\" as a -- ;\n, $$;$$, $x$;$$;$x$, e'\\';' from t"}, {what: "SELECT", sql: "select 2"}},
		"(select 1) union (select 2)": {{what: "SELECT", sql: "(select 1) union (select 2)"}},
		"EXPLAIN ANALYZE select 1":    {{what: "SELECT", sql: "select 1"}},
		"with a as (select 1), b (x, y) as materialized (select 2) select * from a": {{what: "SELECT", sql: "with a as (select 1), b (x, y) as materialized (select 2) select * from a"}},
		"with a as (select 1) (select * from a)":                                    {{what: "SELECT", sql: "with a as (select 1) (select * from a)"}},
		"create table t as select 1":                                                {{what: "CREATE TABLE", makes: "t", sql: "select 1"}},
		"CREATE OR REPLACE TEMP VIEW \"a b\".c (x, \"y z\") AS (SELECT 1, 2)": {
			{what: "CREATE VIEW", makes: `"a b".c`, columns: []string{"x", "y z"}, sql: "(SELECT 1, 2)"}},
		"create table if not exists t (a int, b decimal(10, 2)) with (x = 1) as with q as (select 1) select * from q": {
			{what: "CREATE TABLE", makes: "t", columns: []string{"a", "b"}, sql: "with q as (select 1) select * from q"}},
		"create table t as select 1 with no data":                    {{what: "CREATE TABLE", makes: "t", sql: "select 1"}},
		"create table t (a int)":                                     {{what: "CREATE TABLE", makes: "t"}},
		"create index i on t (a)":                                    {{what: "CREATE"}},
		"insert into s.t select 1":                                   {{what: "INSERT", sql: "select 1"}},
		"insert into t (a, b) values (1, 2) on conflict do nothing":  {{what: "INSERT", columns: []string{"a", "b"}, sql: "values (1, 2)"}},
		"insert or replace into t by name select 1 as a returning *": {{what: "INSERT", sql: "select 1 as a"}},
		"insert overwrite table t partition (d = 1) select 1":        {{what: "INSERT", sql: "select 1"}},
		"insert into t (select a from b join c on b.i = c.i)":        {{what: "INSERT", sql: "(select a from b join c on b.i = c.i)"}},
		"insert into t default values":                               {{what: "INSERT"}},
		"with q as (select 1 as a) insert into t (b) select a from q": {
			{what: "INSERT", columns: []string{"b"}, sql: "with q as (select 1 as a) " + strings.Repeat(" ", len("insert into t (b) ")) + "select a from q"}},
		"with q as (select 1) update t set a = 1": {{what: "UPDATE"}},
		"copy (select a from t) to 'x.csv'":       {{what: "COPY", sql: "select a from t"}},
		"copy t to 'x.csv'":                       {{what: "COPY"}},
		"set x = 1; selct 1":                      {{what: "SET"}, {what: "SELCT", sql: "selct 1"}},
		"select `a b` from `t`":                   {{what: "SELECT", sql: `select "a b" from "t"`}},
		"select 'open":                            {{what: "SELECT", sql: "select 'open"}},
		"select 1 /* open":                        {{what: "SELECT", sql: "select 1"}},
		"create":                                  {{what: "CREATE"}},
		"insert into t (a":                        {{what: "INSERT", columns: []string{"a"}}},
	} {
		var got []want
		for _, s := range Script(text) {
			got = append(got, want{s.What, strings.TrimSpace(s.SQL), s.Makes, s.Columns})
			if trimmed := strings.TrimLeft(s.SQL, " \n"); s.SQL != "" && !strings.Contains(text, "`") && !strings.HasPrefix(text[len(s.SQL)-len(trimmed):], trimmed[:1]) {
				t.Errorf("%q: the SELECT moved", text)
			}
		}
		if !reflect.DeepEqual(got, wants) {
			t.Errorf("%s\ngot  %q\nwant %q", text, got, wants)
		}
	}
}

// TestScriptTables: what a CREATE TABLE defines, and which columns of which table an
// INSERT fills.
func TestScriptTables(t *testing.T) {
	for text, want := range map[string]Statement{
		"create table if not exists s.t (a int not null, \"b c\" decimal(10, 2) default 1, d ARRAY<STRUCT<x INT, y INT>> comment 'x', e, primary key (a, \"b c\"), constraint k check (a > 1))": {
			What: "CREATE TABLE", Makes: "s.t", Defines: []Column{{"a", "int"}, {"b c", "decimal(10, 2)"}, {"d", "ARRAY<STRUCT<x INT, y INT>>"}, {"e", "VARCHAR"}}},
		"create table t (a odd_type)":      {What: "CREATE TABLE", Makes: "t", Defines: []Column{{"a", "VARCHAR"}}},
		"create table t (":                 {What: "CREATE TABLE"},
		"create table t like s":            {What: "CREATE TABLE"},
		"insert into s.t by name select 1": {What: "INSERT", Changes: "s.t", ByName: true},
		"insert overwrite table t partition (day = '1', hour) select 1, 2": {What: "INSERT", Changes: "t", Fixed: []string{"day"}},
		"insert into t partition (day = '1') (a, b) select 1, 2":           {What: "INSERT", Changes: "t", Fixed: []string{"day"}, Columns: []string{"a", "b"}},
		"update t set a = 1": {What: "UPDATE", Changes: "t"},
		"merge into \"T\" using s on true when matched then delete": {What: "MERGE", Changes: `"T"`},
		"with q as (select 1) delete from s.t":                      {What: "DELETE", Changes: "s.t"},
	} {
		got := Script(text)[0]
		got.SQL = ""
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}

// FuzzScript: no text breaks it, and a SELECT stays where it was.
func FuzzScript(f *testing.F) {
	for _, seed := range []string{"with a as (select 1) insert into t (b) select 1; create view v (a) as select 1", "insert into t (", "create table a.b (", "select ` from $a$ e'\\", "copy (((", "é;\xff;'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range Script(text) {
			if len(s.SQL) > len(text) || s.Offset >= len(text) {
				t.Fatalf("%q: %+v", text, s)
			}
			for i := range s.SQL {
				if c := s.SQL[i]; c != text[i] && c != ' ' && c != '"' {
					t.Fatalf("%q: %q moved at %d", text, s.SQL, i)
				}
			}
		}
		Words(text)
		_, _ = Spell(text)
	})
}

func TestSpell(t *testing.T) {
	for text, want := range map[string]string{
		"INT": "INTEGER", "varchar(20)": "VARCHAR", "NVARCHAR(MAX)": "VARCHAR", "String": "VARCHAR", "INT64": "BIGINT", "character varying(5)": "VARCHAR",
		"DECIMAL": "DECIMAL", "decimal(10,2)": "DECIMAL(10, 2)", "NUMBER(5)": "DECIMAL(5)", "BIGNUMERIC(76, 38)": "DOUBLE", "double precision": "DOUBLE",
		"timestamp": "TIMESTAMP", "TIMESTAMP(3) WITH TIME ZONE": "TIMESTAMPTZ", "timestamp with local time zone": "TIMESTAMPTZ", "time without time zone": "TIME",
		"int unsigned": "INTEGER", "interval year to month": "INTERVAL", "BIGINT NOT NULL": "BIGINT", "enum('a', 'b')": "VARCHAR", "date": "DATE",
		"INTEGER[]": "INTEGER[]", "INT[3][]": "INTEGER[][]", "ARRAY<STRING>": "VARCHAR[]", "list<int>": "INTEGER[]", "ARRAY": "VARCHAR[]", "Nullable(String)": "VARCHAR",
		"MAP<STRING, INT>": "MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, INT[])": "MAP(VARCHAR, INTEGER[])",
		"STRUCT<a INT64, b: ARRAY<STRING>>": `STRUCT("a" BIGINT, "b" VARCHAR[])`, `STRUCT("A b" INT, c STRUCT(d DATE))[]`: `STRUCT("A b" INTEGER, "c" STRUCT("d" DATE))[]`,
		"UNION(n INT, s VARCHAR)": `UNION("n" INTEGER, "s" VARCHAR)`,
	} {
		if got, err := Spell(text); got != want || err != nil {
			t.Errorf("%s is %s, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "a type is missing", "INTT": "INTT is not known", "ARRAY<": "a type is missing", "ARRAY<INT": "missing >", "ARRAY<INT, INT>": "takes one type",
		"MAP<INT>": "takes two types", "STRUCT": "takes fields", "STRUCT<a>": "is not known", "INT; DROP": "unexpected", "INT[": "missing ]",
		strings.Repeat("ARRAY<", 70): "nested deeper",
	} {
		if got, err := Spell(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s is %s, %v; want %s", text, got, err, want)
		}
	}
}
