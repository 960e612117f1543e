package expectations

import "slices"

// Reading is what one expectation looks at.
type Reading struct {
	ID       string
	Position string // suite.yaml:12:5
	// Columns are those of its table. Others are those of other tables, by the
	// table's name. What SQL of a rule's own reads is not among them.
	Columns []string
	Others  map[string][]string
}

// Reads lists what each expectation looks at, in the order of the suite.
func (p *Plan) Reads() []Reading {
	var out []Reading
	for _, r := range p.rules {
		reading := Reading{ID: r.ID, Position: r.Position, Columns: slices.Clone(r.columns), Others: map[string][]string{}}
		for _, part := range r.parts() {
			for _, ref := range part.Refs() {
				if !slices.Contains(reading.Others[ref.Table], ref.Column) {
					reading.Others[ref.Table] = append(reading.Others[ref.Table], ref.Column)
				}
			}
		}
		out = append(out, reading)
	}
	return out
}
