package duckdb

import (
	"testing"

	"github.com/dq-dev/dq/table"
)

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
