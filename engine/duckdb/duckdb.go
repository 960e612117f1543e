// Package duckdb is the engine that runs inside the program: DuckDB, linked in,
// with nothing to install and nothing fetched from the network.
//
//	eng, err := duckdb.Open(duckdb.Config{Threads: 2, MemoryLimit: "1GB"})
//	s, err := eng.Session(ctx)
//	_, err = s.Attach(ctx, engine.Input{Name: "silver.orders", Root: root, Files: files, Schema: schema})
//	rows, err := s.Query(ctx, "SELECT count(*) FROM silver.orders")
//
// # How relations are kept
//
// Every session is a database of its own in memory; `silver.orders` is a view in
// its schema silver, so SQL says names as users write them. Parquet is read where
// it lies, through such a view: columns by name from the schema given (no footer
// is read to bind it), partition values, paths and deleted rows joined in by the
// number of the file. CSV and JSON are parsed once per session, at the first
// query that may need them, and kept (in memory, compressed, spilling to disk):
// record numbers and rejected records are then known, and later reads are cheap.
// DuckDB does not notice when a gzip file ends early: package source/file does,
// which reads each file before it hands it over.
//
// # What user SQL may do
//
// [engine.Session.Bind] binds it in an instance that holds only empty stubs, can
// open no file and loads no extension. It must be one SELECT, and every scan in
// its plan must be a stub or a generator of numbers (range, generate_series,
// unnest). The instance with data may read and write files: give it only SQL that
// was bound before, or that dq wrote.
//
// # Types
//
// Results map to the types of package table: unsigned integers to the next wider
// signed one, HUGEINT to decimal(38,0), UUID, ENUM, TIME and JSON to string.
// INTERVAL, UNION and BIT are no types of a table: Bind says so. In
// [engine.Rows] an integer of any width is int64 when it fits, else [engine.Decimal].
package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
)

// Config sets what DuckDB may use.
type Config struct {
	// Threads is how many threads work; 0 is one for each CPU.
	Threads int
	// MemoryLimit is in DuckDB's notation, 1GB or 512MiB; "" is 80 % of the memory.
	// What does not fit is spilled to TempDir. It holds for large and for small
	// sessions apart.
	MemoryLimit string
	// TempDir is where a folder for spilled data is made, and removed by Close;
	// "" is the system's.
	TempDir string
}

// Engine is a DuckDB instance. It implements [engine.Engine].
type Engine struct {
	db       *sql.DB
	small    func() (*sql.DB, error) // opens the instance of small sessions at the first
	smallDB  *sql.DB                 // nil before
	temp     string
	version  string
	threads  int
	sessions atomic.Int64

	// What was found in files, by footer, for all sessions that read them.
	types   sync.Map // map[string]string
	shapes  sync.Map // a hash of the schema
	columns sync.Map // []column

	// Functions of ours are known to one instance, not to both.
	functions, smallFunctions registration
}

// registration makes functions known to an instance once.
type registration struct {
	once, compute, vectors      sync.Once
	err, computeErr, vectorsErr error
}

var _ engine.Engine = (*Engine)(nil)

// Open starts DuckDB: about 10 ms. An error names the setting that is wrong.
func Open(cfg Config) (*Engine, error) {
	if cfg.Threads < 0 {
		return nil, fmt.Errorf("duckdb: threads is %d; give 1 or more, or 0 for one per CPU", cfg.Threads)
	}
	if cfg.Threads == 0 {
		cfg.Threads = runtime.NumCPU()
	}
	temp, err := os.MkdirTemp(cfg.TempDir, "dq-duckdb-")
	if err != nil {
		return nil, fmt.Errorf("duckdb: folder for spilled data: %w", err)
	}
	instance := func(threads int, temp string) (*sql.DB, error) {
		settings := url.Values{"threads": {strconv.Itoa(threads)}, "temp_directory": {temp}}
		if cfg.MemoryLimit != "" {
			settings.Set("memory_limit", cfg.MemoryLimit)
		}
		return openInstance(settings, "SET GLOBAL parquet_metadata_cache = true",
			"SET GLOBAL allowed_configs = ['enable_profiling', 'custom_profiling_settings']") // for countRows
	}
	db, err := instance(cfg.Threads, temp)
	if err != nil {
		_ = os.RemoveAll(temp)
		return nil, err
	}
	e := &Engine{db: db, temp: temp, threads: cfg.Threads}
	e.small = sync.OnceValues(func() (*sql.DB, error) {
		var err error
		e.smallDB, err = instance(1, filepath.Join(temp, "small"))
		return e.smallDB, err
	})
	if err := db.QueryRow("SELECT version()").Scan(&e.version); err != nil {
		_ = e.Close()
		return nil, wrap(context.Background(), err, "duckdb: open")
	}
	return e, nil
}

// openInstance opens a database in memory, applies the settings and locks them.
// A setting that only exists once its extension is there (TimeZone) is set by SQL.
func openInstance(settings url.Values, more ...string) (*sql.DB, error) {
	settings.Set("autoinstall_known_extensions", "false")
	settings.Set("autoload_known_extensions", "false")
	connector, err := driver.NewConnector("?"+settings.Encode(), nil)
	if err != nil {
		return nil, wrap(context.Background(), err, "duckdb: open")
	}
	db := sql.OpenDB(connector)
	// A closed connection is closed, so that no session inherits another's names.
	db.SetMaxIdleConns(0)
	more = append([]string{"SET GLOBAL TimeZone = 'UTC'"}, more...)
	for _, set := range append(more, "SET GLOBAL lock_configuration = true") {
		if _, err := db.Exec(set); err != nil {
			_ = db.Close()
			return nil, wrap(context.Background(), err, "duckdb: "+set)
		}
	}
	return db, nil
}

// Info names DuckDB, its version and its threads.
func (e *Engine) Info() engine.Info {
	return engine.Info{Name: "duckdb", Version: e.version, Threads: e.threads}
}

// Dialect is DuckDB's SQL.
func (e *Engine) Dialect() engine.Dialect { return dialect{} }

// Close ends all sessions and removes spilled data.
func (e *Engine) Close() error {
	err := e.db.Close()
	if e.smallDB != nil {
		err = errors.Join(err, e.smallDB.Close())
	}
	if rm := os.RemoveAll(e.temp); err == nil {
		err = rm
	}
	if err != nil {
		return fmt.Errorf("duckdb: close: %w", err)
	}
	return nil
}
