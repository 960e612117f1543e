package delta

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/dq-dev/dq/table"
)

// likeShape is what a shape and a snapshot both say.
type likeShape struct {
	schema              table.Schema
	partition, cluster  []string
	props, constraints  map[string]string
	reader, writer      []string
	minReader, minWrite int
	mapping             string
}

func shapeOf(s interface {
	Schema() table.Schema
	PartitionBy() []string
	ClusterBy() []string
	Properties() map[string]string
	Constraints() map[string]string
	Features() (reader, writer []string)
	MinVersions() (reader, writer int)
	ColumnMapping() string
}) likeShape {
	reader, writer := s.Features()
	minReader, minWriter := s.MinVersions()
	return likeShape{s.Schema(), s.PartitionBy(), s.ClusterBy(), s.Properties(), s.Constraints(), reader, writer, minReader, minWriter, s.ColumnMapping()}
}

// The shapes of every table of other writers are those of the snapshots of its
// versions: one for the first that can be read, and one wherever they differ.
func TestShapes(t *testing.T) {
	roots := []string{"testdata"}
	if dir := os.Getenv("DQ_DELTA_FIXTURES"); dir != "" {
		roots = append(roots, dir)
	}
	var dirs []string
	for _, root := range roots {
		found, err := filepath.Glob(filepath.Join(root, "*", "*", "table"))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no tables (%v)", root, err)
		}
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		tb := Open(Dir(dir))
		newest, err := tb.Snapshot(t.Context(), Latest())
		if err != nil {
			continue // tables that cannot be read have a test of their own
		}
		var want []likeShape
		var versions []int64
		for v := int64(0); v <= newest.Version(); v++ {
			s, err := tb.Snapshot(t.Context(), Version(v))
			if errors.Is(err, ErrGone) {
				continue
			}
			if err != nil {
				versions = nil
				break
			}
			if shape := shapeOf(s); len(want) == 0 || !reflect.DeepEqual(shape, want[len(want)-1]) {
				want, versions = append(want, shape), append(versions, v)
			}
		}
		if versions == nil {
			continue // a version that was not readable then
		}
		var got []int64
		for s, err := range tb.Shapes(t.Context()) {
			if err != nil {
				t.Errorf("%s: %v", dir, err)
				break
			}
			i := slices.Index(versions, s.Version())
			if got = append(got, s.Version()); i >= 0 && !reflect.DeepEqual(shapeOf(s), want[i]) {
				t.Errorf("%s version %d: %+v, want %+v", dir, s.Version(), shapeOf(s), want[i])
			}
		}
		if !slices.Equal(got, versions) {
			t.Errorf("%s: shapes of versions %v, want %v", dir, got, versions)
		}
	}
}

func TestShapesOfAChangingTable(t *testing.T) {
	tb := testTable(&memory{})
	s := create(t, tb, nil)
	s = appendFiles(t, s, "a")
	x := s.Begin("SET TBLPROPERTIES")
	x.SetProperties(map[string]string{"color": "red"})
	commitOK(t, x)
	s = appendFiles(t, x.Snapshot(), "b", "c")
	x = s.Begin("ADD COLUMNS")
	x.MergeSchema(table.Schema{Fields: append(s.Schema().Fields, table.Field{Name: "more", Type: table.Type{Kind: table.Date}, Nullable: true})})
	commitOK(t, x)
	appendFiles(t, x.Snapshot(), "d")
	var got []string
	for s, err := range tb.Shapes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.Operation())
	}
	if !slices.Equal(got, []string{"CREATE TABLE", "SET TBLPROPERTIES", "ADD COLUMNS"}) {
		t.Errorf("%q", got)
	}
	for range tb.Shapes(t.Context()) {
		break // whoever has seen enough may stop
	}
}

func TestShapesTellOverwrites(t *testing.T) {
	for text, want := range map[string]bool{
		`{"operation":"WRITE","operationParameters":{"mode":"Overwrite","partitionBy":"[]"}}`:               true,
		`{"operation":"WRITE","operationParameters":{"mode":"Overwrite","predicate":"[]"}}`:                 true,
		`{"operation":"WRITE","operationParameters":{"mode":"Overwrite","predicate":"day = '2026-10-01'"}}`: false,
		`{"operation":"WRITE","operationParameters":{"mode":"Append"}}`:                                     false,
		`{"operation":"CREATE OR REPLACE TABLE AS SELECT","operationParameters":{"isManaged":false}}`:       true,
		`{"operation":"ADD COLUMNS","operationParameters":[1]}`:                                             false,
		`{"operation":"WRITE","operationParameters":{"mode":{"name":"Overwrite"},"statsOnLoad":false}}`:     false,
		``: false,
	} {
		raw := json.RawMessage(text)
		if got := rewrites(parseInfo(raw).Operation, raw); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func TestShapesOfNoTable(t *testing.T) {
	if err := os.MkdirAll(filepath.Join(t.TempDir(), "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, err := range Open(Dir(t.TempDir())).Shapes(t.Context()) {
		if !errors.Is(err, ErrNoTable) {
			t.Errorf("%v", err)
		}
	}
}
