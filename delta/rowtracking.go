package delta

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dq-dev/dq/table"
)

// rowTracking is the domain with the highest row id that was given out, and the
// feature whose domain it is (PROTOCOL.md, "Row Tracking").
const (
	rowTracking       = "rowTracking"
	rowTrackingDomain = "delta.rowTracking"
	rowTrackingOn     = "delta.enableRowTracking"
)

// tracked gives files that are added without ids of their rows the next ones that are
// free behind current, and the domain that then says so; nil where the table
// tracks no rows. Each attempt of a commit gives them anew.
func (x *Txn) tracked(current *Snapshot) ([]*fileAction, *domainMetadata, error) {
	adds := x.prepared.Adds
	if !slices.Contains(x.trackingFeatures(current), rowTracking) {
		return adds, nil, nil
	}
	mark, version := int64(-1), int64(0)
	if current != nil {
		version = current.Version() + 1
		if d, ok := current.state.domains[rowTrackingDomain]; ok {
			var high struct {
				Mark *number `json:"rowIdHighWaterMark"`
			}
			if err := json.Unmarshal([]byte(d.Configuration), &high); err != nil || high.Mark == nil {
				return nil, nil, &Error{Category: LogCorrupt, File: logDir, Problem: fmt.Sprintf("the domain %s says %q, not how many rows have ids", rowTrackingDomain, d.Configuration), Err: err}
			}
			mark = high.Mark.value()
		}
	}
	first := mark
	out := make([]*fileAction, len(adds))
	for i, f := range adds {
		if out[i] = f; f.BaseRowID != nil {
			continue
		}
		rows := f.rows()
		if rows < 0 {
			return nil, nil, invalid("add: the table tracks its rows, and the statistics of %s do not say how many it has", f.path)
		}
		next := *f
		next.BaseRowID, next.DefaultRowCommitVersion = numberOf(mark+1), numberOf(version)
		mark += rows
		out[i] = &next
	}
	if mark == first {
		return out, nil, nil
	}
	return out, &domainMetadata{Domain: rowTrackingDomain, Configuration: fmt.Sprintf(`{"rowIdHighWaterMark":%d}`, mark)}, nil
}

// trackingFeatures are the writer features that the commit leaves.
func (x *Txn) trackingFeatures(current *Snapshot) []string {
	p := x.prepared.Protocol
	if p == nil && current != nil {
		p = current.state.protocol
	}
	if p == nil {
		return nil
	}
	_, writer := p.features()
	return writer
}

// RowIDs are the id of the first row of a live file, those after it counting on,
// deleted ones too, and the version that the rows have where the file does not say
// another. False: no such file, or no ids.
func (s *Snapshot) RowIDs(f table.File) (first, version int64, ok bool) {
	live := s.state.files[keyOf(f)]
	if live == nil || live.BaseRowID == nil || live.DefaultRowCommitVersion == nil {
		return 0, 0, false
	}
	return live.BaseRowID.value(), live.DefaultRowCommitVersion.value(), true
}
