package duckdb_test

import (
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/engine/enginetest"
	"github.com/dq-dev/dq/expectations/cel/celtest"
	"github.com/dq-dev/dq/expectations/kindtest"
)

func open(t *testing.T) engine.Engine {
	t.Helper()
	e, err := duckdb.Open(duckdb.Config{Threads: 2, MemoryLimit: "1GB", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestEngine(t *testing.T) { enginetest.Run(t, open) }

func TestCEL(t *testing.T) { celtest.Run(t, open) }

func FuzzCEL(f *testing.F) {
	celtest.Fuzz(f, func() (engine.Engine, error) { return openFuzz(f) })
}

func TestKinds(t *testing.T) { kindtest.Run(t, open) }

func openFuzz(f *testing.F) (engine.Engine, error) {
	return duckdb.Open(duckdb.Config{Threads: 1, MemoryLimit: "500MB", TempDir: f.TempDir()})
}
