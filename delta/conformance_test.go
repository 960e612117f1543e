package delta

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fixture is the case.json of one table that others wrote, with what an
// independent replay of its log found.
type fixture struct {
	Expect        string   `json:"expect"` // ok or error
	ErrorCategory string   `json:"error_category"`
	Category      string   `json:"category"`
	Features      []string `json:"features"`
	Rows          *int64   `json:"rows"`
	Snapshot      struct {
		Version          int64            `json:"version"`
		NumFiles         int              `json:"num_files"`
		SizeBytes        int64            `json:"size_bytes"`
		FilesSHA256      string           `json:"files_sha256"`
		PartitionColumns []string         `json:"partition_columns"`
		SchemaSHA256     string           `json:"schema_sha256"`
		Txn              map[string]int64 `json:"txn"`
		Protocol         []any            `json:"protocol"`
	} `json:"snapshot"`
}

// refusedFeatures are reader features that this package does not read yet:
// tables that need them must be refused by name.
var refusedFeatures = []string{
	"feat:catalogOwned",
}

// foundByEngines are error categories that only reading the data files can find.
var foundByEngines = []string{"type-mismatch"}

// TestConformance reads tables that other implementations wrote: the small ones
// in testdata always, and a whole collection when DQ_DELTA_FIXTURES names a
// folder of <source>/<case>/{case.json,table}.
func TestConformance(t *testing.T) {
	roots := []string{"testdata"}
	if dir := os.Getenv("DQ_DELTA_FIXTURES"); dir != "" {
		roots = append(roots, dir)
	}
	for _, root := range roots {
		cases, err := filepath.Glob(filepath.Join(root, "*", "*", "case.json"))
		if err != nil || len(cases) == 0 {
			t.Fatalf("%s: no cases (%v)", root, err)
		}
		for _, file := range cases {
			dir := filepath.Dir(file)
			name := filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir)
			t.Run(name, func(t *testing.T) {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var f fixture
				if err := json.Unmarshal(data, &f); err != nil {
					t.Fatal(err)
				}
				f.run(t, Dir(filepath.Join(dir, "table")))
			})
		}
	}
}

func (f *fixture) run(t *testing.T, store Store) {
	ctx := context.Background()
	rows, s, err := readAll(ctx, Open(store))
	if i := slices.IndexFunc(f.Features, func(name string) bool { return slices.Contains(refusedFeatures, name) }); i >= 0 && f.Expect == "ok" {
		var e *Error
		if !errors.As(err, &e) || e.Category != UnsupportedFeature || !strings.Contains(e.Problem, strings.TrimPrefix(f.Features[i], "feat:")) {
			t.Fatalf("a table with %s must be refused by name, got %v", f.Features[i], err)
		}
		return
	}
	if f.Expect == "error" && !slices.Contains(foundByEngines, f.ErrorCategory) {
		if f.ErrorCategory == "not-a-table" {
			if !errors.Is(err, ErrNoTable) {
				t.Fatalf("want ErrNoTable, got %v", err)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) || string(e.Category) != f.ErrorCategory {
			t.Fatalf("want category %s, got %v", f.ErrorCategory, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	f.compare(t, s, rows)
}

// readAll reads the newest snapshot with all its files and deletion vectors.
func readAll(ctx context.Context, tb *Table) (rows int64, s *Snapshot, err error) {
	if s, err = tb.Snapshot(ctx, Latest()); err != nil {
		return 0, nil, err
	}
	for f, err := range s.Files(ctx) {
		if err != nil {
			return 0, nil, err
		}
		if n, ok := f.LiveRows(); ok && rows >= 0 {
			rows += n
		} else {
			rows = -1
		}
	}
	return rows, s, nil
}

func (f *fixture) compare(t *testing.T, s *Snapshot, rows int64) {
	want := f.Snapshot
	if s.Version() != want.Version {
		t.Errorf("version %d, want %d", s.Version(), want.Version)
	}
	if s.NumFiles() != want.NumFiles || s.Bytes() != want.SizeBytes {
		t.Errorf("%d files of %d bytes, want %d of %d", s.NumFiles(), s.Bytes(), want.NumFiles, want.SizeBytes)
	}
	var lines []string
	for _, a := range s.state.files {
		lines = append(lines, a.path+"|"+a.dvID())
	}
	slices.Sort(lines)
	if got := sha(strings.Join(lines, "\n")); got != want.FilesSHA256 {
		t.Errorf("files are %.1000q", lines)
	}
	if got := sha(s.state.metaData.SchemaString); got != want.SchemaSHA256 {
		t.Errorf("schema is %s", s.state.metaData.SchemaString)
	}
	if !slices.Equal(s.PartitionBy(), want.PartitionColumns) && len(want.PartitionColumns) > 0 {
		t.Errorf("partition columns %q, want %q", s.PartitionBy(), want.PartitionColumns)
	}
	for app, n := range want.Txn {
		if got, ok := s.Txn(app); !ok || got != n {
			t.Errorf("txn %s is %d, want %d", app, got, n)
		}
	}
	if len(s.Txns()) != len(want.Txn) {
		t.Errorf("txns %v, want %v", s.Txns(), want.Txn)
	}
	reader, writer := s.MinVersions()
	if float64(reader) != want.Protocol[0] || float64(writer) != want.Protocol[1] {
		t.Errorf("protocol %d/%d, want %v", reader, writer, want.Protocol[:2])
	}
	if total, ok := s.Rows(); ok && total != rows {
		t.Errorf("Rows says %d, the files %d", total, rows)
	}
	if f.Rows != nil && rows >= 0 && rows != *f.Rows && !slices.Contains(f.Features, "wrong-stats") {
		t.Errorf("%d rows by statistics, want %d", rows, *f.Rows)
	}
	// What is written of a schema reads as the same schema.
	text, err := formatSchema(s.Schema())
	if err != nil {
		if s.ColumnMapping() == "none" {
			t.Errorf("schema: %v", err)
		}
		return
	}
	again, err := parseSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := formatSchema(again); err != nil || twice != text {
		t.Errorf("schema changes when written again: %s, %s (%v)", text, twice, err)
	}
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
