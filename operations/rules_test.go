package operations_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/operations"
)

// column is a column in the log: its type, and its metadata as pairs.
func column(name, kind string, meta ...string) map[string]any {
	pairs := map[string]any{}
	for i := 0; i < len(meta); i += 2 {
		pairs[meta[i]] = meta[i+1]
	}
	return map[string]any{"name": name, "type": kind, "nullable": true, "metadata": pairs}
}

// foreignTable writes the first entry of a log as another writer would.
func foreignTable(t *testing.T, tb *operations.Table, props map[string]string, by []string, columns ...map[string]any) {
	t.Helper()
	text := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	features := []string{"allowColumnDefaults", "appendOnly", "checkConstraints", "columnMapping", "deletionVectors", "changeDataFeed", "domainMetadata", "generatedColumns", "identityColumns", "invariants", "rowTracking", "timestampNtz"}
	entry := text(map[string]any{"protocol": map[string]any{"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": []string{"columnMapping", "deletionVectors", "timestampNtz"}, "writerFeatures": features}}) + "\n" +
		text(map[string]any{"metaData": map[string]any{"id": "x", "format": map[string]any{"provider": "parquet"}, "partitionColumns": append([]string{}, by...),
			"schemaString": text(map[string]any{"type": "struct", "fields": columns}), "configuration": props}}) + "\n"
	dir, err := tb.Where.Dir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "_delta_log"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "_delta_log", "00000000000000000000.json"), []byte(entry), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestConstraints: for each CHECK constraint, rows that meet it, and rows that do
// not. Spark 3.5 said the same of each of them.
func TestConstraints(t *testing.T) {
	ctx := context.Background()
	columns := []map[string]any{column("i", "integer"), column("l", "long"), column("b", "byte"), column("d", "decimal(9,2)"), column("f", "double"), column("f4", "float"),
		column("s", "string"), column("day", "date"), column("ts", "timestamp"), column("ntz", "timestamp_ntz"), column("ok", "boolean"),
		{"name": "t", "nullable": true, "metadata": map[string]any{}, "type": map[string]any{"type": "struct", "fields": []any{column("a", "integer")}}}}
	for _, c := range []struct {
		check     string
		good, bad string // expressions of columns, by ;
	}{
		{"i + 1 > 5", "5 AS i", "4 AS i;NULL AS i"},
		{"i * 2 - l = 0", "2 AS i, 4 AS l", "2 AS i, 5 AS l"},
		{"i % 2 = 1 OR i % -2 = -1", "3 AS i;-3 AS i", "2 AS i;0 AS i"},
		{"-i < 0", "1 AS i", "-1 AS i"},
		{"d * 1.5 >= d + i", "10.00 AS d, 5 AS i", "10.00 AS d, 6 AS i"},
		{"d > 1", "1.01 AS d", "1.00 AS d"},
		{"f + 0.1 <> 0.3", "1e0 AS f;0.2e0 AS f", "CAST(0.3e0 - 0.1e0 AS DOUBLE) AS f"},
		{"f4 > 0.5 AND f4 < 2", "1.5 AS f4", "0.5 AS f4;2 AS f4"},
		{"f > 1", "'NaN'::DOUBLE AS f;2e0 AS f", "1e0 AS f"},
		{"length(s) <= 3 AND s <> ''", "'日本語' AS s;'a' AS s", "'abcd' AS s;'' AS s;NULL AS s"},
		{"upper(trim(s)) IN ('DE', 'AT')", "' de ' AS s;'At' AS s", "'DE,' AS s;chr(9) || 'DE' AS s"},
		{"coalesce(i, 0) = 0", "NULL AS i;0 AS i", "1 AS i"},
		{"abs(i - 10) < 3", "8 AS i", "7 AS i"},
		{"year(day) = 2024 AND month(day) BETWEEN 1 AND 3 AND day(day) != 31", "DATE '2024-02-29' AS day", "DATE '2024-01-31' AS day;DATE '2023-02-01' AS day"},
		{"day >= '2024-01-01'", "DATE '2024-01-01' AS day", "DATE '2023-12-31' AS day"},
		{"day >= DATE '2024-01-01' AND CAST(day AS STRING) LIKE '2024-%'", "DATE '2024-01-01' AS day", "DATE '2025-01-01' AS day"},
		{"ntz < '2024-01-01 12:00:00'", "TIMESTAMP '2024-01-01 11:59:59' AS ntz", "TIMESTAMP '2024-01-01 12:00:00' AS ntz"},
		{"ts >= '2024-01-01 00:00:00Z' AND hour(ts) < 12", "TIMESTAMPTZ '2024-01-01 01:00:00+00' AS ts", "TIMESTAMPTZ '2024-01-01 00:00:00+01' AS ts;TIMESTAMPTZ '2024-01-01 13:00:00+00' AS ts"},
		{"date_format(ts, 'yyyy-MM') = '2024-01'", "TIMESTAMPTZ '2024-01-31 23:59:59+00' AS ts", "TIMESTAMPTZ '2024-01-31 23:59:59-01' AS ts"},
		{"CAST(ts AS DATE) = CAST('2024-01-31' AS DATE)", "TIMESTAMPTZ '2024-01-31 23:59:59+00' AS ts", "TIMESTAMPTZ '2024-01-31 23:59:59-01' AS ts"},
		{"substring(s, 2, 2) = 'bc' AND concat(s, '!') = s || '!'", "'abcd' AS s", "'abd' AS s"},
		{"t.a > 0", "{'a': 1} AS t", "{'a': 0} AS t;NULL AS t"},
		{"ok AND NOT (i = 1 OR l = 1)", "true AS ok, 2 AS i, 2 AS l", "true AS ok, 1 AS i, 2 AS l;false AS ok, 2 AS i, 2 AS l;true AS ok, NULL AS i, 2 AS l"},
		{"`i` <=> l", "NULL AS i, NULL AS l;1 AS i, 1 AS l", "1 AS i, NULL AS l"},
		{"CAST(i AS DECIMAL(12,2)) = d AND CAST(i AS STRING) = s", "1 AS i, 1.00 AS d, '1' AS s", "1 AS i, 1.01 AS d, '1' AS s;1 AS i, 1.00 AS d, '01' AS s"},
		{"b + b > 0", "1 AS b", "-1 AS b"},
	} {
		tb := open(t)
		foreignTable(t, tb, map[string]string{"delta.constraints.c": c.check}, nil, columns...)
		for _, row := range strings.Split(c.good, ";") {
			if _, err := tb.Append(ctx, "SELECT "+row, operations.Write{}); err != nil {
				t.Errorf("%s: %s: %v", c.check, row, err)
			}
		}
		for _, row := range strings.Split(c.bad, ";") {
			if _, err := tb.Append(ctx, "SELECT "+row, operations.Write{}); !errors.Is(err, delta.ErrInvalid) || !strings.Contains(err.Error(), "1 row breaks the constraint c") {
				t.Errorf("%s: %s: %v", c.check, row, err)
			}
		}
	}
	// Values about which engines differ are no answer, and neither are other expressions.
	for check, row := range map[string]string{"i * 2 > i": "2000000000 AS i", "l - 1 < 0": "-9223372036854775808 AS l", "1 + l > 0": "9223372036854775807 AS l", "-l < 0": "-9223372036854775808 AS l",
		"abs(i) > 0": "-2147483648 AS i", "d * d * d * d > 0 AND i - 1 = 2147483647": "1 AS d, -2147483648 AS i", "CAST(i AS TINYINT) > 0": "128 AS i", "upper(s) = 'SS'": "'ß' AS s", "b + b > 0": "127 AS b", "i + 1 > 0": "2147483647 AS i", "date_format(day, 'yyyy') <> ''": "DATE '0999-01-01' AS day"} {
		tb := open(t)
		foreignTable(t, tb, map[string]string{"delta.constraints.c": check}, nil, columns...)
		if _, err := tb.Append(ctx, "SELECT "+row, operations.Write{}); err == nil {
			t.Errorf("%s: %s is written", check, row)
		}
	}
	for check, piece := range map[string]string{
		"i / 2 = 1": "/", "i % l = 1": "%", "d % 2 = 1": "%", "f4 + 1 > 0": "+ of float", "f4 > i": "beside a float", "s > 1": "beside", "i = '1'": "beside",
		"ts > '2024-01-01'": "as timestamp", "ts > ntz": "beside", "ts > day": "beside", "day > '2024'": "as date", "nosuch > 1": "nosuch", "s RLIKE 'a'": "RLIKE", "i > 1 > 2": "> after",
		"s LIKE s": "like", `s = '\n'`: "'\\n'", "s = 'a' 'b'": "'a'", "s = 'it''s'": "it''s", `s LIKE 'x!%' ESCAPE '!'`: "ESCAPE", "i": "no condition", "NOT i": "as a condition",
		"CAST(s AS INT) = 1": "cast of string", "CAST(f AS STRING) = '1'": "cast of double", "CAST(ts AS STRING) = '1'": "cast of timestamp", "rand() > 0": "rand", "i = (": "the end",
		"i IN ()": "empty list", "i IN (SELECT 1)": "SELECT", "t.b > 1": "b", "substring(s, 0, 1) = 'a'": "substring", "date_format(day, 'MMM') = 'Jan'": "date_format", "i > 99999999999999999999": "99999999999999999999",
		"coalesce(i, d) = 1": "coalesce", "d * d * d * d * d > 0": "*", "s || i = 'a'": "||", "i; DROP TABLE x": ";", "i NOT LIKE 'a'": "like", "i IS TRUE": "is", "\"i\" > 1": "\"i\"",
	} {
		tb := open(t)
		foreignTable(t, tb, map[string]string{"delta.constraints.c": check}, nil, columns...)
		_, err := tb.Append(ctx, "SELECT 1 AS i", operations.Write{})
		if !errors.Is(err, delta.ErrUnsupported) || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(piece)) || !strings.Contains(err.Error(), "constraint c") {
			t.Errorf("%s: %v, want %s", check, err, piece)
		}
	}
}

func TestInvariants(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	foreignTable(t, tb, nil, nil, column("id", "integer", "delta.invariants", `{"expression":{"expression":"id > 3"}}`))
	if _, err := tb.Append(ctx, "SELECT 4 AS id", operations.Write{}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"3", "NULL"} {
		if _, err := tb.Append(ctx, "SELECT "+id+" AS id", operations.Write{}); err == nil || !strings.Contains(err.Error(), "1 row breaks the invariant of column id: id > 3") {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestRequired: a column that must have a value has one, and so has a field that must,
// wherever its struct has one.
func TestRequired(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	required := func(name string, kind any) map[string]any {
		return map[string]any{"name": name, "type": kind, "nullable": false, "metadata": map[string]any{}}
	}
	inner := column("of", "")
	inner["type"] = map[string]any{"type": "struct", "fields": []any{required("a", "integer"), column("b", "integer")}}
	outer := column("s", "")
	outer["type"] = map[string]any{"type": "struct", "fields": []any{inner}}
	foreignTable(t, tb, nil, nil, required("id", "integer"), outer)
	for row, want := range map[string]string{
		"1 AS id, {'of': {'a': 1, 'b': NULL}} AS s": "",
		"1 AS id, {'of': NULL} AS s":                "",
		"1 AS id, NULL AS s":                        "",
		"NULL::INT AS id, NULL AS s":                "column id must not be null, and 1 row has no value",
		"1 AS id, {'of': {'a': NULL, 'b': 1}} AS s": "column s.of.a must not be null, and 1 row has no value",
	} {
		_, err := tb.Append(ctx, "SELECT "+row, operations.Write{})
		if got := fmt.Sprint(err); err == nil && want != "" || err != nil && got != want || err != nil && !errors.Is(err, delta.ErrInvalid) {
			t.Errorf("%s: got %v, want %s", row, err, want)
		}
	}
}

// TestRulesEverywhere: whatever brings rows is held to constraints, invariants and
// generated columns, and leaves the table as it was when they are broken.
func TestRulesEverywhere(t *testing.T) {
	ctx := context.Background()
	for _, mode := range []string{"", "delta.enableDeletionVectors", "delta.enableChangeDataFeed"} {
		tb := open(t)
		foreignTable(t, tb, map[string]string{"delta.constraints.c": "amount > 0", mode: "true"}, []string{"part"}, column("id", "long"), column("part", "string"),
			column("amount", "long", "delta.invariants", `{"expression":{"expression":"amount < 100"}}`), column("twice", "long", "delta.generationExpression", "amount * 2"))
		if _, err := tb.Append(ctx, values("(1, 'a', 1)", "(2, 'b', 2)"), operations.Write{}); err != nil {
			t.Fatal(err)
		}
		want := rows(t, tb)
		for _, c := range []struct{ breaks, column, value string }{{"constraint c", "amount", "0"}, {"constraint c", "amount", "NULL"}, {"invariant of column amount", "amount", "100"}, {"generated column twice", "twice", "7"}} {
			amount, twice := "9", ""
			if c.column == "amount" {
				amount = c.value
			} else {
				twice = ", " + c.value + " AS twice"
			}
			source := func(id int) string {
				return fmt.Sprintf("SELECT %d AS id, 'b' AS part, %s AS amount%s", id, amount, twice)
			}
			for name, do := range map[string]func() (operations.Result, error){
				"append":    func() (operations.Result, error) { return tb.Append(ctx, source(3), operations.Write{}) },
				"overwrite": func() (operations.Result, error) { return tb.Overwrite(ctx, source(3), operations.Write{}) },
				"overwrite where": func() (operations.Result, error) {
					return tb.OverwriteWhere(ctx, source(3), "part = 'b'", operations.Write{})
				},
				"overwrite partitions": func() (operations.Result, error) { return tb.OverwritePartitions(ctx, source(3), operations.Write{}) },
				"merge, inserted": func() (operations.Result, error) {
					return tb.Merge(ctx, source(3), operations.Merge{On: []string{"id"}})
				},
				"merge, updated": func() (operations.Result, error) {
					return tb.Merge(ctx, source(2), operations.Merge{On: []string{"id"}})
				},
				"update": func() (operations.Result, error) {
					return tb.Update(ctx, map[string]string{c.column: c.value}, "id = 2")
				},
			} {
				if _, err := do(); !errors.Is(err, delta.ErrInvalid) || !strings.Contains(err.Error(), "1 row breaks the "+c.breaks) {
					t.Errorf("%s %s, %s = %s: %v", mode, name, c.column, c.value, err)
				}
				if got := rows(t, tb); !slices.Equal(got, want) {
					t.Fatalf("%s %s: rows\n%s\nwant\n%s", mode, name, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		}
		noStrays(t, tb)
	}
}

// TestMadeColumns: generated columns and defaults are what the table says when rows
// come without them, and what rows bring is held to it.
func TestMadeColumns(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	foreignTable(t, tb, map[string]string{"delta.enableChangeDataFeed": "false"}, []string{"month"},
		column("id", "long"), column("at", "timestamp"), column("amount", "integer"),
		column("month", "string", "delta.generationExpression", "date_format(at, 'yyyy-MM')"),
		column("twice", "long", "delta.generationExpression", "amount * 2"),
		column("status", "string", "CURRENT_DEFAULT", "'new'"), column("n", "integer", "CURRENT_DEFAULT", "-1"), column("nothing", "integer", "CURRENT_DEFAULT", "NULL"))
	state := func(want ...string) {
		t.Helper()
		if got := rows(t, tb); !slices.Equal(got, want) {
			t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	must := func(_ operations.Result, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fails := func(want string, _ operations.Result, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%v, want %s", err, want)
		}
	}
	// From texts, as a file of CSV has them.
	must(tb.Append(ctx, "SELECT '1' AS id, '2024-01-31T23:59:59Z' AS at, '10' AS amount", operations.Write{}))
	one := "1 2024-01-31 23:59:59 +0000 UTC 10 2024-01 20 new -1 <nil>"
	state(one)
	must(tb.Append(ctx, "SELECT 2 AS id, TIMESTAMPTZ '2024-02-01 00:00:00+00' AS at, 5 AS amount, '2024-02' AS month, 10 AS twice, NULL AS status, 7 AS n", operations.Write{}))
	state(one, "2 2024-02-01 00:00:00 +0000 UTC 5 2024-02 10 <nil> 7 <nil>")
	res, err := tb.Append(ctx, "SELECT 3 AS id, 5 AS amount, 11 AS twice", operations.Write{})
	fails("1 row breaks the generated column twice: amount * 2", res, err)
	res, err = tb.Append(ctx, "SELECT 3 AS id, 'many' AS amount", operations.Write{})
	fails("amount", res, err)
	// What is changed is made anew, and moves to its partition.
	must(tb.Update(ctx, map[string]string{"amount": "amount + 1", "at": "TIMESTAMPTZ '2024-03-01 00:00:00+00'"}, "id = 2"))
	two := "2 2024-03-01 00:00:00 +0000 UTC 6 2024-03 12 <nil> 7 <nil>"
	state(one, two)
	res, err = tb.Update(ctx, map[string]string{"twice": "0"}, "id = 2")
	fails("1 row breaks the generated column twice", res, err)
	must(tb.Merge(ctx, "SELECT * FROM (VALUES (1, 11), (4, 4)) v(id, amount)", operations.Merge{On: []string{"id"}}))
	one = "1 2024-01-31 23:59:59 +0000 UTC 11 2024-01 22 new -1 <nil>"
	state(one, two, "4 <nil> 4 <nil> 8 new -1 <nil>")
	must(tb.Delete(ctx, "id = 4"))
	must(tb.Optimize(ctx, 0))
	state(one, two)
	noStrays(t, tb)

	for _, c := range []struct{ column, piece string }{
		{"twice", "rand"}, {"twice", "it is string and its column int64"},
	} {
		tb := open(t)
		foreignTable(t, tb, nil, nil, column("id", "long"), column("twice", "long", "delta.generationExpression", map[string]string{"rand": "rand() * 2"}[c.piece]+map[bool]string{true: "", false: "'x'"}[c.piece == "rand"]))
		_, err := tb.Append(ctx, "SELECT 1 AS id", operations.Write{})
		if !errors.Is(err, delta.ErrUnsupported) || !strings.Contains(fmt.Sprint(err), c.piece) || !strings.Contains(fmt.Sprint(err), "generated column twice") {
			t.Errorf("%v, want %s", err, c.piece)
		}
	}
	tb = open(t)
	inner := column("s", "string")
	inner["type"] = map[string]any{"type": "struct", "fields": []any{column("g", "long", "delta.generationExpression", "1")}}
	foreignTable(t, tb, nil, nil, column("id", "long"), inner)
	if _, err := tb.Append(ctx, "SELECT 1 AS id", operations.Write{}); !errors.Is(err, delta.ErrUnsupported) || !strings.Contains(err.Error(), "column s.g") {
		t.Errorf("%v", err)
	}
	tb = open(t)
	foreignTable(t, tb, nil, nil, column("id", "long"), column("at", "timestamp", "CURRENT_DEFAULT", "current_timestamp()"))
	if _, err := tb.Append(ctx, "SELECT 1 AS id", operations.Write{}); !errors.Is(err, delta.ErrUnsupported) || !strings.Contains(err.Error(), "default of column at") {
		t.Errorf("%v", err)
	}
	if _, err := tb.Append(ctx, "SELECT 1 AS id, NULL AS at", operations.Write{}); err != nil {
		t.Error(err)
	}
}

// TestRequiredWithin: nulls are refused wherever the schema forbids them, and the error
// names the place.
func TestRequiredWithin(t *testing.T) {
	ctx := context.Background()
	type m = map[string]any
	field := func(name string, of any, nullable bool) m {
		return m{"name": name, "type": of, "nullable": nullable, "metadata": m{}}
	}
	array := func(of any, nulls bool) m { return m{"type": "array", "elementType": of, "containsNull": nulls} }
	mapOf := func(of any, nulls bool) m {
		return m{"type": "map", "keyType": "string", "valueType": of, "valueContainsNull": nulls}
	}
	strict := m{"type": "struct", "fields": []any{field("x", "integer", false), field("y", "integer", true)}}
	for _, c := range []struct {
		of        any
		good, bad string // by ;
		path      string
	}{
		{array("integer", false), "[1];[]::INT[];NULL", "[1, NULL]", "c.element"},
		{array(array("integer", false), true), "[NULL];[[1], NULL]", "[[1], [NULL]]", "c.element.element"},
		{array(strict, true), "[{'x': 1, 'y': NULL}];[NULL]", "[{'x': NULL, 'y': 1}]", "c.element.x"},
		{mapOf("integer", false), "MAP {'a': 1};MAP {}::MAP(VARCHAR, INT)", "MAP {'a': 1, 'b': NULL}", "c.value"},
		{mapOf(strict, true), "MAP {'a': NULL}", "MAP {'a': {'x': NULL, 'y': 1}}", "c.value.x"},
		{m{"type": "struct", "fields": []any{field("a", array("integer", false), true)}}, "{'a': [1]};{'a': NULL}", "{'a': [NULL]}", "c.a.element"},
		{m{"type": "struct", "fields": []any{field("a", array(mapOf(strict, false), true), true)}}, "{'a': [MAP {'k': {'x': 1, 'y': 2}}, NULL]}",
			"{'a': [MAP {'k': {'x': NULL, 'y': 2}}]}", "c.a.element.value.x"},
	} {
		t.Run(c.path, func(t *testing.T) {
			tb := open(t)
			foreignTable(t, tb, nil, nil, column("k", "long"), field("c", c.of, true))
			for _, v := range strings.Split(c.good, ";") {
				if _, err := tb.Append(ctx, "SELECT 1 AS k, "+v+" AS c", operations.Write{}); err != nil {
					t.Errorf("%s: %v", v, err)
				}
			}
			for _, v := range strings.Split(c.bad, ";") {
				_, err := tb.Append(ctx, "SELECT 1 AS k, "+v+" AS c", operations.Write{})
				if err == nil || !strings.Contains(err.Error(), "column "+c.path+" must not be null, and 1 row has no value") {
					t.Errorf("%s: %v", v, err)
				}
			}
		})
	}
}

// TestVoid: a column of nothing but nulls is in no file; the table is written all the
// same, and values for it are refused until the schema is merged.
func TestVoid(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	of := map[string]any{"type": "struct", "fields": []any{column("a", "integer"), column("w", "void")}}
	foreignTable(t, tb, nil, nil, column("k", "long"), column("v", "void"), map[string]any{"name": "s", "type": of, "nullable": true, "metadata": map[string]any{}})
	ok := func(res operations.Result, err error) {
		t.Helper()
		if err != nil || res.Version == nil {
			t.Fatalf("%v %v", res, err)
		}
	}
	ok(tb.Append(ctx, "SELECT i AS k FROM range(4) r(i)", operations.Write{}))
	ok(tb.Append(ctx, "SELECT 4::BIGINT AS k, NULL AS v, {'a': 1, 'w': NULL} AS s", operations.Write{}))
	ok(tb.Delete(ctx, "k = 0"))
	ok(tb.Update(ctx, map[string]string{"k": "k + 10"}, "k = 1"))
	ok(tb.Merge(ctx, "SELECT 2::BIGINT AS k, NULL AS v UNION ALL SELECT 5, NULL", operations.Merge{On: []string{"k"}}))
	ok(tb.Optimize(ctx, 0))
	for what, try := range map[string]func() (operations.Result, error){
		"append": func() (operations.Result, error) { return tb.Append(ctx, "SELECT 'x' AS v", operations.Write{}) },
		"nested": func() (operations.Result, error) {
			return tb.Append(ctx, "SELECT {'a': 1, 'w': 'x'} AS s", operations.Write{})
		},
		"update": func() (operations.Result, error) { return tb.Update(ctx, map[string]string{"v": "1"}, "") },
		"merge": func() (operations.Result, error) {
			return tb.Merge(ctx, "SELECT 2::BIGINT AS k, 'x' AS v", operations.Merge{On: []string{"k"}})
		},
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), "does not fit") || !strings.Contains(err.Error(), "void") {
			t.Errorf("%s: %v", what, err)
		}
	}
	ok(tb.Append(ctx, "SELECT 6::BIGINT AS k, 'x' AS v", operations.Write{MergeSchema: true}))
	want := []string{"11 <nil> <nil>", "2 <nil> <nil>", "3 <nil> <nil>", "4 <nil> map[a:1 w:<nil>", "5 <nil> <nil>", "6 x <nil>"}
	if got := rows(t, tb); !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}
