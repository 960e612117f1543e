package delta

import (
	"encoding/json"
	"slices"
)

// clusteringDomain says what columns files are clustered by, by their physical
// paths (PROTOCOL.md, "Clustered Table").
const clusteringDomain = "delta.clustering"

// clustered notes in the layout what the table is clustered by: every file that
// comes has statistics of these columns.
func (x *Txn) clustered(l *layout) {
	d, ok := x.base.state.domains[clusteringDomain]
	if !ok || !slices.Contains(x.features(), "clustering") {
		return
	}
	var by struct {
		Columns [][]string `json:"clusteringColumns"`
	}
	if err := json.Unmarshal([]byte(d.Configuration), &by); err != nil {
		x.fail(&Error{Category: LogCorrupt, File: logDir, Problem: "the domain " + clusteringDomain + " says " + d.Configuration + ", not which columns", Err: err})
	}
	l.clustering = by.Columns
}

// clusters reports whether the table is clustered by a column.
func (l *layout) clusters(c leaf) bool {
	return slices.ContainsFunc(l.clustering, func(path []string) bool { return slices.Equal(path, c.physical) })
}
