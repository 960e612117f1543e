package reports

import (
	"io"

	"github.com/dq-dev/dq/record"
)

// writeJSON writes the record itself.
func writeJSON(w io.Writer, run *record.Run) error {
	return run.Write(w)
}
