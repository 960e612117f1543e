package profiling

import (
	"context"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// Segment is the rows of a table that have certain values: where some of its rows
// are gathered.
type Segment struct {
	Where []Term `json:"where"` // all of them hold
	// Rows of the table are in it, Share of all; Held of those that were looked for
	// are, HeldShare of all these.
	Held      int64   `json:"held"`
	HeldShare float64 `json:"held_share"`
	Rows      int64   `json:"rows"`
	Share     float64 `json:"share"`
}

// Term is column = value; of nulls Value is nil.
type Term struct {
	Column string `json:"column"`
	Value  any    `json:"value"` // as in engine.Rows
}

// Most is the share of the rows looked for that a [Segment] holds at least.
const Most = 0.8

// maxTerms is how many column = value are tried with each other.
const maxTerms = 24

// relTop is the relation of the most frequent values.
const relTop = "dq_top"

// Gathered finds the smallest segment of the relation whole, of one column = value or
// of two, that holds at least [Most] of the rows of part, which are some of its rows.
// It is nil when there is none, or none that says more than that all rows are like
// that. More than half of the rows have at most one value of each column: only the
// most frequent ones can hold so many, alone or in a pair. Columns are those that are
// looked at, in the order in which they win among equals.
//
// Cost: a GROUP BY of each column over part, two scans of part and one of whole.
func Gathered(ctx context.Context, s engine.Session, d engine.Dialect, part, whole string, columns []string) (*Segment, error) {
	if len(columns) == 0 {
		return nil, nil
	}
	values := make([]string, len(columns))
	terms := make([]string, len(columns))
	for i, c := range columns {
		id := d.Ident(c)
		values[i] = fmt.Sprintf("(SELECT %[1]s FROM %[2]s GROUP BY %[1]s ORDER BY count(*) DESC, %[1]s LIMIT 1) AS dq_v%[3]d", id, d.Relation(part), i)
		terms[i] = fmt.Sprintf("(dq_p.%s IS NOT DISTINCT FROM dq_m.dq_v%d)", id, i)
	}
	if _, err := s.Attach(ctx, engine.Input{Name: relTop, SQL: "SELECT " + strings.Join(values, ", "), Materialise: true}); err != nil {
		return nil, err
	}
	top, err := s.Query(ctx, "SELECT * FROM "+d.Relation(relTop))
	if err != nil {
		return nil, err
	}
	all, held, err := tally(ctx, s, d, part, terms)
	if err != nil || all == 0 {
		return nil, err
	}
	var tried [][]int
	for i := range columns {
		if len(tried) < maxTerms && float64(held[i]) >= Most*float64(all) {
			tried = append(tried, []int{i})
		}
	}
	alone := len(tried)
	for i := range alone {
		for j := i + 1; j < alone; j++ {
			tried = append(tried, []int{tried[i][0], tried[j][0]})
		}
	}
	if len(tried) == 0 {
		return nil, nil
	}
	conditions := make([]string, len(tried))
	for i, columns := range tried {
		conditions[i] = terms[columns[0]]
		if len(columns) > 1 {
			conditions[i] += " AND " + terms[columns[1]]
		}
	}
	if _, held, err = tally(ctx, s, d, part, conditions); err != nil {
		return nil, err
	}
	total, rows, err := tally(ctx, s, d, whole, conditions)
	if err != nil {
		return nil, err
	}
	best := -1
	for i := range tried {
		if float64(held[i]) < Most*float64(all) || rows[i] == total {
			continue
		}
		if best < 0 || rows[i] < rows[best] || rows[i] == rows[best] && held[i] > held[best] {
			best = i // of equals the first: one condition before two
		}
	}
	if best < 0 {
		return nil, nil
	}
	found := &Segment{Held: held[best], HeldShare: float64(held[best]) / float64(all), Rows: rows[best], Share: float64(rows[best]) / float64(total)}
	for _, c := range tried[best] {
		found.Where = append(found.Where, Term{Column: columns[c], Value: top.Values[0][c]})
	}
	if found.Share >= found.HeldShare {
		return nil, nil
	}
	return found, nil
}

// tally counts the rows of a relation, and those that meet each condition.
func tally(ctx context.Context, s engine.Session, d engine.Dialect, relation string, conditions []string) (all int64, meet []int64, err error) {
	counts := []string{"count(*)"}
	for _, c := range conditions {
		counts = append(counts, "count(CASE WHEN "+c+" THEN 1 END)")
	}
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT %s FROM %s AS dq_p CROSS JOIN %s AS dq_m", strings.Join(counts, ", "), d.Relation(relation), d.Relation(relTop)))
	if err != nil {
		return 0, nil, err
	}
	meet = make([]int64, len(conditions))
	all, _ = rows.Values[0][0].(int64)
	for i := range meet {
		meet[i], _ = rows.Values[0][i+1].(int64)
	}
	return all, meet, nil
}
