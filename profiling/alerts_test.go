package profiling

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dq-dev/dq/record"
)

// What is odd about many columns does not hide what is odd about one.
func TestAlikeColumnsAreOneAlert(t *testing.T) {
	var odd []oddity
	for i := range 60 {
		name := fmt.Sprintf("c%d", i)
		odd = append(odd, oddity{record.Alert{Column: name, Kind: kinds[kindPersonal], Message: "looks personal"}, kindPersonal, 1, i})
		if i < 4 { // one more than are shown: it takes no less room as a name
			odd = append(odd, oddity{record.Alert{Column: name, Kind: kinds[kindNulls], Message: "nulls"}, kindNulls, 1, i})
		}
	}
	odd = append(odd, oddity{record.Alert{Column: "last", Kind: kinds[kindSkewed], Message: "skewed"}, kindSkewed, 1, 60})
	var got []string
	for _, a := range alerts(100, odd) {
		got = append(got, a.Kind+" "+a.Column+" "+a.Message)
	}
	want := []string{"personal c0 looks personal", "personal c1 looks personal", "personal c2 looks personal",
		"personal  likewise 57 columns: c3, c4, c5, c6, c7, c8, c9, c10, c11, c12 and 47 more",
		"nulls c0 nulls", "nulls c1 nulls", "nulls c2 nulls", "nulls c3 nulls", "skewed last skewed"}
	if !slices.Equal(got, want) {
		t.Errorf("alerts:\n%q\nwant\n%q", got, want)
	}
}
