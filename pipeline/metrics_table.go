package pipeline

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// MetricsTable is the Delta table of the metrics of published versions, in a warehouse.
const MetricsTable = "_dq/metrics"

var metricsSchema = table.Schema{Fields: []table.Field{
	{Name: "table_name", Type: table.Type{Kind: table.String}},
	{Name: "version", Type: table.Type{Kind: table.Int64}},
	{Name: "batch", Type: table.Type{Kind: table.Int64}},
	{Name: "run", Type: table.Type{Kind: table.String}},
	{Name: "published_at", Type: table.Type{Kind: table.Timestamp}},
	{Name: "scope", Type: table.Type{Kind: table.String}},
	{Name: "metric", Type: table.Type{Kind: table.String}},
	{Name: "group_key", Type: table.Type{Kind: table.String}, Nullable: true},
	{Name: "type", Type: table.Type{Kind: table.String}},
	{Name: "value", Type: table.Type{Kind: table.Double}, Nullable: true},
	{Name: "text", Type: table.Type{Kind: table.String}, Nullable: true},
}}

// mostMetrics is about how many rows are written by one statement.
const mostMetrics = 2000

// metricsApp is the Delta txn that says up to which version of a table its metrics are kept.
func metricsApp(table string) string { return "dq-metrics:" + table }

// keepMetrics brings the table of metrics up to date with what was published, by this
// run and by those that were killed before they did: one row for each metric of each
// version, as the ledger has it. The run has published what it publishes, so that
// nothing that goes wrong here stands in its way: it is a finding, and the next run
// catches up.
//
// Cost: the table's log, and the commits since; then a small file and a commit.
func (r *run) keepMetrics(ctx context.Context) {
	if err := r.appendMetrics(ctx); err != nil && !errors.Is(err, delta.ErrConflict) { // of another pipeline: its rows or ours come next time
		r.rec.Findings = append(r.rec.Findings, record.Finding{Rule: "metrics", Severity: "warn",
			Message: "metrics could not be kept in " + MetricsTable + ": " + err.Error(), Hint: "nothing else hangs on it; the next run catches up"})
	}
}

func (r *run) appendMetrics(ctx context.Context) error {
	where := r.where.Sub(MetricsTable)
	kept := delta.Open(where.Store())
	snap, err := kept.Snapshot(ctx, delta.Latest())
	if err != nil && !errors.Is(err, delta.ErrNoTable) {
		return err
	}
	var rows []string
	upTo := map[string]int64{}
	commit := func() error {
		if len(upTo) == 0 {
			return nil
		}
		next, err := r.commitMetrics(ctx, kept, snap, rows, upTo)
		if err == nil {
			snap, rows, upTo = next, nil, map[string]int64{}
		}
		return err
	}
	for _, l := range r.Layers {
		for _, spec := range l.Tables {
			t := r.tables[spec.Name]
			newest, ok := t.published()
			if !ok {
				continue
			}
			last := int64(-1)
			if snap != nil {
				if v, ok := snap.Txn(metricsApp(t.Name)); ok {
					last = v
				}
			}
			if last >= newest {
				continue
			}
			commits, err := t.delta.History(ctx, int(newest-last))
			if err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			slices.Reverse(commits)
			for _, c := range commits {
				more, err := r.metricsOfVersion(ctx, t, c)
				if err != nil {
					return fmt.Errorf("%s: %w", t.Name, err)
				}
				rows = append(rows, more...)
				if upTo[metricsApp(t.Name)] = c.Version; len(rows) >= mostMetrics {
					if err := commit(); err != nil {
						return err
					}
				}
			}
		}
	}
	if len(rows) == 0 {
		return nil // versions of other writers alone are passed over again: they cost a look at their commits
	}
	return commit()
}

// published is the table's newest version, as far as this run knows.
func (t *tableRun) published() (int64, bool) {
	switch {
	case t.rec != nil && t.rec.Version != nil:
		return *t.rec.Version, true
	case t.snap != nil:
		return t.snap.Version(), true
	}
	return 0, false
}

// metricsOfVersion are the rows of a version that this pipeline published, as SQL.
func (r *run) metricsOfVersion(ctx context.Context, t *tableRun, c delta.Commit) ([]string, error) {
	note, ok := commitNote(c)
	if !ok || note.App != t.app {
		return nil, nil
	}
	var entry ledgerEntry
	if err := r.state.readJSON(ctx, ledgerName(t.Name, note.N, note.Run), &entry); err != nil {
		return nil, nil //nolint:nilerr // a ledger that was lost has nothing to say, now or later
	}
	var out []string
	row := func(scope, name, group, kind, value, text string) {
		cells := []string{t.Name, strconv.FormatInt(c.Version, 10), strconv.FormatInt(note.N, 10), note.Run,
			entry.At.UTC().Format("2006-01-02 15:04:05.999999"), scope, name, group, kind, value, text}
		for i, cell := range cells {
			if cell == "" && metricsSchema.Fields[i].Nullable {
				cells[i] = "NULL"
			} else {
				cells[i] = r.d.Literal(cell)
			}
		}
		out = append(out, "("+strings.Join(cells, ", ")+")")
	}
	one := func(scope, name, group string, v any) {
		kind, text := metric{v}.text()
		value := ""
		if kind == "int" || kind == "decimal" || kind == "double" {
			value = text
		}
		row(scope, name, group, kind, value, text)
	}
	if _, ok := entry.Metrics["rows()"]; !ok {
		one("table", "rows()", "", note.Counts.Total)
	}
	shown := t.shownMetrics()
	for _, name := range sortedKeys(entry.Metrics) {
		v := entry.Metrics[name].value
		if strings.HasPrefix(name, "groups(") || !shown(name, v) {
			continue
		}
		if groups, ok := v.(expectations.Grouped); ok {
			for _, key := range sortedKeys(groups) {
				one("table", name, key, groups[key])
			}
			continue
		}
		one("table", name, "", v)
	}
	if t.profile != nil && note.Run == r.id {
		one("batch", "rows()", "", t.profile.Rows)
		for _, col := range t.profile.Columns {
			name := col.Name
			one("batch", "nulls("+name+")", "", col.Nulls)
			distinct := "distinct(" + name + ")"
			if col.Approx {
				distinct = "approx_" + distinct
			}
			one("batch", distinct, "", col.Distinct)
		}
	}
	return out, nil
}

// tellsCount finds metrics that tell no value of a column.
var tellsCount = regexp.MustCompile(`^(rows|count|share|nulls|nans|infs|distinct|duplicates)\(`)

// shownMetrics says which metrics may stand where everybody reads: of columns that are
// tagged personal only how many there are, and nothing by their values.
func (t *tableRun) shownMetrics() func(name string, v any) bool {
	personal := t.personal()
	if len(personal) == 0 {
		return func(string, any) bool { return true }
	}
	for i, name := range personal {
		personal[i] = regexp.QuoteMeta(name)
	}
	mentions := regexp.MustCompile(`(?:^|[^\pL\pN_])(?:` + strings.Join(personal, "|") + `)(?:$|[^\pL\pN_])`)
	return func(name string, v any) bool {
		_, byGroup := v.(expectations.Grouped)
		return !mentions.MatchString(name) || tellsCount.MatchString(name) && !byGroup
	}
}

// commitMetrics appends rows, and writes many small files anew as one.
func (r *run) commitMetrics(ctx context.Context, kept *delta.Table, snap *delta.Snapshot, rows []string, upTo map[string]int64) (*delta.Snapshot, error) {
	where := r.where.Sub(MetricsTable)
	s, err := r.eng.Small(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	x := kept.Create("WRITE", metricsSchema, nil, nil)
	var files []table.File
	if snap != nil {
		x = snap.Begin("WRITE")
		if files, err = filesOf(ctx, snap); err != nil {
			return nil, err
		}
	}
	stage := func(sql string) ([]table.File, error) {
		staged, _, err := r.write(ctx, s, where, engine.StageRequest{SQL: sql, Schema: metricsSchema})
		if err != nil {
			return nil, err
		}
		out := make([]table.File, len(staged))
		for i, f := range staged {
			out[i] = f.File
		}
		return out, where.Publish(ctx, out...)
	}
	if len(rows) > 0 {
		sql := fmt.Sprintf("SELECT * FROM (VALUES %s) AS v(%s)", strings.Join(rows, ", "), idents(r.d, "", metricsSchema.Names()))
		added, err := stage(sql)
		if err != nil {
			return nil, err
		}
		x.Add(added...)
	}
	if small := alikeSmall(files); len(small) >= manySmall {
		if err := attach(ctx, s, relSmall, relation{where: where, schema: metricsSchema, files: small}, false); err != nil {
			return nil, err
		}
		together, err := stage("SELECT * FROM " + relSmall + " ORDER BY table_name, version")
		if err != nil {
			return nil, err
		}
		x.Rearrange(small, together)
	}
	for _, app := range sortedKeys(upTo) {
		x.SetTxn(app, upTo[app])
	}
	if _, err := x.Commit(ctx); err != nil {
		return nil, err
	}
	return x.Snapshot(), nil
}
