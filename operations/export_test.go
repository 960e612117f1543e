package operations

import "testing"

// SpliceFrom makes files of that size be written by columns, for one test.
func SpliceFrom(t *testing.T, size int64) {
	before := spliceFrom
	spliceFrom = size
	t.Cleanup(func() { spliceFrom = before })
}
