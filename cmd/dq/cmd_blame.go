package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/record"
)

func (a *app) cmdBlame() *cobra.Command {
	var (
		from              policySource
		suiteFile, format string
		tables            []string
	)
	cmd := &cobra.Command{
		Use:   "blame TABLE EXPECTATION",
		Short: "Name the version of a table since which an expectation fails, and where the failures are",
		Long: `blame goes back through the versions of a table, from the newest or from the one behind @,
to the newest change for the worse: from passing to a warning or a failure, or from a
warning to a failure. It names that version, its run, what it was made from, and the
smallest segment (column = value, or two of them) with at least 80 % of the new failures.

TABLE is a table of the pipeline, of which runs keep what its suite said, or the location
of any Delta table, with --suite. Verdicts that were kept are looked at one by one.
Versions of which none was kept are checked again, by bisection: that takes for granted
that the verdict changed once among them, and the output says so. Rows that were
refused are in no version of the table; of the newest version, batches that failed the
expectation and were refused as a whole are named, too, as long as dq gate keeps them.`,
		Example: `  dq blame silver.orders country_known
  dq blame silver.orders@17 country_known --format json
  dq blame lake/orders amount.positive --suite suites/orders.yaml`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			b := &blaming{app: a, id: args[1], tables: tables}
			if err := b.subject(&from, args[0], suiteFile); err != nil {
				return err
			}
			defer b.close()
			report, err := b.blame(cmd.Context())
			if err != nil {
				return err
			}
			if format == "json" {
				return writeJSON(a.out, report)
			}
			a.showBlame(report)
			return nil
		},
	}
	from.pipelineFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&suiteFile, "suite", "s", "", "the suite's file, for a table that is not the pipeline's")
	f.StringArrayVar(&tables, "table", nil, "NAME=DATA, a table that rules refer to")
	f.StringVar(&format, "format", "text", "text or json")
	return cmd
}

// blaming is one search for a version to blame.
type blaming struct {
	app      *app
	id       string
	arg      string // the table as the user names it, without a version
	name     string // of the table
	location string // without a version
	at       delta.At
	suite    *expectations.Suite // with that expectation alone
	tables   []string            // NAME=DATA
	p        *pipeline.Pipeline  // nil: the table is not the pipeline's, or the suite is another
	archive  *pipeline.Archive
	newest   int64 // the version to begin at

	eng     engine.Engine
	session engine.Session
}

// subject finds the table and the expectation that the arguments name.
func (b *blaming) subject(from *policySource, arg, suiteFile string) (err error) {
	if b.location, b.at, err = splitVersion(arg); err != nil {
		return err
	}
	b.arg = b.location
	p, err := from.load()
	if err != nil {
		return err
	}
	own := ""
	if p != nil {
		if own = ownTable(p, b.location); own != "" {
			b.location = p.Location(own)
		}
	}
	var suite *expectations.Suite
	switch {
	case suiteFile != "":
		if suite, err = loadSuite(suiteFile, nil); err != nil {
			return err
		}
	case own != "":
		for _, l := range p.Layers {
			for _, t := range l.Tables {
				if t.Name == own {
					suite = t.Suite
				}
			}
		}
		if suite.File == "none" {
			return usagef("%s has no suite (suite: none): name one: --suite FILE", own)
		}
		b.p = p
	case p != nil && !location.Remote(b.location) && !isDir(b.location):
		return usagef("%s: there is no such folder, and no such table in %s; %s", b.location, p.File, yamlpos.DidYouMean(b.location, p.Tables()))
	case !location.Remote(b.location) && !isDir(b.location):
		return usagef("%s: there is no such folder%s", b.location, nearData(b.location))
	default:
		return usagef("%s is no table of a pipeline here: name the suite that it fails: --suite FILE", b.location)
	}
	var ids []string
	for _, e := range suite.Expectations {
		ids = append(ids, e.ID)
	}
	if !slices.Contains(ids, b.id) {
		return usagef("%s has no expectation %q; %s", suite.File, b.id, yamlpos.DidYouMean(b.id, ids))
	}
	b.suite = suite.Only(b.id)
	if b.name = own; own == "" {
		b.name, _ = nameOf(b.location)
	}
	if b.p != nil {
		b.archive, err = b.p.Archive()
	}
	return usage(err)
}

// blamedVersion is a version of the table in the report.
type blamedVersion struct {
	Version   int64          `json:"version"`
	Time      time.Time      `json:"time"`
	Operation string         `json:"operation"`
	Run       string         `json:"run,omitempty"`
	Known     string         `json:"known"` // stored, or checked now
	Verdict   record.Verdict `json:"verdict"`
	Evaluated int64          `json:"evaluated"`
	Failed    int64          `json:"failed"`
	Errored   int64          `json:"errored"`
	Observed  map[string]any `json:"observed"` // of a rule over aggregates
	Message   string         `json:"message"`
}

// blamedInput is an upstream table that was brought up to another version.
type blamedInput struct {
	Table  string `json:"table"`
	Before *int64 `json:"before"` // null: it was not read before
	After  int64  `json:"after"`
}

// unpublished is a batch that failed the expectation and was refused.
type unpublished struct {
	Batch        string         `json:"batch"` // of dq gate
	Run          string         `json:"run"`
	At           time.Time      `json:"at"`
	Verdict      record.Verdict `json:"verdict"`
	Evaluated    int64          `json:"evaluated"`
	Failed       int64          `json:"failed"`
	Errored      int64          `json:"errored"`
	Observed     map[string]any `json:"observed"`
	Message      string         `json:"message"`
	SupersededBy string         `json:"superseded_by,omitempty"` // the run that has published since what it was to bring
}

// blameReport is the JSON of `dq blame`.
type blameReport struct {
	Table       string `json:"table"`
	Location    string `json:"location"`
	Expectation string `json:"expectation"`
	Scope       string `json:"scope"`
	// Outcome is failing, recovered or never_failed; unknown when the newest version
	// cannot be judged.
	Outcome  string         `json:"outcome"`
	Now      *blamedVersion `json:"now"`
	FirstBad *blamedVersion `json:"first_bad"`
	Before   *blamedVersion `json:"before"`
	Passes   *blamedVersion `json:"passes_again"`
	// RuleChanged: the rule of the first bad version is not that of the version before.
	RuleChanged bool               `json:"rule_changed"`
	Inputs      []blamedInput      `json:"inputs"`
	Files       []string           `json:"files"`
	NewFailures *int64             `json:"new_failures"` // rows that fail in the first bad version and not in the one before
	Segment     *profiling.Segment `json:"segment"`
	Groups      []map[string]any   `json:"groups"` // that fail in the first bad version and not in the one before
	// Unpublished are the batches that failed and were refused, newest first.
	Unpublished []unpublished `json:"unpublished"`
	Versions    int           `json:"versions"`
	Stored      int           `json:"stored"`
	Checked     int           `json:"checked"`
	Notes       []string      `json:"notes"`
}

func (r *blameReport) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func shownVersion(j *pipeline.Judged) *blamedVersion {
	if j == nil || j.Expectation == nil {
		return nil
	}
	e := j.Expectation
	v := &blamedVersion{Version: j.Version, Time: j.Time, Operation: j.Operation, Run: j.Run, Known: "stored", Verdict: e.Verdict,
		Evaluated: e.Evaluated, Failed: e.Failed, Errored: e.Errored, Observed: e.Observed, Message: e.Message}
	if j.Checked {
		v.Known = "checked"
	}
	return v
}

// blame searches, and says what it found.
func (b *blaming) blame(ctx context.Context) (*blameReport, error) {
	versions, err := b.versions(ctx)
	if err != nil {
		return nil, err
	}
	report := &blameReport{Table: b.name, Location: b.location, Expectation: b.id, Scope: b.suite.Expectations[0].Scope, Versions: len(versions),
		Inputs: []blamedInput{}, Files: []string{}, Groups: []map[string]any{}, Unpublished: []unpublished{}, Notes: []string{}}
	found, err := pipeline.FindBad(ctx, versions, b.stored, b.recheck)
	if err != nil {
		return nil, err
	}
	b.searched(report, found)
	if err := b.refused(ctx, report); err != nil {
		return nil, err
	}
	if found.Bad == nil {
		return report, nil
	}
	if err := b.origin(ctx, report, found.Bad); err != nil {
		return nil, err
	}
	e := found.Bad.Expectation
	if was := found.Before; was != nil {
		w := was.Expectation
		report.RuleChanged = e.CEL != w.CEL || e.Where != w.Where || fmt.Sprint(e.Threshold) != fmt.Sprint(w.Threshold) || e.OnFail != w.OnFail
	}
	switch {
	case e.Refused > 0:
		report.note("the rule took %s out of the batch; the table has them in no version", count(int(e.Refused), "row"))
		if e.OnFail == "quarantine" {
			report.note(`look at them: dq table query %s "SELECT * FROM t WHERE dq_run = '%s'"`, b.p.Place("quarantine/"+strings.Replace(b.name, ".", "/", 1)), found.Bad.Run)
		}
	case e.Scope == "row":
		err = b.gathered(ctx, report, found)
	default:
		report.Groups = newGroups(found)
	}
	return report, err
}

// versions lists the versions of the table, up to the one that is asked about.
func (b *blaming) versions(ctx context.Context) ([]*pipeline.Judged, error) {
	where, err := openLocation(b.location)
	if err != nil {
		return nil, err
	}
	t := delta.Open(where.Store())
	snap, err := t.Snapshot(ctx, b.at)
	if err != nil {
		return nil, noTable(b.location, err)
	}
	b.newest = snap.Version()
	versions, err := pipeline.Versions(ctx, t, b.newest)
	if err == nil && len(versions) == 0 {
		err = usagef("%s: the log no longer has version %d", b.location, b.newest)
	}
	return versions, err
}

func (b *blaming) stored(ctx context.Context, j *pipeline.Judged) (*record.Expectation, error) {
	if b.archive == nil {
		return nil, nil
	}
	return b.archive.Expectation(ctx, b.name, b.id, j)
}
