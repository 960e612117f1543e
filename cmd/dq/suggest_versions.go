package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/suggest"
	"github.com/dq-dev/dq/table"
)

// maxVersions is how many versions a suite is learned from, the newest ones.
const maxVersions = 60

// tableVersions are the versions of the one table that the arguments name, the oldest first:
// each is one, and the only one, a Delta table without a version, has those that changed rows.
func tableVersions(ctx context.Context, args []string, opts dataOptions) ([]*data, error) {
	var versions []*data
	for _, arg := range args[max(0, len(args)-maxVersions):] {
		d, err := resolve(ctx, arg, opts)
		if err != nil {
			return nil, err
		}
		versions = append(versions, d)
	}
	newest := versions[0]
	if path, _, err := splitVersion(args[0]); err != nil || len(args) > 1 || newest.snap == nil || path != args[0] {
		return versions, err
	}
	commits, err := delta.Open(newest.where.Store()).History(ctx, 0)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		moved := slices.ContainsFunc([]string{"OPTIMIZE", "VACUUM", "SET ", "UNSET ", "CHANGE "}, func(p string) bool { return strings.HasPrefix(c.Operation, p) })
		if c.Version >= *newest.dataset.Version || moved {
			continue
		}
		if len(versions) == maxVersions {
			break
		}
		d := &data{dataset: newest.dataset, where: newest.where, records: -1}
		if err := d.delta(ctx, delta.Version(c.Version)); errors.Is(err, delta.ErrGone) || errors.Is(err, delta.ErrNoVersion) || errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return nil, err
		}
		versions = append(versions, d)
	}
	slices.Reverse(versions)
	return versions, nil
}

// backtest learns a suite on the newest version, and keeps what did well on the others.
func (a *app) backtest(ctx context.Context, eng engine.Engine, versions []*data, opts dataOptions, tables []string, alpha float64) (*suggest.Suite, error) {
	set, readable, err := commonTypes(ctx, eng, versions, opts)
	if err != nil {
		return nil, err
	}
	opts.set = set
	test := suggest.Backtest{Alpha: alpha}
	step, clear := a.progress()
	defer clear()
	var suite *suggest.Suite
	for i, d := range readable {
		if step != nil {
			step(fmt.Sprintf("version %d of %d", i+1, len(readable)))
		}
		if suite, err = tried(ctx, eng, d, opts, tables, commonName(versions), suite, &test, i == len(readable)-1); err != nil {
			return nil, err
		}
	}
	clear()
	test.Keep(suite)
	if !suite.Backtest.Enough {
		fmt.Fprintf(a.err, "warning: %d versions are too few to show that a rule has less than %.3g %% false alarms: rules without any stay\n", len(readable), 100*alpha)
	}
	return suite, nil
}

// tried tries the suite in force on a version of the table of that name, and gives the one that is in force then: the
// version's own, if it is taken or the last.
func tried(ctx context.Context, eng engine.Engine, d *data, opts dataOptions, tables []string, name string, suite *suggest.Suite, test *suggest.Backtest, last bool) (*suggest.Suite, error) {
	s, err := eng.Session(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	t, refs, err := looked(ctx, eng, s, d, opts, tables)
	if err != nil {
		return nil, err
	}
	if suite != nil {
		outcomes, err := judged(ctx, eng, s, d, suite.For(t.Names()), refs)
		if err != nil {
			return nil, err
		}
		if !test.Add(outcomes) && !last {
			return suite, nil
		}
	}
	return suggest.Learn(t, name), nil
}

// judged is what a suite says of data that are attached as t, beside the tables that it refers to.
func judged(ctx context.Context, eng engine.Engine, s engine.Session, d *data, suite *suggest.Suite, refs map[string]table.Schema) (map[string]suggest.Outcome, error) {
	outcomes := map[string]suggest.Outcome{}
	if len(suite.Rules) == 0 {
		return outcomes, nil
	}
	parsed, err := expectations.Parse("suggested suite", suite.YAML(), expectations.Options{})
	if err != nil {
		return nil, err
	}
	schema, err := s.Bind(ctx, "SELECT * FROM "+eng.Dialect().Relation(relTable))
	if err != nil {
		return nil, err
	}
	plan, err := parsed.Plan(withoutProvenance(schema.Schema), refs)
	if err != nil {
		return nil, err
	}
	result, err := plan.Audit(ctx, s, expectations.Target{Dialect: eng.Dialect(), Dataset: d.dataset, Parts: []expectations.Part{{Relation: relTable, New: true}},
		New: relTable, Table: relTable, Lines: true, Now: d.written()})
	if err != nil {
		return nil, err
	}
	for _, e := range result.Check.Expectations {
		o := suggest.Outcome{Failed: e.Verdict == "fail" || e.Verdict == "error"}
		if e.Scope == "row" {
			o.Judged, o.Bad = e.Evaluated, e.Failed+e.Errored
		}
		outcomes[e.ID] = o
	}
	return outcomes, nil
}

// commonTypes are the types by which all versions are read: of a column of text files that
// has several, text. Versions that cannot be read are left out, but for the newest.
func commonTypes(ctx context.Context, eng engine.Engine, versions []*data, opts dataOptions) (map[string]table.Type, []*data, error) {
	set := map[string]table.Type{}
	var readable []*data
	for i, d := range versions {
		schema, err := shapeOf(ctx, eng, d, opts)
		if err != nil {
			return nil, nil, err
		}
		if d.broken != nil && i < len(versions)-1 {
			continue
		}
		readable = append(readable, d)
		for _, f := range schema.Fields {
			if t, ok := set[f.Name]; ok && !t.Equal(f.Type) {
				set[f.Name] = table.Type{Kind: table.String}
			} else if !ok {
				set[f.Name] = f.Type
			}
		}
	}
	for name, t := range opts.set {
		set[name] = t
	}
	return set, readable, nil
}

// shapeOf is the columns of data.
func shapeOf(ctx context.Context, eng engine.Engine, d *data, opts dataOptions) (table.Schema, error) {
	if d.snap != nil {
		return d.input.Schema, nil
	}
	s, err := eng.Session(ctx)
	if err != nil {
		return table.Schema{}, err
	}
	defer func() { _ = s.Close() }()
	schema, _, err := d.attach(ctx, s, eng.Dialect(), relTable, opts)
	return schema, err
}
