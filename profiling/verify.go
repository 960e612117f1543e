package profiling

import (
	"context"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
)

// exactCells is the largest number of rows times columns that [Verify] looks at.
const exactCells = 20 * ExactRows

// Verify counts on all rows, of at most [ExactRows] and 20 columns for so many rows, what [State.Profile] estimated or saw
// in its sample: different values of the columns, duplicate rows, keys and dependencies.
// What does not hold is taken out of the profile. A larger table is left as it is. Cost:
// a scan of all columns, and of the columns of each key and dependency.
func Verify(ctx context.Context, s engine.Session, d engine.Dialect, relation string, p *record.Profile) error {
	if p.Rows > ExactRows || p.Rows*int64(len(p.Columns)) > exactCells || p.Rows == 0 {
		return nil
	}
	say, err := spellingOf(d)
	if err != nil {
		return err
	}
	v := verifier{profiler{session: s, say: say, from: say.Relation(relation)}, p}
	for _, step := range []func(context.Context) error{v.distinct, v.duplicates, v.keys, v.dependencies} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("profile of %s: %w", relation, err)
		}
	}
	v.alerts()
	return nil
}

type verifier struct {
	profiler
	p *record.Profile
}

func (v *verifier) distinct(ctx context.Context) error {
	var items []string
	var columns []*record.ColumnProfile
	for i := range v.p.Columns {
		c := &v.p.Columns[i]
		if c.Approx && c.Of == "" {
			value := v.say.Ident(c.Name)
			if c.Type == "float" || c.Type == "double" {
				value = v.say.finite(value)
			}
			items, columns = append(items, v.say.distinct(value)), append(columns, c)
		}
	}
	// Each alone: together they would all be kept in memory at once.
	for i, item := range items {
		row, err := v.one(ctx, "SELECT "+item+" FROM "+v.from, 1)
		if err != nil {
			return err
		}
		columns[i].Distinct = integer(row[0])
	}
	return nil
}

func (v *verifier) duplicates(ctx context.Context) error {
	if v.p.Duplicates == nil || v.p.Duplicates.Exact {
		return nil
	}
	var names []string
	for _, c := range v.p.Columns {
		if c.Of == "" {
			names = append(names, v.say.Ident(c.Name))
		}
	}
	row, err := v.one(ctx, fmt.Sprintf("SELECT coalesce(%s, 0), count(*) FROM (SELECT count(*) AS n FROM %s GROUP BY %s HAVING count(*) > 1) AS dq_groups",
		v.say.bigint("sum(n - 1)"), v.from, v.say.hash(names)), 2)
	if err != nil {
		return err
	}
	v.p.Duplicates = &record.Duplicates{Rows: integer(row[0]), Groups: integer(row[1]), Exact: true}
	return nil
}

func (v *verifier) keys(ctx context.Context) error {
	var kept []record.Key
	for _, k := range v.p.Keys {
		if !k.Exact {
			names := make([]string, len(k.Columns))
			filled := make([]string, len(k.Columns))
			for i, c := range k.Columns {
				names[i] = v.say.Ident(c)
				filled[i] = names[i] + " IS NOT NULL"
			}
			row, err := v.one(ctx, fmt.Sprintf("SELECT count(*), %s FROM %s WHERE %s", v.say.distinct(v.say.hash(names)), v.from, strings.Join(filled, " AND ")), 2)
			if err != nil {
				return err
			}
			rows := integer(row[0])
			k.Exact, k.Repeats = true, rows-integer(row[1])
			if float64(k.Repeats) > (1-nearKey)*float64(rows) || k.Repeats > 0 && len(k.Columns) > 1 {
				continue
			}
		}
		kept = append(kept, k)
	}
	v.p.Keys = kept
	return nil
}

func (v *verifier) dependencies(ctx context.Context) error {
	var kept []record.Dependency
	for i, d := range v.p.Dependencies {
		if d.Exact || i >= 20 {
			kept = append(kept, d)
			continue
		}
		a, b := v.say.Ident(d.From), v.say.Ident(d.To)
		row, err := v.one(ctx, fmt.Sprintf(`SELECT coalesce(%s, 0), coalesce(%s, 0) FROM (SELECT sum(n) AS n, max(n) AS most FROM (
  SELECT %s AS a, count(*) AS n FROM %s WHERE %s IS NOT NULL AND %s IS NOT NULL GROUP BY %s, %s) AS dq_pairs GROUP BY a) AS dq_values`,
			v.say.bigint("sum(n)"), v.say.bigint("sum(n - most)"), a, v.from, a, b, a, b), 2)
		if err != nil {
			return err
		}
		d.Rows, d.Exceptions, d.Exact = integer(row[0]), integer(row[1]), true
		if float64(d.Exceptions) <= maxExceptions*float64(d.Rows) {
			kept = append(kept, d)
		}
	}
	v.p.Dependencies = kept
	return nil
}

// alerts says anew what is odd about the table, with the numbers that are known now.
func (v *verifier) alerts() {
	var columns []record.Alert
	for _, a := range v.p.Alerts {
		if a.Kind != kinds[kindDuplicates] && a.Kind != kinds[kindDependency] {
			columns = append(columns, a)
		}
	}
	v.p.Alerts = nil
	odd := tableOddities(v.p)
	for i, a := range columns {
		for kind, name := range kinds {
			if name == a.Kind {
				odd = append(odd, oddity{a, kind, -float64(i), i})
			}
		}
	}
	v.p.Alerts = alerts(v.p.Rows, odd)
}
