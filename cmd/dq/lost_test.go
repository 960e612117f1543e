package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
)

// losing is an engine whose files hold one row less than the SELECT returned.
type losing struct {
	engine.Engine
	quarantine bool
}

func (l losing) Session(ctx context.Context) (engine.Session, error) {
	s, err := l.Engine.Session(ctx)
	return losingSession{s, l.quarantine}, err
}

func (l losing) Small(ctx context.Context) (engine.Session, error) {
	s, err := l.Engine.Small(ctx)
	return losingSession{s, l.quarantine}, err
}

type losingSession struct {
	engine.Session
	quarantine bool
}

// Stage loses a row of silver's files, or of those of its quarantine only: what bronze
// stages is held against the number of records in its source.
func (s losingSession) Stage(ctx context.Context, req engine.StageRequest) ([]engine.Staged, int64, error) {
	if root := filepath.ToSlash(req.Root); !strings.Contains(root, "/silver/") || s.quarantine != strings.Contains(root, "/quarantine/") {
		return s.Session.Stage(ctx, req)
	}
	whole := req
	whole.Dir += "/whole"
	_, returned, err := s.Session.Stage(ctx, whole)
	if err != nil {
		return nil, 0, err
	}
	req.SQL = "SELECT * FROM (" + req.SQL + ") lost OFFSET 1"
	files, _, err := s.Session.Stage(ctx, req)
	return files, returned, err
}

// TestLostRowsCloseTheGate loses a row between a model and the files of its table,
// at the first load and at a later one.
func TestLostRowsCloseTheGate(t *testing.T) {
	for _, c := range []struct {
		mode       string
		quarantine bool
	}{
		{"append, incremental: bronze.orders, suite: none", false},
		{"append, incremental: bronze.orders, suite: splits.yaml", false},
		{"append, incremental: bronze.orders, suite: compares.yaml", false},
		{"append, incremental: bronze.orders, suite: splits.yaml", true},
		{"append, incremental: bronze.orders, suite: compares.yaml", true},
		{"overwrite, suite: none", false},
		{"overwrite, suite: splits.yaml", true},
		{"merge, keys: [id], incremental: bronze.orders, suite: none", false},
		{"merge, keys: [id], incremental: bronze.orders, suite: splits.yaml", true},
		{"scd2, keys: [id], effective: at, track: [amount], incremental: bronze.orders, suite: none", false},
		{"scd2, keys: [id], effective: at, track: [amount], incremental: bronze.orders, suite: splits.yaml", true},
	} {
		mode := fmt.Sprintf("%s (rows for the quarantine: %t)", c.mode, c.quarantine)
		dir := t.TempDir()
		for _, folder := range []string{"data", "models/silver"} {
			if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		put(t, filepath.Join(dir, "pipeline.yaml"), []byte(fmt.Sprintf(`version: 1
pipeline: shop
policies: {modes: [{mode: "off"}]}
layers:
  bronze: {tables: {orders: {source: {files: 'data/*.csv', format: csv}, suite: none}}}
  silver: {tables: {orders: {mode: %s}}}
`, c.mode)))
		for name, row := range map[string]string{"splits": "amount != 3", "compares": "amount <= 1.4 * mean(amount)"} {
			put(t, filepath.Join(dir, name+".yaml"), []byte(fmt.Sprintf("version: 1\ntable: silver.orders\nexpectations:\n  known: {row: %q, on_fail: quarantine}\n", row)))
		}
		put(t, filepath.Join(dir, "models", "silver", "orders.sql"), []byte("SELECT id, CAST(amount AS BIGINT) AS amount, CAST(day AS TIMESTAMP) AS at FROM bronze.orders"))
		day := func(n int) {
			put(t, filepath.Join(dir, "data", fmt.Sprintf("%d.csv", n)), []byte(fmt.Sprintf("id,amount,day\na%[1]d,1,2026-01-0%[1]d\nb%[1]d,2,2026-01-0%[1]d\nc%[1]d,3,2026-01-0%[1]d\n", n)))
		}
		run := func(wrap func(engine.Engine) engine.Engine) *record.Run {
			t.Helper()
			eng, err := duckdb.Open(duckdb.Config{Threads: 1, TempDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer eng.Close()
			p, err := pipeline.Load(filepath.Join(dir, "pipeline.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			rec, err := p.Run(context.Background(), pipeline.Options{Engine: wrap(eng), Clock: time.Now, Environment: "prod"})
			if err != nil {
				t.Fatal(err)
			}
			return rec
		}
		lose := func(e engine.Engine) engine.Engine { return losing{e, c.quarantine} }
		whole := func(e engine.Engine) engine.Engine { return e }
		for n := 1; n <= 2; n++ {
			day(n)
			rec := run(lose)
			silver := rec.Layers[1]
			var said string
			for _, f := range silver.Tables[0].Findings {
				if f.Rule == "reconcile" {
					said = f.Message
				}
			}
			if rec.Verdict != record.Fail || silver.Outcome != "refused" || said == "" {
				t.Errorf("%s, load %d: verdict %s, silver %s, reconcile says %q", mode, n, rec.Verdict, silver.Outcome, said)
			}
			if rec := run(whole); rec.Verdict == record.Fail || rec.Layers[1].Outcome != "published" {
				t.Errorf("%s, load %d of an engine that loses nothing: verdict %s, silver %s", mode, n, rec.Verdict, rec.Layers[1].Outcome)
			}
		}
	}
}
