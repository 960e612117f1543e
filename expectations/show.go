package expectations

import (
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// Show makes rows of the suite's table fit to be shown: values fit for JSON,
// those of columns that are tagged personal redacted. Columns that the suite
// does not know are shown as they are.
func (p *Plan) Show(rows *engine.Rows) []map[string]any {
	out := make([]map[string]any, len(rows.Values))
	for i, values := range rows.Values {
		out[i] = p.sampleRow(rows.Schema.Names(), values)
	}
	return out
}

// Refusing lists the ids of the rules that take rows out of a batch: on_fail
// quarantine or drop.
func (p *Plan) Refusing() []string {
	var ids []string
	for _, r := range p.refusing() {
		ids = append(ids, r.ID)
	}
	return ids
}

// PastMetric is a metric, by its text, of the last Past versions before.
type PastMetric struct {
	Text string
	Past int
}

// Past lists what rules ask of versions before: metrics, those of groups, and
// which groups there were.
func (p *Plan) Past() []PastMetric {
	var past []PastMetric
	for _, r := range p.rules {
		past = append(past, r.asksPast(cel.Facts{Now: p.now})...)
	}
	return past
}

// Back is how many versions back the rules look.
func (p *Plan) Back() int {
	back := 0
	for _, m := range p.Past() {
		back = max(back, m.Past)
	}
	return back
}
