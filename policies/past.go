package policies

import (
	"iter"
	"slices"

	"github.com/dq-dev/dq/table"
)

// Past is what a table's log tells of the changes up to one of its versions.
type Past struct {
	Versions []Version // that changed what the table is, the newest first
	Earlier  []Earlier // the schemas before the newest of them, oldest first
}

// PastOf reads a table's past up to a version, that one included, from the shapes that
// it had, oldest first. What changed in the first is known only when that is version 0.
// The error is that of shapes. Cost: one diff for each.
func PastOf[S Committed](shapes iter.Seq2[S, error], upTo int64) (*Past, error) {
	past := &Past{}
	var last *Shape
	for s, err := range shapes {
		if err != nil {
			return nil, err
		}
		if s.Version() > upTo {
			break
		}
		shape, schema := ShapeOf(s), s.Schema()
		v := Version{Version: s.Version(), At: s.Time()}
		if last != nil || s.Version() == 0 {
			var columns []table.Change
			if last != nil {
				columns = table.Diff(past.Earlier[len(past.Earlier)-1].Schema, schema, nil)
			}
			diff := Diff(last, shape, columns)
			v.DiffOps, v.Breaking = opsOf(diff), Breaking(diff)
		}
		past.Versions = append(past.Versions, v)
		past.Earlier = append(past.Earlier, Earlier{Version: s.Version(), Schema: schema})
		last = shape
	}
	slices.Reverse(past.Versions)
	past.Earlier = past.Earlier[:max(0, len(past.Earlier)-1)]
	return past, nil
}
