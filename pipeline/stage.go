package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Relations that a table's session holds besides the pipeline's tables.
const (
	relAdded    = "dq_added"    // rows of the incremental table that came
	relRemoved  = "dq_removed"  // rows of it that went
	relChanges  = "dq_changes"  // came and did not just move to another file
	relGone     = "dq_gone"     // went and did not just move
	relReturned = "dq_returned" // what the model returned
	relBatch    = "dq_batch"    // the same rows, with dq_keep and why those that go do
	relRows     = "dq_rows"     // the rows of it that are kept
	relKeys     = "dq_keys"     // the keys whose rows are replaced
	relTarget   = "dq_target"   // the table before this run
	relOut      = "dq_out"      // rows of the table that go or are replaced
	relTouched  = "dq_touched"  // the files that hold them
	relCame     = "dq_came"     // those of dq_new that came with the batch
	relRefused  = "dq_refused"  // rows that a quarantine or drop rule refused
	relSmall    = "dq_small"    // rows of small files that are put together
	relEarlier  = "dq_earlier"  // rows of the incremental table of earlier batches
	relHeld     = "dq_held"     // rows that the quarantine holds already
	relNew      = "dq_new"      // the files staged for the table
	relResult   = "dq_table"    // the table as readers would see it
	relBefore   = "dq_before"   // and a number: the table as it was so many versions before
)

// staged is what one run wants to change about a table.
type staged struct {
	adds, removes []table.File
	retag         []table.File // files that stay and were judged by new rules
	small         []table.File // files whose rows move
	compacted     []table.File // to these
	quarantine    quarantineChange
	changes       []table.File // for the table's change data feed
	came          string       // a condition on the rows of the batch, when others are written with them; or ""
	counts        record.Counts
	taken         *expectations.Taken // by rules that refuse rows; nil for nothing
	entry         *ledgerEntry
	result        *expectations.Result
}

// refusedShape reports whether policies or the source refused the table before it was staged.
func (t *tableRun) refusedShape() bool {
	for _, d := range t.rec.Decisions {
		if d.Effect == "deny" {
			return true
		}
	}
	for _, f := range t.rec.Findings {
		if f.Severity == "error" {
			return t.staged == nil
		}
	}
	return false
}

// attach makes a set of files readable under a name.
func attach(ctx context.Context, s engine.Session, name string, rel relation, provenance bool) error {
	if err := rel.where.Fetch(ctx, rel.files...); err != nil {
		return err
	}
	root, err := rel.where.Dir()
	if err != nil {
		return err
	}
	_, err = s.Attach(ctx, engine.Input{Name: name, Schema: rel.schema, Root: root, Files: rel.files, Provenance: provenance, Materialise: rel.keep, ByFieldID: rel.byID})
	return err
}

// holds is files with the columns that the table is to have.
func (t *tableRun) holds(files []table.File) relation {
	return relation{where: t.current.where, schema: t.schema, files: files, byID: t.current.byID}
}

// write stages the rows of a SELECT as files of this run below a table's folder.
func (r *run) write(ctx context.Context, s engine.Session, where *location.Location, req engine.StageRequest) (files []engine.Staged, returned int64, err error) {
	if req.Root, err = where.Dir(); err != nil {
		return nil, 0, err
	}
	req.Dir = r.id
	return s.Stage(ctx, req)
}

// define makes the rows of a SELECT readable under a name; with keep they are computed once.
func define(ctx context.Context, s engine.Session, name, sql string, keep bool) error {
	_, err := s.Attach(ctx, engine.Input{Name: name, SQL: sql, Materialise: keep})
	return err
}

// fresh reports whether a table that a model makes is made from all rows of what it
// reads, since there is nothing to go on from.
func (r *run) fresh(t *tableRun, dropped []string) bool {
	last := t.ledger.last
	return t.snap == nil || last == nil || r.opt.FullRefresh || last.Model != t.digest() || !extends(t.snap.Schema(), t.schema) || len(dropped) > 0
}

// transform stages a table that a model makes.
func (r *run) transform(ctx context.Context, t *tableRun, s engine.Session) error {
	inputs := map[string]int64{}
	for _, up := range t.reads {
		inputs[up] = r.tables[up].current.version
	}
	t.rec.Inputs = inputs
	last := t.ledger.last
	dropped := t.dropped()
	fresh := r.fresh(t, dropped)
	severity := "info"
	if t.kept {
		severity = "warn" // it has rows that the other table no longer has: whoever reads the report shall know
	}
	for _, how := range t.resumed {
		t.note("resume", severity, "%s", how)
	}
	if !fresh && sameInputs(inputs, last.Inputs) {
		if t.kept {
			t.settled, t.seen = &ledgerEntry{Inputs: inputs, Model: t.digest()}, last.Seen
		}
		return nil
	}
	switch {
	case t.snap == nil || last == nil:
	case last.Model == t.digest() && t.altered != nil && !extends(t.snap.Schema(), t.schema):
		t.note("model", "info", "the table has other columns than its model makes: it is rebuilt")
	case last.Model != t.digest() || !extends(t.snap.Schema(), t.schema):
		t.note("model", "info", "the model, its options or its columns changed since version %d: the table is rebuilt", t.current.version)
	}
	if len(dropped) > 0 {
		t.note("model", "info", "another writer dropped %s, which the model makes: the table is rebuilt", strings.Join(dropped, ", "))
	}
	t.settled = &ledgerEntry{Inputs: inputs, Model: t.digest()}
	t.rewrites = fresh || t.Mode == "overwrite"
	blocked, err := r.rule(ctx, t, t.was(), t.schema)
	if err != nil || blocked {
		return err
	}
	r.step("stage %s", t.Name)
	for _, up := range t.reads {
		if err := attach(ctx, s, up, r.tables[up].current, false); err != nil {
			return fmt.Errorf("reading %s: %w", up, err)
		}
	}
	entry := &ledgerEntry{Inputs: inputs}
	incremental := false
	if !fresh {
		t.seen = last.Seen
	}
	if !fresh && t.Incremental != "" {
		if incremental, err = r.attachChanges(ctx, t, s); err != nil {
			return err
		}
		if incremental && t.unchangedUpstream {
			return nil
		}
	}
	switch t.Mode {
	case "merge", "scd2":
		err = r.replace(ctx, t, s, entry, incremental)
	case "append":
		var removes []table.File
		if incremental && t.gone {
			// Rows that went cannot be taken out of an append by key.
			t.note("incremental", "info", "rows went from %s: the table is rebuilt from all of it", t.Incremental)
			if err := attach(ctx, s, t.Incremental, r.tables[t.Incremental].current, false); err != nil {
				return err
			}
			incremental = false
		}
		if !incremental {
			removes = t.current.files
		}
		err = r.stageRows(ctx, t, s, t.SQL, removes, fmt.Sprint(!incremental), "", entry)
	default:
		err = r.stageRows(ctx, t, s, t.SQL, t.current.files, "true", "", entry)
		if err == nil {
			err = r.dropIfSame(ctx, t, s)
		}
	}
	return err
}

func sameInputs(a, b map[string]int64) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || w != v {
			return false
		}
	}
	return true
}

// stageRows writes the rows of a SELECT as new files of the table, beside or
// instead of what it holds, and splits refused rows off in the same write. again is
// a condition on rows that were refused before, see [run.stageRefused]; came one on
// those that a rule may refuse, as others only move, or "".
func (r *run) stageRows(ctx context.Context, t *tableRun, s engine.Session, sql string, removes []table.File, again, came string, entry *ledgerEntry) error {
	existing := ""
	if stay := without(t.current.files, removes); len(stay) > 0 {
		existing = relTarget
		rel := t.current
		rel.files = stay
		if err := attach(ctx, s, relTarget, rel, false); err != nil {
			return err
		}
	}
	st := &staged{removes: removes, entry: entry, came: came}
	write := r.writeSplit
	if t.plan.Compares() || came != "" && len(t.plan.Refusing()) > 0 { // the rows that only move may be why others go
		write = r.writeMeasured
	}
	refused, reasons, err := write(ctx, t, s, st, sql, existing)
	if err != nil {
		return err
	}
	st.counts.Published = liveRows(st.adds)
	st.counts.Removed = liveRows(removes)
	kept := ""
	if refused > 0 && len(st.adds) > 0 {
		kept = relNew
		if err := attach(ctx, s, relNew, t.holds(st.adds), true); err != nil {
			return err
		}
	}
	if err := r.stageRefused(ctx, t, s, st, refused, kept, reasons, again); err != nil {
		return err
	}
	if st.counts.Returned == 0 && len(removes) == 0 && st.quarantine.empty() {
		return nil
	}
	if err := r.compact(ctx, t, s, st); err != nil {
		return err
	}
	r.becomes(t, st)
	return nil
}

// writeSplit writes the rows of a SELECT as they come: those that stay, and beside
// them those that a rule refuses. It returns how many these are, and a SELECT of
// them with their reasons.
func (r *run) writeSplit(ctx context.Context, t *tableRun, s engine.Session, st *staged, sql, existing string) (int64, string, error) {
	keep, split, err := t.plan.In(s).Split(r.d, existing)
	if err != nil {
		return 0, "", err
	}
	req := engine.StageRequest{SQL: sql, Schema: t.schema, PartitionBy: t.PartitionBy}
	if split {
		if err := r.attachRefs(ctx, t, s); err != nil {
			return 0, "", err
		}
		req.Split = keep
	}
	files, returned, err := r.write(ctx, s, t.current.where, req)
	if err != nil {
		return 0, "", err
	}
	st.counts.Returned = returned // not what the files hold: that is held against it
	var refused []table.File
	for _, f := range files {
		if f.Kept {
			st.adds = append(st.adds, f.File)
		} else {
			refused = append(refused, f.File)
		}
	}
	if len(refused) == 0 {
		return 0, "", nil
	}
	if err := attach(ctx, s, relRefused, t.holds(refused), false); err != nil {
		return 0, "", err
	}
	sql, err = t.plan.In(s).Reasons(r.d, relRefused, existing)
	return liveRows(refused), sql, err
}

// writeMeasured does what writeSplit does for rules that compare rows with the
// whole batch. The engine keeps its rows meanwhile, on disk where memory does not
// hold them. (10M rows: 8.9 CPU s in place of 6.1 for writing alone. Evaluating the
// model twice takes 6.6 if it is a mere projection; but a model need not give the
// same rows twice, and the rules must see those that are written.)
func (r *run) writeMeasured(ctx context.Context, t *tableRun, s engine.Session, st *staged, sql, existing string) (int64, string, error) {
	if err := r.judgeBatch(ctx, t, s, sql, existing, st.came); err != nil {
		return 0, "", err
	}
	stay := "SELECT " + idents(r.d, "", t.schema.Names()) + " FROM dq_batch WHERE dq_keep"
	files, _, err := r.write(ctx, s, t.current.where, engine.StageRequest{SQL: stay, Schema: t.schema, PartitionBy: t.PartitionBy})
	if err != nil {
		return 0, "", err
	}
	for _, f := range files {
		st.adds = append(st.adds, f.File)
	}
	var refused int64
	st.counts.Returned, refused, err = counted(ctx, s)
	return refused, refusedRows, err
}

// counted is how many rows relBatch has, and how many of them a rule refuses.
func counted(ctx context.Context, s engine.Session) (returned, refused int64, err error) {
	numbers, err := s.Query(ctx, "SELECT count(*), count(*) FILTER (WHERE NOT dq_keep) FROM dq_batch")
	if err != nil {
		return 0, 0, err
	}
	returned, _ = numbers.Values[0][0].(int64)
	refused, _ = numbers.Values[0][1].(int64)
	return returned, refused, nil
}

// refusedRows is a SELECT of the refused rows of relBatch, with their reasons.
const refusedRows = "SELECT * FROM dq_batch WHERE NOT dq_keep"

// judgeBatch makes relBatch: the rows that a SELECT returns, with dq_keep and, of
// those that a rule refuses, with their reasons.
func (r *run) judgeBatch(ctx context.Context, t *tableRun, s engine.Session, sql, existing, came string) error {
	compares := t.plan.Compares()
	if err := define(ctx, s, relReturned, sql, compares); err != nil {
		return err
	}
	if len(t.plan.Refusing()) == 0 {
		return define(ctx, s, relBatch, "SELECT "+idents(r.d, "", t.schema.Names())+", true AS dq_keep FROM "+relReturned, true)
	}
	if err := r.attachRefs(ctx, t, s); err != nil {
		return err
	}
	if compares {
		if err := r.measure(ctx, t, s); err != nil {
			return err
		}
	}
	reasons, err := t.plan.In(s).Reasons(r.d, relReturned, existing)
	if err != nil {
		return err
	}
	if came != "" {
		reasons = fmt.Sprintf("SELECT %s, dq_reasons, dq_errored, dq_drop, dq_keep OR NOT coalesce(%s, false) AS dq_keep FROM (%s) dq_q", idents(r.d, "", t.schema.Names()), came, reasons)
	}
	if err := define(ctx, s, relBatch, reasons, true); err != nil {
		return err
	}
	if compares { // its rows are in relBatch, and need no place any more
		return define(ctx, s, relReturned, "SELECT * FROM "+relBatch, false)
	}
	return nil
}

// measure gives the table's plan what its refusing rules compare rows with.
func (r *run) measure(ctx context.Context, t *tableRun, s engine.Session) error {
	if err := r.remember(ctx, t, true); err != nil {
		return err
	}
	before, err := r.attachPast(ctx, t, s, &t.current)
	if err != nil {
		return err
	}
	t.plan, err = t.plan.Measure(ctx, s, expectations.Target{Dialect: r.d, New: relReturned, Now: r.now, Past: t.pastMetric, Before: before})
	return err
}

// becomes sets what the table would look like after the commit.
func (r *run) becomes(t *tableRun, st *staged) {
	t.staged = st
	t.before = t.current
	stay := without(without(t.current.files, st.removes), st.small)
	t.current.files = append(append(stay, st.compacted...), st.adds...)
	t.current.schema = t.schema
	t.current.version++
	st.counts.Total = liveRows(t.current.files)
	t.rec.Counts = st.counts
}

// without returns the files that are not among those removed.
func without(files, removed []table.File) []table.File {
	gone := make(map[string]bool, len(removed))
	for _, f := range removed {
		gone[f.Path] = true
	}
	stay := make([]table.File, 0, len(files))
	for _, f := range files {
		if !gone[f.Path] {
			stay = append(stay, f)
		}
	}
	return stay
}

func (r *run) samples() int {
	if r.opt.Samples > 0 {
		return r.opt.Samples
	}
	return 5
}

// dropIfSame forgets staged files that hold the very rows that the table holds already.
func (r *run) dropIfSame(ctx context.Context, t *tableRun, s engine.Session) error {
	st := t.staged
	if st == nil || t.snap == nil || !st.quarantine.empty() || st.counts.Published != st.counts.Removed ||
		!sameColumns(t.snap.Schema(), t.schema) {
		return nil
	}
	if err := attach(ctx, s, relTarget, t.before, false); err != nil {
		return err
	}
	if err := attach(ctx, s, relNew, t.holds(st.adds), false); err != nil {
		return err
	}
	n, err := count(ctx, s, "SELECT count(*) FROM (SELECT * FROM dq_new EXCEPT ALL SELECT * FROM dq_target) dq_q")
	if err != nil || n > 0 {
		return err
	}
	root, err := t.current.where.Dir()
	if err != nil {
		return err
	}
	_ = os.RemoveAll(filepath.Join(root, r.id))
	t.staged, t.current = nil, t.before
	c := st.counts
	t.rec.Counts = record.Counts{Returned: c.Returned, Unchanged: c.Published, Quarantined: c.Quarantined, Dropped: c.Dropped, Total: c.Total}
	t.heldAlready(t.rec.Counts)
	return nil
}

// extends reports whether a schema has the columns of an older one with the
// same types, so that files of both can be read together.
func extends(old, next table.Schema) bool {
	for _, f := range old.Fields {
		if g, ok := next.Field(f.Name); !ok || !g.Type.Equal(f.Type) {
			return false
		}
	}
	return true
}

// dropped are columns that the last batch brought and the model makes, and that
// the table has no more. What it has none of yet may come with upstream columns.
func (t *tableRun) dropped() []string {
	var out []string
	if t.snap == nil || t.ledger.last == nil {
		return out
	}
	for _, name := range t.ledger.last.Columns {
		_, makes := t.schema.Field(name)
		if _, has := t.snap.Schema().Field(name); makes && !has {
			out = append(out, name)
		}
	}
	return out
}

func sameColumns(a, b table.Schema) bool {
	if len(a.Fields) != len(b.Fields) {
		return false
	}
	for i, f := range a.Fields {
		if f.Name != b.Fields[i].Name || !f.Type.Equal(b.Fields[i].Type) {
			return false
		}
	}
	return true
}

// attachRefs makes the tables that rules look at readable.
func (r *run) attachRefs(ctx context.Context, t *tableRun, s engine.Session) error {
	for _, ref := range t.plan.Refs() {
		if other := r.tables[ref]; other != nil {
			if err := attach(ctx, s, ref, other.current, false); err != nil {
				return fmt.Errorf("reading %s: %w", ref, err)
			}
		}
	}
	return nil
}

// note adds a finding to the table's record.
func (t *tableRun) note(rule, severity, format string, args ...any) {
	t.rec.Findings = append(t.rec.Findings, record.Finding{Rule: rule, Severity: severity, Table: t.Name, Message: fmt.Sprintf(format, args...)})
}

func count(ctx context.Context, s engine.Session, sql string) (int64, error) {
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	n, ok := rows.Values[0][0].(int64)
	if !ok {
		return 0, fmt.Errorf("%s: the count is no integer: %v", sql, rows.Values[0][0])
	}
	return n, nil
}

func digestOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sortedPairs(m map[string]Lookup) []string {
	var out []string
	for _, k := range sortedKeys(m) {
		out = append(out, k+"="+m[k].On+"@"+m[k].At)
	}
	return out
}
