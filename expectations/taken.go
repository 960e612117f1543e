package expectations

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// Taken is what refusing rules took out of a batch.
type Taken struct {
	// Rows is how many rows went, each once: Quarantined and Dropped.
	Rows, Quarantined, Dropped int64
	// ByRule counts them by the expectations that refused some.
	ByRule map[string]int64

	errored map[string]int64 // of ByRule, those that could not be judged
	sample  map[string][]map[string]any
	lost    losses
}

// Take counts what refusing rules took out of a batch that had returned rows, by
// rule and, of rules with group_by, by group, and fetches up to samples rows of
// each rule, those of the groups that lost too much first. The relation kept has the
// rows of the batch that stay, or is "" when none does; reasoned has those refused,
// as [Plan.Reasons] gives them. More than 100,000 groups with refused rows are an
// error. Cost: a few scans of the refused rows, one of the others if a rule has group_by.
func (p *Plan) Take(ctx context.Context, s engine.Session, d engine.Dialect, kept, reasoned string, returned int64, samples int) (*Taken, error) {
	rules := p.refusing()
	var items []string
	for _, r := range rules {
		for _, list := range []string{ReasonsColumn, ErroredColumn} {
			items = append(items, fmt.Sprintf("count_if(array_contains(%s, %s))", list, d.Literal(r.ID)))
		}
	}
	answer, err := s.Query(ctx, fmt.Sprintf("SELECT count(*), count_if(%s), %s FROM %s", DropColumn, strings.Join(items, ", "), d.Relation(reasoned)))
	if err != nil {
		return nil, err
	}
	counts, err := wholes(answer.Values[0])
	if err != nil {
		return nil, err
	}
	t := &Taken{Rows: counts[0], Dropped: counts[1], Quarantined: counts[0] - counts[1], ByRule: map[string]int64{}, errored: map[string]int64{}}
	for i, r := range rules {
		if n := counts[2+2*i]; n > 0 {
			t.ByRule[r.ID], t.errored[r.ID] = n, counts[3+2*i]
		}
	}
	if t.lost, err = p.losses(ctx, s, d, kept, reasoned); err != nil {
		return nil, err
	}
	t.sample, err = p.takenRows(ctx, s, d, t, reasoned, returned, samples)
	return t, err
}

// takenRows fetches some of the rows that each rule took, in one query.
func (p *Plan) takenRows(ctx context.Context, s engine.Session, d engine.Dialect, t *Taken, reasoned string, returned int64, samples int) (map[string][]map[string]any, error) {
	var queries, ids []string
	columns := strings.Join(idents(d, p.schema.Names()), ", ")
	for _, r := range p.refusing() {
		if t.ByRule[r.ID] == 0 || samples <= 0 {
			continue
		}
		var keys [][]any
		for _, g := range t.lost[r.ID] {
			if _, bad := r.lostTooMuch(g, returned); bad && len(keys) < samples {
				keys = append(keys, g.key)
			}
		}
		in, first := inGroups(d, p.schema, r.GroupBy, keys)
		queries = append(queries, fmt.Sprintf(
			"SELECT %d AS dq_n, row_number() OVER (ORDER BY dq_g, %[2]s) AS dq_o, %[3]s FROM (SELECT %[4]s AS dq_g, %[3]s FROM %[5]s WHERE %[6]s ORDER BY dq_g, %[2]s LIMIT %[7]d) AS dq_t",
			len(ids), r.byValues(d, p.schema), columns, cmp.Or(first, "NULL"), d.Relation(reasoned),
			and(fmt.Sprintf("array_contains(%s, %s)", ReasonsColumn, d.Literal(r.ID)), in), samples))
		ids = append(ids, r.ID)
	}
	if len(queries) == 0 {
		return nil, nil
	}
	found, err := s.Query(ctx, "SELECT * FROM ("+strings.Join(queries, " UNION ALL ")+") AS dq_s ORDER BY dq_n, dq_o")
	if err != nil {
		return nil, err
	}
	sample := map[string][]map[string]any{}
	names := found.Schema.Names()[2:]
	for _, values := range found.Values {
		n, err := whole(values[0])
		if err != nil || n < 0 || n >= int64(len(ids)) {
			return nil, fmt.Errorf("expectations: the engine gave a sample of %v", values[0])
		}
		sample[ids[n]] = append(sample[ids[n]], p.sampleRow(names, values[2:]))
	}
	return sample, nil
}
