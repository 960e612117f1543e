package suggest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// reference is a column whose values are keys of another table, but for orphans.
type reference struct {
	column          *column
	to              string // table.column
	judged, orphans int
}

const (
	referred  = 0.95 // of the values must be there
	manyKeys  = 20   // different values, that a column has at least
	sameNames = 2    // how much a column's name counts for, when several fit
)

// Refer looks which columns hold keys of other tables, which are attached to s under their
// names: columns of whole numbers or texts whose values are all different there. Numbers count
// only when the columns are called alike (customer_id, and customer_id or id of customers), for
// small numbers are in everything. Cost: a scan of each key, and a join for each pair that may be.
func (t *Table) Refer(ctx context.Context, s engine.Session, d engine.Dialect, relation string, tables map[string]table.Schema) error {
	t.references = nil
	best := map[*column]int{}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		for _, key := range tables[name].Fields {
			if !key.Type.Integer() && key.Type.Kind != table.String || !nameable(key.Name) || strings.Contains(key.Name, ".") {
				continue
			}
			var fit []*column
			for _, c := range t.columns {
				alike := namedAlike(c.name, name, key.Name)
				if len(c.values) >= manyKeys && (c.typ.Integer() && key.Type.Integer() && alike || c.typ.Kind == table.String && key.Type.Kind == table.String) {
					fit = append(fit, c)
				}
			}
			if len(fit) == 0 {
				continue
			}
			k, other := d.Ident(key.Name), d.Relation(name)
			numbers, err := s.Query(ctx, fmt.Sprintf("SELECT count(%[1]s), count(DISTINCT %[1]s) FROM %[2]s", k, other))
			if err != nil {
				return fmt.Errorf("references to %s: %w", name, err)
			}
			if rows, different := integer(numbers, 0), integer(numbers, 1); rows == 0 || rows != different {
				continue
			}
			for _, c := range fit {
				x := d.Ident(c.name)
				numbers, err := s.Query(ctx, fmt.Sprintf("SELECT count(%[1]s), count(%[1]s) FILTER (WHERE %[1]s NOT IN (SELECT %[2]s FROM %[3]s WHERE %[2]s IS NOT NULL)) FROM %[4]s", x, k, other, d.Relation(relation)))
				if err != nil {
					return fmt.Errorf("references to %s: %w", name, err)
				}
				r := reference{column: c, to: name + "." + key.Name, judged: integer(numbers, 0), orphans: integer(numbers, 1)}
				if r.judged == 0 || float64(r.orphans) > (1-referred)*float64(r.judged) {
					continue
				}
				fits := 1
				if namedAlike(c.name, name, key.Name) {
					fits = sameNames
				}
				if fits > best[c] {
					t.references = slices.DeleteFunc(t.references, func(o reference) bool { return o.column == c })
					t.references, best[c] = append(t.references, r), fits
				}
			}
		}
	}
	return nil
}

func integer(r *engine.Rows, i int) int {
	n, _ := r.Values[0][i].(int64)
	return int(n)
}

// namedAlike reports whether a column is called as a column of another table: customer_id
// for customer_id there, or for id of customers or silver.customer.
func namedAlike(column, name, key string) bool {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "") }
	last := plain(name[strings.LastIndexByte(name, '.')+1:])
	a, b := plain(column), plain(key)
	return a == b || a == last+b || a == strings.TrimSuffix(last, "s")+b || strings.HasSuffix(last, "ies") && a == strings.TrimSuffix(last, "ies")+"y"+b
}

// refer demands that the values are there.
func (l *learner) refer() {
	for _, r := range l.table.references {
		why := fmt.Sprintf("all %s values are in %s", count(r.judged), r.to)
		if r.orphans > 0 {
			why = fmt.Sprintf("%s of %s values are in %s", count(r.judged-r.orphans), count(r.judged), r.to)
		}
		l.beside(r.column, "references", r.judged, r.orphans, why, Param{"to", r.to})
	}
}
