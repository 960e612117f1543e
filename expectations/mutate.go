package expectations

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// MutatedRows is how many rows of a table are mutated at most, the first ones.
const MutatedRows = 20_000

// Mutant is a table in which something was made wrong.
type Mutant struct {
	// Name says what was done: null quantity, shift day by a day, swap net, gross,
	// scale price by 100, change case of country, duplicate rows, drop day.
	Name string `json:"name"`
	// Rows is how many rows were changed, added or dropped.
	Rows int64 `json:"rows"`
	// Killed are the ids of the expectations that found more wrong than before;
	// a mutant without any survives.
	Killed []string `json:"killed"`
}

const (
	mutatedBase = "dq_mutate_base"
	mutatedRel  = "dq_mutant"
	mutatedRow  = "dq_row"
	// everyNth of the rows that a mutation can change is changed, from the first on.
	everyNth = 10
	// pairs and droppable bound how many columns are swapped and dropped from.
	pairs, droppable = 20, 8
)

// Mutate makes mistakes in the rows of a relation, one mistake at a time, and
// says for each which expectations notice. A mistake is made in every tenth row
// that it can change. The relation must be attached with engine.Input.Provenance;
// target is as for [Plan.Audit] without Parts and relations.
//
// Cost: an audit of at most [MutatedRows] rows for each mutant: two or three a
// column. Errors are those of the session.
func (p *Plan) Mutate(ctx context.Context, s engine.Session, relation string, target Target) ([]Mutant, error) {
	m := &mutation{plan: p, session: s, d: target.Dialect, target: target}
	if err := m.begin(ctx, relation); err != nil {
		return nil, err
	}
	var out []Mutant
	add := func(name, rows, changed string) error {
		mutant, err := m.try(ctx, name, rows, changed)
		if err == nil && mutant.Rows > 0 {
			out = append(out, mutant)
		}
		return err
	}
	for _, f := range p.schema.Fields {
		for _, c := range m.changes(f) {
			rows, changed := m.replaced(f, c.value, c.can)
			if err := add(c.name, rows, changed); err != nil {
				return nil, err
			}
		}
	}
	for _, pair := range m.swaps() {
		rows, changed := m.swapped(pair[0], pair[1])
		if err := add("swap "+pair[0].Name+", "+pair[1].Name, rows, changed); err != nil {
			return nil, err
		}
	}
	nth := fmt.Sprintf("%s %% %d = 1", m.d.Ident(mutatedRow), everyNth)
	base := m.d.Relation(mutatedBase)
	if err := add("duplicate rows", "SELECT * FROM "+base+" UNION ALL SELECT * FROM "+base+" WHERE "+nth, "SELECT count(*) FROM "+base+" WHERE "+nth); err != nil {
		return nil, err
	}
	dropped, err := m.partitions(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range dropped {
		id := m.d.Ident(f.Name)
		greatest := fmt.Sprintf("%s = (SELECT max(%s) FROM %s)", id, id, base)
		if err := add("drop a value of "+f.Name, fmt.Sprintf("SELECT * FROM %s WHERE NOT coalesce(%s, false)", base, greatest),
			"SELECT count(*) FROM "+base+" WHERE "+greatest); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type mutation struct {
	plan    *Plan
	session engine.Session
	d       engine.Dialect
	target  Target
	before  map[string]record.Expectation // what the rows give as they are
}

// begin keeps the rows that are mutated, numbered, and judges them as they are.
func (m *mutation) begin(ctx context.Context, relation string) error {
	items := make([]string, 0, len(m.plan.schema.Fields)+3)
	for _, f := range m.plan.schema.Fields {
		items = append(items, m.d.Ident(f.Name))
	}
	items = append(items, m.d.Ident(engine.FileColumn), m.d.Ident(engine.LineColumn), "row_number() OVER () AS "+m.d.Ident(mutatedRow))
	_, err := m.session.Attach(ctx, engine.Input{Name: mutatedBase, Materialise: true,
		SQL: fmt.Sprintf("SELECT %s FROM (SELECT * FROM %s LIMIT %d) q", strings.Join(items, ", "), m.d.Relation(relation), MutatedRows)})
	if err != nil {
		return err
	}
	check, err := m.audit(ctx, mutatedBase)
	if err != nil {
		return err
	}
	m.before = map[string]record.Expectation{}
	for _, e := range check.Expectations {
		m.before[e.ID] = e
	}
	return nil
}

func (m *mutation) audit(ctx context.Context, relation string) (*record.Check, error) {
	t := m.target
	t.New, t.Table, t.Parts = relation, relation, []Part{{Relation: relation, New: true}}
	t.Known, t.Samples, t.Past = map[string]Counts{}, 0, nil
	result, err := m.plan.Audit(ctx, m.session, t)
	if err != nil {
		return nil, err
	}
	return result.Check, nil
}

// try makes a mutant of the rows and lists who notices; changed counts what is wrong.
func (m *mutation) try(ctx context.Context, name, rows, changed string) (Mutant, error) {
	mutant := Mutant{Name: name, Killed: []string{}}
	n, err := m.session.Query(ctx, changed)
	if err != nil {
		return mutant, fmt.Errorf("%s: %w", name, err)
	}
	if mutant.Rows, err = whole(n.Values[0][0]); err != nil || mutant.Rows == 0 {
		return mutant, err
	}
	if _, err := m.session.Attach(ctx, engine.Input{Name: mutatedRel, SQL: rows, Materialise: true}); err != nil {
		return mutant, fmt.Errorf("%s: %w", name, err)
	}
	check, err := m.audit(ctx, mutatedRel)
	if err != nil {
		return mutant, fmt.Errorf("%s: %w", name, err)
	}
	for _, e := range check.Expectations {
		was := m.before[e.ID]
		bad := e.Verdict == record.Fail || e.Verdict == record.Warn || e.Verdict == record.Error
		if bad && (e.Verdict != was.Verdict || e.Failed+e.Errored > was.Failed+was.Errored) {
			mutant.Killed = append(mutant.Killed, e.ID)
		}
	}
	return mutant, nil
}

// change is a mistake in one column: another value, for the rows that can have it.
type change struct{ name, value, can string }

// changes are the mistakes that a column's type allows.
func (m *mutation) changes(f table.Field) []change {
	id := m.d.Ident(f.Name)
	there := id + " IS NOT NULL"
	out := []change{{"null " + f.Name, "NULL", there}}
	// other is a value of the column's own type, where it fits.
	other := func(name, expression string, from table.Type) {
		fits, value := m.d.Fit("("+expression+")", from, f.Type)
		out = append(out, change{name, value, fmt.Sprintf("%s AND (%s) AND (%s) <> %s", there, fits, value, id)})
	}
	switch kind := f.Type.Kind; {
	case f.Type.Integer():
		wide := table.Type{Kind: table.Decimal, Precision: 38}
		hundred := fmt.Sprintf("CAST(%s AS DECIMAL(35,0)) * 100", id)
		other("scale "+f.Name+" by 100", hundred, wide)
	case kind == table.Float || kind == table.Double:
		other("scale "+f.Name+" by 100", id+" * 100", f.Type)
	case kind == table.Decimal && f.Type.Precision <= 27: // the product has ten digits more
		other("scale "+f.Name+" by 100", id+" * 100", table.Type{Kind: table.Decimal, Precision: f.Type.Precision + 10, Scale: f.Type.Scale})
	case kind == table.Date:
		other("shift "+f.Name+" by a day", id+" + INTERVAL '1' DAY", table.Type{Kind: table.TimestampNTZ})
	case kind == table.Timestamp || kind == table.TimestampNTZ:
		other("shift "+f.Name+" by a day", id+" + INTERVAL '1' DAY", f.Type)
	case kind == table.String:
		other("change case of "+f.Name, fmt.Sprintf("CASE WHEN upper(%s) <> %s THEN upper(%s) ELSE lower(%s) END", id, id, id, id), f.Type)
	}
	return out
}

// replaced is SQL for the rows with another value in every tenth of those that
// can have it, and for how many those are.
func (m *mutation) replaced(f table.Field, value, can string) (rows, changed string) {
	picked := m.picked(can)
	return m.rowsWith(picked, map[string]string{f.Name: value}), "SELECT count(*) FROM " + picked + " WHERE dq_picked"
}

// swapped is the same for two columns that change places.
func (m *mutation) swapped(a, b table.Field) (rows, changed string) {
	x, y := m.d.Ident(a.Name), m.d.Ident(b.Name)
	picked := m.picked(x + " IS DISTINCT FROM " + y)
	return m.rowsWith(picked, map[string]string{a.Name: y, b.Name: x}), "SELECT count(*) FROM " + picked + " WHERE dq_picked"
}

// picked is the rows with dq_picked, true for every tenth that the condition allows.
func (m *mutation) picked(can string) string {
	return fmt.Sprintf(`(SELECT *, dq_can AND sum(CASE WHEN dq_can THEN 1 ELSE 0 END) OVER (ORDER BY %s) %% %d = 1 AS dq_picked
FROM (SELECT *, coalesce(%s, false) AS dq_can FROM %s) c) p`, m.d.Ident(mutatedRow), everyNth, can, m.d.Relation(mutatedBase))
}

func (m *mutation) rowsWith(picked string, values map[string]string) string {
	var items []string
	for _, f := range m.plan.schema.Fields {
		id := m.d.Ident(f.Name)
		if v, ok := values[f.Name]; ok {
			id = fmt.Sprintf("CASE WHEN dq_picked THEN %s ELSE %s END AS %s", v, id, id)
		}
		items = append(items, id)
	}
	return fmt.Sprintf("SELECT %s, %s, %s FROM %s", strings.Join(items, ", "), m.d.Ident(engine.FileColumn), m.d.Ident(engine.LineColumn), picked)
}

// swaps are pairs of neighbouring columns of one type.
func (m *mutation) swaps() [][2]table.Field {
	var out [][2]table.Field
	fields := m.plan.schema.Fields
	for i, a := range fields {
		next := slices.IndexFunc(fields[i+1:], func(b table.Field) bool { return b.Type.Equal(a.Type) })
		if next >= 0 && len(out) < pairs {
			out = append(out, [2]table.Field{a, fields[i+1+next]})
		}
	}
	return out
}

// partitions are columns with few values, of which a partition could be made.
func (m *mutation) partitions(ctx context.Context) ([]table.Field, error) {
	var items []string
	var fields []table.Field
	for _, f := range m.plan.schema.Fields {
		switch f.Type.Kind {
		case table.String, table.Date, table.Bool, table.Int8, table.Int16, table.Int32, table.Int64:
			items, fields = append(items, "count(DISTINCT "+m.d.Ident(f.Name)+")"), append(fields, f)
		}
	}
	if len(items) == 0 {
		return nil, nil
	}
	answer, err := m.session.Query(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+m.d.Relation(mutatedBase))
	if err != nil {
		return nil, err
	}
	var out []table.Field
	for i, f := range fields {
		n, err := whole(answer.Values[0][i])
		if err != nil {
			return nil, err
		}
		if n > 1 && n <= 100 && len(out) < droppable {
			out = append(out, f)
		}
	}
	return out, nil
}
