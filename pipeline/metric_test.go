package pipeline

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
)

func TestMetricsKeepTheirType(t *testing.T) {
	for _, v := range []any{nil, int64(1)<<60 + 1, 0.1, engine.Decimal("12.340"), "x", true, time.Date(2011, 12, 9, 12, 50, 0, 1000, time.UTC),
		expectations.Grouped{`["SE"]`: int64(3), `[null]`: nil}} {
		data, err := json.Marshal(metric{v})
		if err != nil {
			t.Fatal(err)
		}
		var back metric
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back.value, v) {
			t.Errorf("%v (%T) came back as %v (%T) from %s", v, v, back.value, back.value, data)
		}
	}
	if err := json.Unmarshal([]byte(`{"complex":"1+i"}`), new(metric)); err == nil {
		t.Error("an unknown type was read")
	}
}
