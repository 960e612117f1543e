package cel

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

var dateType = types.NewOpaqueType("date")

// date is a day without a time or a zone, kept as midnight UTC. It is a CEL value.
type date struct{ time.Time }

var _ ref.Val = date{}

// dateOf is the UTC day of a time.
func dateOf(t time.Time) date {
	y, m, d := t.UTC().Date()
	return date{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

func (d date) String() string { return d.Format(time.DateOnly) }

func (d date) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a date has no native form as %v", t)
}

func (d date) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("a date does not convert to %s", t.TypeName())
}

func (d date) Equal(other ref.Val) ref.Val {
	o, ok := other.(date)
	return types.Bool(ok && d.Time.Equal(o.Time))
}

func (d date) Type() ref.Type { return dateType }
func (d date) Value() any     { return d.Time }
