package profiling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

var update = flag.Bool("update", false, "rewrite the SQL and the profiles in testdata; the answers stay")

// script is a conversation with DuckDB, as testdata/*.json holds it: what was
// asked, what DuckDB answered, and the profile that follows. The rows that the
// answers are of are in Rows, as SQL, for whoever records them again.
type script struct {
	Rows      string          `json:"rows"`
	Schema    []string        `json:"schema"` // name: type
	Options   Options         `json:"options"`
	Tallied   bool            `json:"tallied,omitempty"` // as a small table, to the same profile as the script without _tallied
	Exchanges []exchange      `json:"exchanges"`
	Profile   *record.Profile `json:"profile"`
}

type exchange struct {
	SQL    []string `json:"sql"` // lines
	Answer [][]any  `json:"answer"`
}

func (s script) schema(t *testing.T) table.Schema {
	var out table.Schema
	for _, column := range s.Schema {
		name, typ, _ := strings.Cut(column, ": ")
		parsed, err := table.ParseType(typ)
		if err != nil {
			t.Fatal(err)
		}
		out.Fields = append(out.Fields, table.Field{Name: name, Type: parsed, Nullable: true})
	}
	return out
}

// session plays the engine's part of a script.
type session struct {
	engine.Session
	script *script
	at     int
	err    error
}

func (s *session) Query(_ context.Context, sql string) (*engine.Rows, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.at == len(s.script.Exchanges) {
		return nil, fmt.Errorf("one question more than in the script: %s", sql)
	}
	e := &s.script.Exchanges[s.at]
	s.at++
	if *update {
		e.SQL = strings.Split(sql, "\n")
	}
	if want := strings.Join(e.SQL, "\n"); sql != want {
		return nil, fmt.Errorf("the script wants\n%s\nbut asked was\n%s", want, sql)
	}
	rows := &engine.Rows{}
	for _, row := range e.Answer {
		values := make([]any, len(row))
		for i, v := range row {
			values[i] = value(v)
		}
		rows.Values = append(rows.Values, values)
	}
	return rows, nil
}

// value reads an answer's value: a text says its type before a colon.
func value(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = value(x)
		}
		return out
	case string:
		kind, text, _ := strings.Cut(v, ":")
		switch kind {
		case "double":
			var f float64
			fmt.Sscan(text, &f)
			return f
		case "decimal":
			return engine.Decimal(text)
		case "binary":
			return []byte(text)
		case "time":
			t, _ := time.Parse(time.RFC3339Nano, text)
			return t.UTC()
		}
		return text
	}
	return v
}

// dialect spells names as DuckDB does; profiles need no more of a dialect.
type dialect struct {
	engine.Dialect
	name string
}

func (d dialect) Name() string           { return d.name }
func (dialect) Ident(s string) string    { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
func (dialect) Relation(s string) string { return `"` + strings.ReplaceAll(s, ".", `"."`) + `"` }

func TestProfile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var s script
			in := json.NewDecoder(bytes.NewReader(data))
			in.UseNumber()
			if err := in.Decode(&s); err != nil {
				t.Fatal(err)
			}
			defer func(was int64) { fewCells = was }(fewCells)
			if !s.Tallied {
				fewCells = -1
			}
			talk := &session{script: &s}
			s.Profile, err = Profile(context.Background(), talk, dialect{name: "duckdb"}, "main.t", s.schema(t), s.Options)
			if err != nil {
				t.Fatal(err)
			}
			if talk.at != len(s.Exchanges) {
				t.Errorf("%d questions, the script has %d", talk.at, len(s.Exchanges))
			}
			if s.Tallied {
				data, err := os.ReadFile(strings.Replace(name, "_tallied", "", 1))
				if err != nil {
					t.Fatal(err)
				}
				var grouped script
				in := json.NewDecoder(bytes.NewReader(data))
				in.UseNumber()
				if err := in.Decode(&grouped); err != nil {
					t.Fatal(err)
				}
				if got, want := encoded(t, s.Profile), encoded(t, grouped.Profile); got != want {
					t.Errorf("the profile is\n%s\nand by groups\n%s", got, want)
				}
			}
			var got bytes.Buffer
			out := json.NewEncoder(&got)
			out.SetEscapeHTML(false)
			out.SetIndent("", " ")
			if err := out.Encode(s); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got.Bytes(), data) {
				t.Errorf("the profile changed; run go test ./profiling -update and look at the difference. Now:\n%s", got.Bytes()[bytes.Index(got.Bytes(), []byte("\n \"profile\"")):])
			}
		})
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestProfileErrors(t *testing.T) {
	schema := table.Schema{Fields: []table.Field{{Name: "a", Type: table.Type{Kind: table.Int64}}}}
	broken := errors.New("out of memory")
	answers := func(answers ...[][]any) *script {
		s := &script{}
		for _, a := range answers {
			s.Exchanges = append(s.Exchanges, exchange{Answer: a})
		}
		return s
	}
	cases := []struct {
		name    string
		dialect string
		err     error
		script  *script
		want    string
	}{
		{name: "dialect", dialect: "cobol", want: `profiling has no SQL for the dialect "cobol"; it has for duckdb`},
		{name: "engine", dialect: "duckdb", err: broken, want: "profile of t: out of memory"},
		{name: "rows", dialect: "duckdb", script: answers([][]any{}), want: "profile of t: the engine answered 0 rows, want 1"},
		{name: "columns", dialect: "duckdb", script: answers([][]any{{json.Number("1"), json.Number("2")}}), want: "profile of t: the engine answered 2 columns, want 1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &session{script: c.script, err: c.err}
			if c.script != nil {
				c.script.Exchanges[0].SQL = []string{`SELECT count(*) FROM "t"`}
			}
			_, err := Profile(context.Background(), s, dialect{name: c.dialect}, "t", schema, Options{})
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%v hides its cause", err)
			}
		})
	}
}

func TestInterpolate(t *testing.T) {
	// 1 2 2 3 10: counted as the engine counts.
	all := []counted{{number: 1, rows: 1, upTo: 1}, {number: 2, rows: 2, upTo: 3}, {number: 3, rows: 1, upTo: 4}, {number: 10, rows: 1, upTo: 5}}
	got := interpolate(all, 5)
	for i, want := range []float64{1.2, 2, 2, 3, 8.6} { // numpy.quantile
		if got[i] != want {
			t.Errorf("quantile %v is %v, want %v", quantiles[i], got[i], want)
		}
	}
	if got := interpolate(all[1:], 5); got != nil {
		t.Errorf("without the smallest value: %v", got)
	}
	if got := interpolate([]counted{{number: 7, rows: 1, upTo: 1}}, 1); got == nil || got[0] != 7 || got[4] != 7 {
		t.Errorf("of one value: %v", got)
	}
}

func TestNumbersInMessages(t *testing.T) {
	for got, want := range map[string]string{
		thousands(0): "0", thousands(999): "999", thousands(541909): "541,909", thousands(1000000): "1,000,000",
		percent(0.2493): "24.9 %", percent(0.0000037): "0.0004 %", percent(1): "100.0 %", percent(0): "0.0 %",
		numberText(-168469.6): "-168469.6", numberText(1e300): "1e+300", numberText(1234567): "1234567", numberText(0): "0", numberText(1e-9): "1e-09",
		cut(strings.Repeat("é", 201)): strings.Repeat("é", 199) + "…", cut("é"): "é",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
