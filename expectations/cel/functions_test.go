package cel

import (
	"testing"

	"github.com/dq-dev/dq/table"
)

// Every function says what it does, with three examples that hold.
func TestExamplesOfFunctions(t *testing.T) {
	e, err := NewEnv(table.Schema{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Functions() {
		if f.Doc == "" || len(f.Examples) < 3 {
			t.Errorf("%s has %d examples and the doc %q", f.Name, len(f.Examples), f.Doc)
		}
		for _, src := range f.Examples {
			r, err := e.Row(src)
			if err != nil {
				t.Errorf("%s: %v", src, err)
				continue
			}
			if got := r.With(Facts{Now: now}).Eval(nil); got.Value != True {
				t.Errorf("%s: %+v", src, got)
			}
		}
	}
}
