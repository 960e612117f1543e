package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Relations of a blame: the failing rows of the version before, of the first bad one,
// and those of it that are new.
const (
	relFailedBefore = "dq_failed_before"
	relFailed       = "dq_failed"
	relFresh        = "dq_fresh"
)

// recheck checks a version again. It says why it cannot: its files are gone, or it
// does not have a column that the rule looks at.
func (b *blaming) recheck(ctx context.Context, version int64) (*record.Expectation, string, error) {
	e, err := b.check(ctx, version, nil, nil)
	if gone := goneFiles(err); gone != "" {
		return nil, gone, nil
	}
	if err != nil && codeOf(err) == exitUsage && version != b.newest {
		return nil, err.Error(), nil
	}
	return e, "", err
}

// goneFiles says that the files of a version are gone, "" for any other error.
func goneFiles(err error) string {
	if errors.Is(err, delta.ErrGone) || errors.Is(err, os.ErrNotExist) {
		return "its files are gone"
	}
	return ""
}

// check checks a version of the table again, read with a schema if one is given; then,
// if there is one, is told the result while the session has the version as t.
func (b *blaming) check(ctx context.Context, version int64, schema *table.Schema, then func(*expectations.Result) error) (*record.Expectation, error) {
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	d, err := resolve(ctx, fmt.Sprintf("%s@%d", b.location, version), dataOptions{})
	if err != nil {
		return nil, err
	}
	if schema != nil {
		d.input.Schema = *schema
	}
	c := checking{eng: b.eng, session: b.session, data: d, suite: b.suite, tables: b.references(d.input.Schema), then: then}
	run := b.app.newRun("blame", b.eng)
	if err := c.check(ctx, run); err != nil {
		return nil, err
	}
	return &run.Layers[0].Tables[0].Check.Expectations[0], nil
}

// open opens the engine and a session, once they are needed.
func (b *blaming) open(ctx context.Context) (err error) {
	if b.eng != nil {
		return nil
	}
	if b.eng, err = b.app.openEngine(); err != nil {
		return err
	}
	b.session, err = b.eng.Session(ctx)
	return err
}

// close lets go of the engine and the archive.
func (b *blaming) close() {
	if b.session != nil {
		_ = b.session.Close()
	}
	if b.eng != nil {
		_ = b.eng.Close()
	}
	if b.archive != nil {
		_ = b.archive.Close()
	}
}

// references are the tables that the rule may look at, as --table names them: those of
// the pipeline as they are now, if the rule looks at any.
func (b *blaming) references(schema table.Schema) []string {
	if _, err := b.suite.Plan(schema, nil); err == nil || b.p == nil {
		return b.tables
	}
	tables := slices.Clone(b.tables)
	for _, name := range b.p.Tables() {
		if where := b.p.Location(name); name != b.name && isDir(filepath.Join(where, "_delta_log")) {
			tables = append(tables, name+"="+where)
		}
	}
	return tables
}

// searched writes what the search found, and how, into the report.
func (b *blaming) searched(r *blameReport, found *pipeline.Blame) {
	r.Now, r.FirstBad, r.Before, r.Passes = shownVersion(found.Now), shownVersion(found.Bad), shownVersion(found.Before), shownVersion(found.Passes)
	r.Stored, r.Checked = found.Stored, found.Checked
	switch {
	case found.Now.Expectation == nil:
		r.Outcome = "unknown"
	case found.Bad == nil:
		r.Outcome = "never_failed"
	case found.Now.Bad():
		r.Outcome = "failing"
	default:
		r.Outcome = "recovered"
	}
	if rest := r.Versions - found.Stored - found.Checked; found.Bad == nil && found.Now.Expectation != nil && rest > 0 {
		r.note("of %s no verdict was kept, and since the newest passes they were not checked; to begin at an earlier one: dq blame %s@VERSION %s", count(rest, "earlier version"), b.arg, b.id)
	}
	switch {
	case found.Always && found.Before == nil:
		r.note("it fails as far back as versions can be judged")
	case found.Always:
		r.note("it fails in all versions; this one brought the most failures")
	}
	if found.From != nil {
		r.note("no verdicts were kept between versions %d and %d: %s checked again, by bisection, which takes for granted that the verdict changed once between them",
			*found.From, *found.To, count(found.Checked, "version"))
	}
	for _, v := range slices.Sorted(maps.Keys(found.Unjudged)) {
		r.note("version %d cannot be judged: %s", v, found.Unjudged[v])
	}
}

// refused lists the batches that failed the expectation and were refused, newest
// first, as far as the warehouse keeps them.
func (b *blaming) refused(ctx context.Context, r *blameReport) error {
	if b.archive == nil || b.at != delta.Latest() {
		return nil
	}
	batches, err := pipeline.RefusedBatches(ctx, b.p.Warehouse)
	if err != nil {
		return err
	}
	for _, batch := range batches {
		for _, t := range batch.Record.Tables {
			if t.Name != b.name || t.Outcome != "refused" || t.Check == nil || batch.Pipeline != b.p.Name {
				continue
			}
			for i := range t.Check.Expectations {
				e := &t.Check.Expectations[i]
				if e.ID == b.id && (&pipeline.Judged{Expectation: e}).Bad() {
					r.Unpublished = append(r.Unpublished, unpublished{Batch: batch.ID, Run: batch.Run, At: batch.At, Verdict: e.Verdict, Evaluated: e.Evaluated,
						Failed: e.Failed, Errored: e.Errored, Observed: e.Observed, Message: e.Message, SupersededBy: batch.SupersededBy})
				}
			}
		}
	}
	return nil
}

// origin says what the first bad version was made from.
func (b *blaming) origin(ctx context.Context, r *blameReport, bad *pipeline.Judged) error {
	if b.archive == nil {
		return nil
	}
	was, err := b.archive.InputsBefore(ctx, b.name, bad.Version)
	if err != nil {
		return err
	}
	for _, up := range slices.Sorted(maps.Keys(bad.Inputs)) {
		before, ok := was[up]
		if ok && before == bad.Inputs[up] {
			continue
		}
		in := blamedInput{Table: up, After: bad.Inputs[up]}
		if ok {
			in.Before = &before
		}
		r.Inputs = append(r.Inputs, in)
	}
	files, err := b.archive.Sources(ctx, b.name, bad.Version-1, bad.Version)
	if err == nil && files != nil {
		r.Files = files
	}
	return err
}

// gathered finds the rows that fail in the first bad version and not in the one
// before, and where they are gathered.
func (b *blaming) gathered(ctx context.Context, r *blameReport, found *pipeline.Blame) error {
	bad := found.Bad.Version
	d, err := resolve(ctx, fmt.Sprintf("%s@%d", b.location, bad), dataOptions{})
	if goneFiles(err) != "" {
		r.note("where the failures are cannot be said: the files of version %d are gone", bad)
		return nil
	}
	if err != nil {
		return err
	}
	schema := d.input.Schema
	before := false
	if found.Before != nil {
		_, err := b.check(ctx, found.Before.Version, &schema, b.keepFailing(ctx, relFailedBefore))
		switch {
		case goneFiles(err) != "":
			r.note("the files of version %d are gone: all failing rows of version %d count as new", found.Before.Version, bad)
		case err != nil:
			return err
		default:
			before = true
		}
	}
	_, err = b.check(ctx, bad, nil, func(result *expectations.Result) error {
		if err := b.keepFailing(ctx, relFailed)(result); err != nil {
			return err
		}
		return b.segment(ctx, r, schema, before, result.Check.Expectations[0].Columns)
	})
	if goneFiles(err) != "" {
		r.note("where the failures are cannot be said: the files of version %d are gone", bad)
		return nil
	}
	return err
}

// keepFailing keeps the failing rows of an audit under a name.
func (b *blaming) keepFailing(ctx context.Context, name string) func(*expectations.Result) error {
	return func(result *expectations.Result) error {
		sql, err := result.Failing("CAST(NULL AS BIGINT)")
		if err != nil {
			return err
		}
		_, err = b.session.Attach(ctx, engine.Input{Name: name, SQL: sql, Materialise: true})
		return err
	}
}

// segment looks where the new failures are gathered. Columns that the rule itself looks
// at would only say again what it demands, those of landing name the file, and personal
// ones may not be shown.
func (b *blaming) segment(ctx context.Context, r *blameReport, schema table.Schema, before bool, ruled []string) error {
	d := b.eng.Dialect()
	var all []string
	for _, name := range schema.Names() {
		all = append(all, d.Ident(name))
	}
	sql := "SELECT " + strings.Join(all, ", ") + " FROM "
	fresh := sql + d.Relation(relFailed)
	if before {
		fresh += " EXCEPT ALL " + sql + d.Relation(relFailedBefore)
	}
	if _, err := b.session.Attach(ctx, engine.Input{Name: relFresh, SQL: fresh, Materialise: true}); err != nil {
		return err
	}
	rows, err := b.session.Query(ctx, "SELECT count(*) FROM "+d.Relation(relFresh))
	if err != nil {
		return err
	}
	n, _ := rows.Values[0][0].(int64)
	if r.NewFailures = &n; n == 0 {
		r.note("no row fails that did not fail before")
		return nil
	}
	hidden := personal(schema)
	for _, c := range b.suite.Columns {
		if c.Personal() {
			hidden = append(hidden, c.Name)
		}
	}
	landed := pipeline.Provenance(d, time.Now())
	var columns []string
	for _, f := range schema.Fields {
		nested := f.Type.Kind == table.Struct || f.Type.Kind == table.Array || f.Type.Kind == table.Map
		if !nested && landed[f.Name] == "" && !slices.Contains(hidden, f.Name) && !slices.Contains(ruled, f.Name) {
			columns = append(columns, f.Name)
		}
	}
	if r.Segment, err = profiling.Gathered(ctx, b.session, d, relFresh, relTable, columns); err == nil && r.Segment == nil {
		r.note("no column = value, and no two of them, holds %.0f %% of the new failures and not as much of all rows", 100*profiling.Most)
	}
	return err
}

// newGroups are the groups that fail in the first bad version and not in the one before.
func newGroups(found *pipeline.Blame) []map[string]any {
	failed := map[string]bool{}
	bad := func(g map[string]any) bool {
		v := fmt.Sprint(g["verdict"])
		return v == string(record.Fail) || v == string(record.Warn) || v == string(record.Error)
	}
	key := func(g map[string]any) string {
		text, _ := json.Marshal(g["group"])
		return string(text)
	}
	if found.Before != nil {
		for _, g := range found.Before.Expectation.Groups {
			if bad(g) {
				failed[key(g)] = true
			}
		}
	}
	groups := []map[string]any{}
	for _, g := range found.Bad.Expectation.Groups {
		if bad(g) && !failed[key(g)] {
			groups = append(groups, g)
		}
	}
	return groups
}

// showBlame writes for people what was found.
func (a *app) showBlame(r *blameReport) {
	if a.quiet {
		return
	}
	name := a.paint(bold, plain(r.Table)) + ", " + a.paint(bold, plain(r.Expectation))
	switch r.Outcome {
	case "unknown":
		fmt.Fprintf(a.out, "%s %s: the newest version cannot be judged\n", a.paint(yellow, "?"), name)
	case "never_failed":
		fmt.Fprintf(a.out, "%s %s: never failed in %s\n", a.paint(green, "✓"), name, count(r.Stored+r.Checked, "version"))
	case "recovered":
		was := map[record.Verdict]string{record.Warn: "warned", record.Pass: "had failures"}[r.FirstBad.Verdict]
		if was == "" {
			was = "failed"
		}
		fmt.Fprintf(a.out, "%s %s: passes now; it %s from version %d to %d\n", a.paint(green, "✓"), name, was, r.FirstBad.Version, r.Passes.Version-1)
	default:
		mark, says, end := a.paint(red, "✗"), "fails", ""
		switch r.Now.Verdict {
		case record.Warn:
			says = "warns"
		case record.Pass: // a rule that only informs
			mark, says, end = a.paint(dim, "·"), "has failures", " (on_fail: info: its verdict is pass all the same)"
		}
		fmt.Fprintf(a.out, "%s %s: %s since version %d%s\n", mark, name, says, r.FirstBad.Version, end)
	}
	a.showUnpublished(r)
	if v := r.FirstBad; v != nil {
		a.showOrigin(r, v)
	}
	for _, note := range r.Notes {
		a.wrapped("  ", dim, note)
	}
	fmt.Fprintf(a.out, "  %s\n", a.paint(dim, fmt.Sprintf("%s; verdicts: %d kept by runs, %d checked now", count(r.Versions, "version"), r.Stored, r.Checked)))
}

// showUnpublished writes which batches failed and were refused: no version has them.
func (a *app) showUnpublished(r *blameReport) {
	const most = 3
	for i, u := range r.Unpublished {
		if i == most {
			fmt.Fprintf(a.out, "  %-9s and %s: dq gate list\n", "", count(len(r.Unpublished)-most, "other"))
			break
		}
		since := "not published"
		if u.SupersededBy != "" {
			since = "run " + u.SupersededBy + " has published since what it was to bring"
		}
		fmt.Fprintf(a.out, "  %-9s %s, %s; %s; dq gate show %s\n", "refused", u.At.Format(milliseconds), plain(u.counted(r.Scope)), since, plain(u.Batch))
	}
}

// showOrigin writes where the first bad version comes from, and where its failures are.
func (a *app) showOrigin(r *blameReport, v *blamedVersion) {
	line := func(head, text string) { fmt.Fprintf(a.out, "  %-9s %s\n", head, plain(text)) }
	line("version", fmt.Sprintf("%d of %s, %s", v.Version, v.Time.Format(milliseconds), dash(v.Operation)))
	if v.Run != "" {
		line("run", v.Run)
	}
	if r.Before != nil {
		line("before", r.Before.counted(r.Scope))
	}
	line("then", v.counted(r.Scope))
	if r.RuleChanged {
		line("rule", "is another one since this version")
	}
	for _, in := range r.Inputs {
		was := "not read before"
		if in.Before != nil {
			was = fmt.Sprintf("%d before", *in.Before)
		}
		line("from", fmt.Sprintf("%s@%d (%s)", in.Table, in.After, was))
	}
	const most = 10
	for i, f := range r.Files {
		if i == most {
			line("", fmt.Sprintf("and %d more", len(r.Files)-most))
			break
		}
		line("file", f)
	}
	if s := r.Segment; s != nil {
		var terms []string
		for _, t := range s.Where {
			terms = append(terms, t.Column+" = "+shownValue(t.Value))
		}
		held := fmt.Sprintf("%d of the %s (%s)", s.Held, count(int(*r.NewFailures), "new failure"), percent(100*s.HeldShare))
		if *r.NewFailures == 1 {
			held = "the only new failure"
		}
		line("where", fmt.Sprintf("%s: %s, %d of all rows (%s)", strings.Join(terms, " and "), held, s.Rows, percent(100*s.Share)))
	}
	for i, g := range r.Groups {
		if i == most {
			line("", fmt.Sprintf("and %d more groups", len(r.Groups)-most))
			break
		}
		var terms []string
		key, _ := g["group"].(map[string]any)
		for _, c := range slices.Sorted(maps.Keys(key)) {
			terms = append(terms, c+" = "+shownValue(key[c]))
		}
		line("group", strings.Join(terms, " and "))
	}
}

// counted is what the expectation found in a version, in a few words.
func (v *blamedVersion) counted(scope string) string {
	return fmt.Sprintf("version %d: ", v.Version) + counted(scope, v.Verdict, v.Failed+v.Errored, v.Evaluated, v.Observed)
}

// counted is what the expectation found in a refused batch, in a few words.
func (u *unpublished) counted(scope string) string {
	return counted(scope, u.Verdict, u.Failed+u.Errored, u.Evaluated, u.Observed)
}

func counted(scope string, verdict record.Verdict, failed, of int64, observed map[string]any) string {
	text := string(verdict)
	if scope == "row" {
		return text + fmt.Sprintf(", %d of %s failed", failed, count(int(of), "row"))
	}
	for _, metric := range slices.Sorted(maps.Keys(observed)) {
		text += fmt.Sprintf(", %s = %v", metric, observed[metric])
	}
	return text
}

// shownValue is a value of a column, for people.
func shownValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case time.Time:
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format(time.DateOnly)
		}
		return v.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}
