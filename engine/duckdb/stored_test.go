package duckdb

import (
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// TestUntyped: a column that has the type of nulls in every file is marked, one that some
// file has a type for is not. The files are pyarrow's.
func TestUntyped(t *testing.T) {
	nulls, typed, within := table.File{Path: "nulls.parquet"}, table.File{Path: "typed.parquet"}, table.File{Path: "within.parquet"}
	eng, err := Open(Config{Threads: 1, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = eng.Close() }()
	s, err := eng.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for _, c := range []struct {
		files []table.File
		want  bool
	}{{[]table.File{nulls}, true}, {[]table.File{typed}, false}, {[]table.File{nulls, typed}, false}, {[]table.File{within}, true}} {
		got, err := s.Attach(t.Context(), engine.Input{Name: "n", Root: "testdata/untyped", Files: c.files})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range got.Fields {
			if marked := f.Meta[engine.Untyped] == true; marked != (f.Name == "n" && c.want) {
				t.Errorf("%v: column %s: untyped %t", c.files, f.Name, marked)
			}
		}
	}
}

// TestFindStored: of columns of a file that differ only in case, the one of the very name
// is the table's; without one, either could be.
func TestFindStored(t *testing.T) {
	stored := []column{{name: "ID", read: "ID"}, {name: "id", read: "id_1"}, {name: "x", read: "x"}}
	for name, want := range map[string]string{"ID": "ID", "id": "id_1", "X": "x", "y": ""} {
		c := &storedCheck{}
		found, other := c.find(stored, table.Field{Name: name})
		if other != nil || want == "" && found != nil || want != "" && (found == nil || found.read != want) {
			t.Errorf("%s: %v %v", name, found, other)
		}
	}
	if _, other := (&storedCheck{}).find(stored, table.Field{Name: "Id"}); other == nil {
		t.Error("Id is found, though it could be either")
	}
}
