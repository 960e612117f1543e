package operations

import (
	"fmt"

	"github.com/dq-dev/dq/delta"
)

// failure is an error whose text says all, and whose kind is one of package delta's,
// for errors.Is.
type failure struct {
	kind error
	text string
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

func invalid(format string, args ...any) error {
	return &failure{delta.ErrInvalid, fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &failure{delta.ErrUnsupported, fmt.Sprintf(format, args...)}
}

func corrupt(format string, args ...any) error {
	return &failure{delta.ErrCorrupt, fmt.Sprintf(format, args...)}
}
