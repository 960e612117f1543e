package delta

import (
	"encoding/json"
	"strings"
	"testing"
)

// Checkpoints give back nothing for empty maps and lists; in the log they are
// required, and other readers refuse a table without them.
func TestRequiredFieldsAreNeverNull(t *testing.T) {
	for name, v := range map[string]any{"metaData": metaData{}, "add": &fileAction{}} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "null") {
			t.Errorf("%s: %s", name, data)
		}
	}
}
