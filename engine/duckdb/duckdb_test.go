package duckdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/engine/enginetest"
	"github.com/dq-dev/dq/table"
)

func session(t testing.TB, e engine.Engine) engine.Session {
	t.Helper()
	s, err := e.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); _ = e.Close() })
	return s
}

func query(t testing.TB, s engine.Session, sql string) []string {
	t.Helper()
	r, err := s.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return enginetest.Lines(r)
}

// What COPY says of a file must be what its footer says, and what the rows say:
// over rows that are hostile to statistics.
func TestStatisticsAgreeWithFooterAndRows(t *testing.T) {
	s, root := session(t, open(t)), t.TempDir()
	const schema = "id int64, s string, long string, n double, st struct<a: int64, b: struct<c: string>>, li array<int64>, mp map<string,int64>, bin binary, one bool, `odd \"name.x` int32"
	parsed := enginetest.Schema(t, strings.ReplaceAll(schema, "`odd \"name.x`", "odd"))
	parsed.Fields[9].Name = `odd "name.x`
	const sql = `SELECT i AS id, CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'k' || i END AS s, repeat('é', CAST(i * 7 AS INTEGER)) AS long,
		CASE WHEN i = 500 THEN CAST('NaN' AS DOUBLE) ELSE i / 8 END AS n,
		CASE WHEN i % 3 > 0 THEN {'a': CASE WHEN i % 5 > 0 THEN i END, 'b': {'c': 'c' || i}} END AS st,
		CASE WHEN i % 2 = 0 THEN [i, NULL] END AS li, MAP {'k': i} AS mp, CAST('x' AS BLOB) AS bin, true AS one, CAST(i AS INTEGER) AS "odd ""name.x"
		FROM range(1000) r(i)`
	staged, _, err := s.Stage(context.Background(), engine.StageRequest{SQL: sql, Schema: parsed, Split: "id % 10 < 7", Root: root, Dir: "r"})
	if err != nil {
		t.Fatal(err)
	}
	if len(staged) < 2 {
		t.Fatalf("%d files", len(staged))
	}
	for _, st := range staged {
		path := filepath.Join(root, st.File.Path)
		if _, err := s.Attach(context.Background(), engine.Input{Name: "f", Root: root, Files: []table.File{st.File}, Schema: parsed}); err != nil {
			t.Fatal(err)
		}
		if got := query(t, s, "SELECT count(*) FROM f")[0]; got != fmt.Sprint(st.File.Stats.Rows) {
			t.Errorf("%s rows, said %d", got, st.File.Stats.Rows)
		}
		var paths []string
		for _, c := range st.File.Stats.Columns {
			paths = append(paths, strings.Join(c.Path, "/"))
			quoted := make([]string, len(c.Path))
			for i, p := range c.Path {
				quoted[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
			}
			e := strings.Join(quoted, ".")
			if got := query(t, s, "SELECT count(*) - count("+e+") FROM f")[0]; got != fmt.Sprint(*c.Nulls) {
				t.Errorf("%s: %s nulls, said %d", e, got, *c.Nulls)
			}
			footer := query(t, s, fmt.Sprintf("SELECT sum(stats_null_count)::BIGINT FROM parquet_metadata('%s') WHERE path_in_schema = '%s'", path, strings.ReplaceAll(strings.Join(c.Path, ", "), "'", "''")))[0]
			if footer != fmt.Sprint(*c.Nulls) {
				t.Errorf("%s: the footer counts %s nulls, said %d", e, footer, *c.Nulls)
			}
			number := "NOT isnan(" + e + ")"
			if c.Path[0] != "n" {
				number = "true"
			}
			if c.Min != nil {
				want := query(t, s, fmt.Sprintf("SELECT CAST(min(%s) AS VARCHAR), CAST(max(%s) AS VARCHAR) FROM f WHERE %s", e, e, number))[0]
				if got := fmt.Sprintf("'%s' | '%s'", *c.Min, *c.Max); got != want {
					t.Errorf("%s: %s, said %s", e, want, got)
				}
			} else if c.Path[0] != "long" && c.Path[0] != "bin" {
				t.Errorf("%s has no minimum", e)
			}
			if c.NaN != (c.Path[0] == "n" && query(t, s, "SELECT count(*) > 0 FROM f WHERE isnan(n)")[0] == "true") {
				t.Errorf("%s: NaN is %t", e, c.NaN)
			}
		}
		if want := []string{"id", "s", "long", "n", "st/a", "st/b/c", "bin", "one", `odd "name.x`}; !slices.Equal(paths, want) {
			t.Errorf("statistics of %q, want %q", paths, want)
		}
	}
}

// Timestamps are written so that every reader of Delta takes them for what they are.
func TestTimestampsInFiles(t *testing.T) {
	s, root := session(t, open(t)), t.TempDir()
	staged, _, err := s.Stage(context.Background(), engine.StageRequest{Root: root, Dir: "r", Schema: enginetest.Schema(t, "a timestamp, b timestamp_ntz, c decimal(9,2), d decimal(38,2)"),
		SQL: "SELECT TIMESTAMPTZ '2020-01-01 00:00:00+00' AS a, TIMESTAMP '2020-01-01' AS b, 1.5 AS c, 2.5 AS d"})
	if err != nil {
		t.Fatal(err)
	}
	got := query(t, s, fmt.Sprintf("SELECT name, type, logical_type FROM parquet_schema('%s') WHERE name <> 'duckdb_schema'", filepath.Join(root, staged[0].File.Path)))
	for i, want := range []string{
		"isAdjustedToUTC=1, unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds()",
		"isAdjustedToUTC=0, unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds()",
		"'INT32'", "'FIXED_LEN_BYTE_ARRAY'",
	} {
		if !strings.Contains(got[i], want) {
			t.Errorf("%s, want %s", got[i], want)
		}
	}
}

func TestWantOfMemory(t *testing.T) {
	e, err := duckdb.Open(duckdb.Config{Threads: 1, MemoryLimit: "30MB", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, e)
	_, err = s.Query(context.Background(), "SELECT list(i) FROM range(20000000) r(i)")
	if !errors.Is(err, engine.ErrMemory) {
		t.Errorf("%v, want ErrMemory", err)
	}
	if got := query(t, s, "SELECT 1"); got[0] != "1" {
		t.Error(got)
	}
}

func TestOpenRefusesWrongSettings(t *testing.T) {
	for _, cfg := range []duckdb.Config{{Threads: -1}, {MemoryLimit: "much"}, {TempDir: filepath.Join(t.TempDir(), "nowhere")}} {
		if e, err := duckdb.Open(cfg); err == nil {
			_ = e.Close()
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// What must stay as it was opened: no setting changes, nothing is loaded.
func TestConfigurationIsLocked(t *testing.T) {
	t.Setenv("TZ", "America/New_York")
	temp := t.TempDir()
	e, err := duckdb.Open(duckdb.Config{Threads: 2, MemoryLimit: "100MB", TempDir: temp})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, e)
	got := query(t, s, "SELECT name, value FROM duckdb_settings() WHERE name IN ('TimeZone', 'lock_configuration', 'autoinstall_known_extensions', 'autoload_known_extensions', 'threads', 'preserve_insertion_order') ORDER BY name")
	want := []string{"'TimeZone' | 'UTC'", "'autoinstall_known_extensions' | 'false'", "'autoload_known_extensions' | 'false'", "'lock_configuration' | 'true'", "'preserve_insertion_order' | 'true'", "'threads' | '2'"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	// A plan is the same text in every session.
	for range 2 {
		other := session(t, open(t))
		if _, err := other.Attach(context.Background(), engine.Input{Name: "a.b", Schema: enginetest.Schema(t, "x int64")}); err != nil {
			t.Fatal(err)
		}
		p, err := other.Bind(context.Background(), "SELECT x FROM a.b")
		if err != nil || !strings.Contains(string(p.Tree), `{"catalog":"memory","schema":"a","table":"b"`) {
			t.Errorf("%s, %v", p.Tree, err)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("Close left %v", left)
	}
}

func TestNoGoroutineStays(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		e := open(t)
		s, err := e.Session(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := s.Query(ctx, "SELECT 1"); !errors.Is(err, engine.ErrCancelled) {
			t.Errorf("%v, want ErrCancelled", err)
		}
		if _, err := s.Bind(context.Background(), "SELECT 1 AS x"); err != nil {
			t.Error(err)
		}
		if err := errors.Join(s.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	}
	for range 1000 { // database/sql ends its own goroutines a moment after Close
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

func Example() {
	ctx := context.Background()
	eng, err := duckdb.Open(duckdb.Config{Threads: 1, MemoryLimit: "500MB"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = eng.Close() }()
	s, err := eng.Session(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()
	schema := table.Schema{Fields: []table.Field{{Name: "order_id", Type: table.Type{Kind: table.Int64}}, {Name: "status", Type: table.Type{Kind: table.String}}}}
	if _, err := s.Attach(ctx, engine.Input{Name: "silver.orders", Schema: schema}); err != nil {
		fmt.Println(err)
		return
	}
	plan, err := s.Bind(ctx, "SELECT status, count(*) AS n FROM silver.orders GROUP BY status")
	fmt.Println(plan.Schema.Names(), plan.Reads, err)
	_, err = s.Bind(ctx, "SELECT stats FROM silver.orders")
	fmt.Println(err)
	// Output:
	// [status n] [silver.orders] <nil>
	// Referenced column "stats" not found in FROM clause!; did you mean status?
}
