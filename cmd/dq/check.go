package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// checking is one check of data.
type checking struct {
	eng      engine.Engine
	session  engine.Session
	data     *data
	suite    *expectations.Suite
	expect   []string // the rules that the suite is made of, if they are given on the command line
	tables   []string
	opts     dataOptions
	samples  int
	newOnly  bool   // --scope new
	failures string // path of the failing rows, "" for none
	// then, if it is set, is told the result while the session has what was judged.
	then func(*expectations.Result) error
}

// Relations of a check: what is judged, what its version added, and the versions before.
const (
	relTable  = "t"
	relAdded  = "t_new"
	relStay   = "t_stay" // the other rows
	relBefore = "t_before"
	relLanded = "t_landed" // of a file: t as it would be landed
)

// without gives the files that are not among those added.
func without(files, added []table.File) []table.File {
	came := make(map[string]bool, len(added))
	for _, f := range added {
		came[f.Path] = true
	}
	return slices.DeleteFunc(slices.Clone(files), func(f table.File) bool { return came[f.Path] })
}

// check audits the data and records it as a run of one table.
func (c *checking) check(ctx context.Context, run *record.Run) error {
	d, dialect := c.data, c.eng.Dialect()
	added, err := d.added(ctx)
	if err != nil {
		return err
	}
	if c.newOnly && added != nil {
		d.input.Files = added
	}
	schema, findings, err := d.attach(ctx, c.session, dialect, relTable, c.opts)
	if err != nil {
		return err
	}
	if d.broken != nil {
		unreadable(run, d, &record.Check{Format: record.CheckFormat, Dataset: d.dataset, Suite: record.SuiteRef{Name: c.suite.File, Digest: c.suite.Digest},
			Expectations: []record.Expectation{}, Engine: run.Engine, Tool: run.Tool, StartedAt: run.StartedAt})
		return nil
	}
	refs, err := attachTables(ctx, c.eng, c.session, c.tables)
	if err != nil {
		return err
	}
	judged := relTable
	plan, err := c.plan(schema, refs)
	if err != nil && d.snap == nil {
		if landed, wide, ok := c.landed(ctx, schema, refs, run.StartedAt); ok {
			judged, schema, plan, err = relLanded, wide, landed, nil
		}
	}
	if err != nil {
		return c.withoutValues(ctx, schema, err)
	}
	for _, own := range []string{expectations.RowColumn, expectations.FailedColumn} {
		if _, ok := schema.Field(own); ok && c.failures != "" {
			return usagef("--out failures=%s: the data has a column %s, which failing rows have for themselves", c.failures, own)
		}
	}
	target := expectations.Target{Dialect: dialect, Dataset: d.dataset, Parts: []expectations.Part{{Relation: judged, New: true}},
		New: judged, Table: judged, Lines: true, Now: run.StartedAt, Samples: c.samples}
	if added != nil && !c.newOnly {
		target.New, target.Parts = relAdded, []expectations.Part{{Relation: relStay}, {Relation: relAdded, New: true}}
		in := d.input
		in.Name, in.Files, in.Provenance = relAdded, added, true
		if _, err := c.session.Attach(ctx, in); err != nil {
			return err
		}
		in.Name, in.Files = relStay, without(d.input.Files, added)
		if _, err := c.session.Attach(ctx, in); err != nil {
			return err
		}
	}
	if err := c.past(ctx, plan, &target); err != nil {
		return err
	}
	result, err := plan.Audit(ctx, c.session, target)
	if wrong := (yamlpos.Errors)(nil); errors.As(err, &wrong) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	if c.failures != "" {
		if err := c.writeFailures(ctx, result); err != nil {
			return err
		}
	}
	if c.then != nil {
		if err := c.then(result); err != nil {
			return err
		}
	}
	c.record(run, result.Check, schema, findings, result)
	return nil
}

// landed plans the suite for a file as for the table that it would be landed in: with
// the columns _file, _line and _loaded_at, as of now, as far as it has none of its own.
// False: that does not help.
func (c *checking) landed(ctx context.Context, schema table.Schema, refs map[string]table.Schema, now time.Time) (*expectations.Plan, table.Schema, bool) {
	say := c.eng.Dialect()
	items := "*"
	provenance := pipeline.Provenance(say, now)
	for _, name := range slices.Sorted(maps.Keys(provenance)) {
		if _, ok := schema.Field(name); !ok {
			items += ", " + provenance[name] + " AS " + say.Ident(name)
		}
	}
	wide, err := c.session.Attach(ctx, engine.Input{Name: relLanded, SQL: "SELECT " + items + " FROM " + say.Relation(relTable)})
	if err != nil {
		return nil, table.Schema{}, false
	}
	wide = withoutProvenance(wide)
	plan, err := c.plan(wide, refs)
	return plan, wide, err == nil
}

// withoutValues adds to what is wrong with rules which of their columns has no value
// in a text file and so counts as text, unless it was given a type.
func (c *checking) withoutValues(ctx context.Context, schema table.Schema, wrong error) error {
	d := c.data
	if d.input.Format == "" || d.input.Format == engine.Parquet {
		return wrong
	}
	for _, f := range schema.Fields {
		if _, set := c.opts.set[f.Name]; set || f.Type.Kind != table.String || !strings.Contains(wrong.Error(), f.Name) {
			continue
		}
		say := c.eng.Dialect()
		rows, err := c.session.Query(ctx, "SELECT count("+say.Ident(f.Name)+") FROM "+say.Relation(relTable))
		if err == nil && rows.Values[0][0] == int64(0) {
			return usagef("%w\nhint: %s has no value in %s and counts as text; give it a type in the suite, or here: --set '%s=int64'", wrong, f.Name, d.dataset.Name, f.Name)
		}
	}
	return wrong
}

// wrongSuite is what is wrong with a suite: what was found in its text, and what the
// columns of the data tell about the rules that could be read.
func (c *checking) wrongSuite(ctx context.Context, wrong error) error {
	schema, _, err := c.data.attach(ctx, c.session, c.eng.Dialect(), relTable, c.opts)
	if err != nil || c.data.broken != nil {
		return wrong
	}
	refs, err := attachTables(ctx, c.eng, c.session, c.tables)
	if err != nil {
		return wrong
	}
	if _, err = c.plan(schema, refs); err != nil {
		if _, _, ok := c.landed(ctx, schema, refs, time.Now()); ok {
			return wrong
		}
	}
	var text, more yamlpos.Errors
	if !errors.As(wrong, &text) || !errors.As(err, &more) {
		return wrong
	}
	return usage(slices.Concat(text, more).Sort())
}

// plan compiles the suite. A rule of the command line is one on a row, or one over
// aggregates: which, its text says.
func (c *checking) plan(schema table.Schema, refs map[string]table.Schema) (*expectations.Plan, error) {
	plan, err := planFor(c.suite, schema, refs)
	var wrong yamlpos.Errors
	if c.expect == nil || !errors.As(err, &wrong) {
		return plan, err
	}
	rules := slices.Clone(c.expect)
	for _, e := range wrong {
		if i := e.Line - suiteHead - 1; e.Message == cel.AllRows && i < len(rules) {
			rules[i] = "table: " + rules[i]
		}
	}
	if slices.Equal(rules, c.expect) {
		return nil, err
	}
	if c.suite, err = loadSuite("", rules); err != nil {
		return nil, err
	}
	return planFor(c.suite, schema, refs)
}

func (c *checking) record(run *record.Run, check *record.Check, schema table.Schema, findings []record.Finding, result *expectations.Result) {
	d := c.data
	d.dataset.Rows = check.Dataset.Rows
	check.Engine, check.Tool, check.StartedAt = run.Engine, run.Tool, run.StartedAt
	check.DurationMS = time.Since(run.StartedAt).Milliseconds()
	if result.Close && check.Verdict != record.Error && check.Verdict != record.Fail {
		findings = append(findings, record.Finding{Rule: "gate", Severity: "error", Table: d.dataset.Name, Message: strings.Join(result.Reasons, "; ")})
	}
	check.Findings = findings
	for _, f := range findings {
		check.Verdict = record.Worst(check.Verdict, f.Verdict())
	}
	t := record.Table{Name: d.dataset.Name, Location: d.dataset.Location, Owner: c.suite.Owner, Outcome: "checked", VersionBefore: d.dataset.Version,
		Schema: schema, Check: check, Findings: findings, Counts: record.Counts{Total: d.dataset.Rows}}
	sumUp(run, t, "checked")
}

// past attaches the versions of a Delta table before the one that is checked, as
// many as the rules ask for.
func (c *checking) past(ctx context.Context, plan *expectations.Plan, target *expectations.Target) error {
	if c.data.dataset.Version == nil || c.newOnly {
		return nil
	}
	version := *c.data.dataset.Version
	for n := int64(1); n <= int64(plan.Back()) && n <= version; n++ {
		before := &data{dataset: record.Dataset{Location: c.data.dataset.Location}, where: c.data.where}
		if err := before.delta(ctx, delta.Version(version-n)); errors.Is(err, delta.ErrGone) {
			return nil // its files are not there any more: no past
		} else if err != nil {
			return err
		}
		in := before.input
		in.Name = fmt.Sprintf("%s_%d", relBefore, n)
		in.Schema = c.data.input.Schema // what it did not have yet is null
		if _, err := c.session.Attach(ctx, in); err != nil {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		}
		target.Before = append(target.Before, in.Name)
	}
	return nil
}

// added lists the files that a version of a Delta table has and the one before
// had not; nil when there is no version before.
func (d *data) added(ctx context.Context) ([]table.File, error) {
	if d.dataset.Version == nil || *d.dataset.Version == 0 || d.broken != nil {
		return nil, nil
	}
	before := &data{dataset: record.Dataset{Location: d.dataset.Location}, where: d.where}
	if err := before.delta(ctx, delta.Version(*d.dataset.Version-1)); err != nil {
		return nil, err
	}
	had := map[string]bool{}
	for _, f := range before.input.Files {
		had[f.Path] = true
	}
	files := []table.File{}
	for _, f := range d.input.Files {
		if !had[f.Path] {
			files = append(files, f)
		}
	}
	return files, nil
}

// failuresPath takes failures=PATH out of the --out flags.
func failuresPath(out []string) (path string, others []string, err error) {
	for _, v := range out {
		p, ok := strings.CutPrefix(v, "failures=")
		switch {
		case !ok:
			others = append(others, v)
		case filepath.Ext(p) != ".parquet":
			return "", nil, usagef("--out %s: failing rows are written as Parquet; write failures=%s.parquet", v, strings.TrimSuffix(p, filepath.Ext(p)))
		case path != "":
			return "", nil, usagef("--out %s: failures are asked for twice", v)
		default:
			path = p
		}
	}
	return path, others, nil
}

// writeFailures writes all failing rows.
func (c *checking) writeFailures(ctx context.Context, result *expectations.Result) error {
	exporter, ok := c.session.(engine.Exporter)
	if !ok {
		return usagef("--out failures: the engine %s cannot write a file by itself", c.eng.Info().Name)
	}
	position, err := c.position(ctx)
	if err != nil {
		return err
	}
	sql, err := result.Failing(position)
	if err != nil {
		return err
	}
	_, err = exporter.Export(ctx, sql, engine.Parquet, c.failures)
	return err
}

// position is SQL of a row's 1-based position in the source: its files one after
// the other, without headers. A Delta table has no such order: null.
func (c *checking) position(ctx context.Context) (string, error) {
	d, dialect := c.data, c.eng.Dialect()
	if d.dataset.Version != nil {
		return "CAST(NULL AS BIGINT)", nil
	}
	file, line := dialect.Ident(engine.FileColumn), dialect.Ident(engine.LineColumn)
	first := "0" // the line of the first row
	switch {
	case d.input.CSV != nil && d.input.CSV.Header:
		first = "2"
	case d.input.Format != "" && d.input.Format != engine.Parquet:
		first = "1"
	}
	own := fmt.Sprintf("CAST(%s - %s + 1 AS BIGINT)", line, first)
	if len(d.input.Files) < 2 {
		return own, nil
	}
	rows, err := c.session.Query(ctx, fmt.Sprintf("SELECT %s, max(%s) - %s + 1 FROM %s GROUP BY 1", file, line, first, dialect.Relation(relTable)))
	if err != nil {
		return "", err
	}
	lengths := map[string]int64{}
	for _, row := range rows.Values {
		path, _ := row[0].(string)
		lengths[path], _ = row[1].(int64)
	}
	before, cases := int64(0), ""
	for _, f := range d.input.Files {
		cases += fmt.Sprintf(" WHEN %s THEN %d", dialect.Literal(f.Path), before)
		before += lengths[f.Path]
	}
	return fmt.Sprintf("%s + CASE %s%s END", own, file, cases), nil
}
