package table

// Change is one typed difference between two shapes of a table.
type Change struct {
	Op   string `json:"op"`             // see the constants
	Path string `json:"path,omitempty"` // the column, nested ones as a.b, arr.element, map.key, map.value
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
	// Class, of a changed type: widening_lossless, widening_lossy, narrowing, incompatible.
	Class string `json:"class,omitempty"`
	// Breaks names who breaks: backward (old readers of new data... as schema registries use it), forward.
	Breaks []string `json:"breaks,omitempty"`
	// DataRisk is none, rewrite or loss.
	DataRisk string `json:"data_risk,omitempty"`
	Hint     string `json:"hint,omitempty"`
}
