package lineage

// Inline is a statement with the sources of other statements in place of the columns
// of the tables that these made: by their names, as sources have them. Paths go on as in
// [Trace]; what decides which rows such a table has decides about whatever reads it.
func Inline(st *Statement, made map[string]*Statement) *Statement {
	out := &Statement{Columns: make([]Column, len(st.Columns)), Status: st.Status}
	dataset := set{}
	read := map[string]bool{}
	put := func(into set, sources []Source) {
		for _, s := range sources {
			m := made[s.Table]
			if m == nil {
				into.source(s)
				continue
			}
			read[s.Table] = true
			step := set{}
			if s.Column == "" {
				step = m.rows()
			}
			for _, c := range m.Columns {
				if c.Name == s.Column {
					step.mergeAs(setOf(c.Sources), s.Type, s.Subtype)
				}
			}
			if s.Masking {
				step = step.mask()
			}
			into.merge(step)
		}
	}
	named := map[string]bool{} // tables of which a column is a source
	for i, c := range st.Columns {
		sources := set{}
		put(sources, c.Sources)
		out.Columns[i] = Column{Name: c.Name, Sources: sources.list()}
	}
	put(dataset, st.Dataset)
	for name := range read {
		dataset.merge(setOf(made[name].Dataset))
		if made[name].Status != Exact {
			out.Status = Conservative
		}
	}
	for _, list := range append([][]Source{dataset.list()}, sourcesOf(out)...) {
		for _, s := range list {
			named[s.Table] = named[s.Table] || s.Column != ""
		}
	}
	for k := range dataset {
		if k.column == "" && named[k.table] {
			delete(dataset, k)
		}
	}
	out.Dataset = dataset.list()
	return out
}

// Both is what two statements that add rows to one table make of it together: the
// columns of the first, and those that only the second has.
func Both(a, b *Statement) *Statement {
	out := &Statement{Status: a.Status}
	if b.Status != Exact {
		out.Status = b.Status
	}
	union := func(a, b []Source) []Source {
		all := setOf(a)
		all.merge(setOf(b))
		return all.list()
	}
	at := map[string]int{}
	for i, c := range a.Columns {
		at[c.Name] = i
		out.Columns = append(out.Columns, Column{Name: c.Name, Sources: union(c.Sources, nil)})
	}
	for _, c := range b.Columns {
		if i, ok := at[c.Name]; ok {
			out.Columns[i].Sources = union(out.Columns[i].Sources, c.Sources)
		} else {
			out.Columns = append(out.Columns, Column{Name: c.Name, Sources: union(c.Sources, nil)})
		}
	}
	out.Dataset = union(a.Dataset, b.Dataset)
	return out
}

// rows is what decides which rows a statement gives, and the tables that they come from.
func (st *Statement) rows() set {
	out := set{}
	for _, s := range st.Dataset {
		if s.Subtype != Sort {
			out.mergeAs(setOf([]Source{s}), Indirect, Filter)
		}
	}
	for _, list := range append([][]Source{st.Dataset}, sourcesOf(st)...) {
		for _, s := range list {
			out.add(key{s.Table, "", Indirect, Filter}, attr{subtype: Filter})
		}
	}
	return out
}

func sourcesOf(st *Statement) [][]Source {
	lists := make([][]Source, len(st.Columns))
	for i, c := range st.Columns {
		lists[i] = c.Sources
	}
	return lists
}

// source adds one source as it is.
func (s set) source(from Source) {
	k := key{from.Table, from.Column, from.Type, ""}
	if from.Type == Indirect {
		k.subtype = from.Subtype
	}
	s.add(k, attr{from.Subtype, from.Masking})
}

func setOf(sources []Source) set {
	out := set{}
	for _, s := range sources {
		out.source(s)
	}
	return out
}
