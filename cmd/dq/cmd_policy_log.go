package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// decisionLog is the decision log that a command is about.
type decisionLog struct {
	policySource
	format string
}

func (l *decisionLog) flags(cmd *cobra.Command) {
	l.pipelineFlag(cmd)
	cmd.Flags().StringVar(&l.format, "format", "text", "text or json")
}

// gone says that decisions were made of which there is no log, and what proves it.
func gone(log string, proof []string) error {
	rest := ""
	if n := len(proof) - 3; n > 0 {
		rest, proof = fmt.Sprintf(" and %d more", n), proof[:3]
	}
	return &exitError{code: exitFound, err: fmt.Errorf("%s is gone: decisions are missing; they are told of by %s%s; put it back from a backup", log, strings.Join(proof, ", "), rest)}
}

// proven looks in a warehouse for what decisions leave beside their log: the heads in
// the records of runs, the kept inputs, and the notes in the commits of tables.
func (l *decisionLog) proven(ctx context.Context, p *pipeline.Pipeline, heads map[string]string) ([]string, error) {
	proof := slices.Sorted(maps.Keys(heads))
	where, err := openLocation(p.Warehouse)
	if err != nil {
		return nil, err
	}
	for f, err := range where.Store().Walk(ctx, "_dq/decisions") {
		if err != nil {
			return nil, err
		}
		proof = append(proof, f.Name)
		break
	}
	for _, name := range p.Tables() {
		place, err := openLocation(p.Location(name))
		if err != nil {
			return nil, err
		}
		commits, err := delta.Open(place.Store()).History(ctx, 0)
		if errors.Is(err, delta.ErrNoTable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, c := range commits {
			var info struct {
				DQ struct {
					Decisions []string `json:"decisions"`
				} `json:"dq"`
			}
			if json.Unmarshal(c.Info, &info) == nil && len(info.DQ.Decisions) > 0 {
				proof = append(proof, fmt.Sprintf("version %d of %s", c.Version, name))
				break
			}
		}
	}
	return proof, nil
}

// open opens the log of the file, or of the pipeline here. Heads are the last
// lines that runs wrote, by run; the records of runs have them.
func (l *decisionLog) open(ctx context.Context, args []string) (archive *policies.Archive, heads map[string]string, err error) {
	if err := oneOf(l.format, "text", "json"); err != nil {
		return nil, nil, err
	}
	folder, name := "", pipeline.DecisionLog
	var own *pipeline.Pipeline
	if len(args) == 1 {
		if strings.Contains(args[0], "://") {
			folder, name = path.Split(args[0])
		} else if folder, name = path.Split(args[0]); folder == "" {
			folder = "."
		}
	} else {
		p, err := l.need()
		if err != nil {
			return nil, nil, err
		}
		folder, own = p.Warehouse, p
	}
	where, err := openLocation(folder)
	if err != nil {
		return nil, nil, err
	}
	store := where.Store()
	archive = &policies.Archive{Name: name, Read: store.Read}
	_, missing := store.Stat(ctx, name)
	if missing != nil && !errors.Is(missing, fs.ErrNotExist) {
		return nil, nil, missing
	}
	heads = map[string]string{}
	if own == nil && missing == nil {
		return archive, heads, nil
	}
	if own == nil {
		return nil, nil, usagef("there is no decision log %s: nothing was decided yet, or it is elsewhere", path.Join(folder, name))
	}
	for f, err := range store.Walk(ctx, "_dq/runs") {
		if err != nil {
			return nil, nil, err
		}
		data, err := store.Read(ctx, f.Name)
		if err != nil {
			return nil, nil, err
		}
		var run struct {
			ID   string `json:"id"`
			Head string `json:"decision_log_head"`
		}
		if json.Unmarshal(data, &run) == nil && run.Head != "" {
			heads["run "+run.ID] = run.Head
		}
	}
	if missing == nil {
		return archive, heads, nil
	}
	proof, err := l.proven(ctx, own, heads)
	if err != nil {
		return nil, nil, err
	}
	if len(proof) > 0 {
		return nil, nil, gone(path.Join(folder, name), proof)
	}
	return nil, nil, usagef("there is no decision log %s: nothing was decided yet, or it is elsewhere", path.Join(folder, name))
}

func (a *app) policyLog() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Look at the decision log, check that nobody changed it, and decide again",
		Long: `Every decision of a run is a line of _dq/decisions.ndjson in the warehouse, with the
hash of the line before. What it was made of (the input without personal values,
the policies, waivers and modes) is beside it, in _dq/decisions, by digest.`,
		Example: "  dq policy log list\n  dq policy log verify\n  dq policy log replay",
	}
	cmd.AddCommand(a.policyLogList(), a.policyLogVerify(), a.policyLogReplay())
	return cmd
}

// decisionLine is a decision in `dq policy log list`.
type decisionLine struct {
	Line     int       `json:"line"`
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Table    string    `json:"table"`
	Op       string    `json:"op"`
	Allow    bool      `json:"allow"`
	Findings []string  `json:"findings"` // policies
	Run      string    `json:"run,omitempty"`
}

func (a *app) policyLogList() *cobra.Command {
	var log decisionLog
	var limit int
	cmd := &cobra.Command{
		Use: "list [LOG]", Short: "List the decisions, newest first", Args: cobra.MaximumNArgs(1),
		Example: "  dq policy log list --limit 5\n  dq policy log list warehouse/_dq/decisions.ndjson --format json",
		RunE: func(cmd *cobra.Command, args []string) error {
			archive, _, err := log.open(cmd.Context(), args)
			if err != nil {
				return err
			}
			return a.listDecisions(cmd.Context(), archive, limit, log.format)
		},
	}
	log.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most so many decisions (0: all)")
	return cmd
}

func (a *app) listDecisions(ctx context.Context, archive *policies.Archive, limit int, format string) error {
	lines := []decisionLine{}
	if _, err := archive.Verify(ctx, nil, func(n int, e policies.Entry) {
		l := decisionLine{Line: n, ID: e.DecisionID, Time: e.Timestamp, Table: e.Table, Op: e.Op, Allow: e.Result.Allow, Findings: []string{}, Run: e.Labels["run"]}
		for _, f := range e.Result.Findings {
			if !slices.Contains(l.Findings, f.Policy) {
				l.Findings = append(l.Findings, f.Policy)
			}
		}
		lines = append(lines, l)
	}); err != nil {
		return err
	}
	slices.Reverse(lines)
	if limit > 0 && len(lines) > limit {
		lines = lines[:limit]
	}
	if format == "json" {
		return writeJSON(a.out, lines)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "DECISION\tAT (UTC)\tTABLE\tOP\tRESULT\tFINDINGS")
	for _, l := range lines {
		result := "✓ allowed"
		if !l.Allow {
			result = "✗ refused"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Time.Format("2006-01-02 15:04"), plain(l.Table), l.Op, result, dash(strings.Join(l.Findings, ", ")))
	}
	return w.Flush()
}

func (a *app) policyLogVerify() *cobra.Command {
	var log decisionLog
	cmd := &cobra.Command{
		Use:   "verify [LOG]",
		Short: "Check that no line of the log was changed, removed or put in",
		Long: `verify checks the hash of every line and that each follows the one before. Of a
pipeline's log it also looks for the last line that each run wrote: lines missing at
the end show so, and so does a log that is gone while records of runs, kept inputs or
commits tell of decisions. It exits 1 when a line is not as it was written, or missing.`,
		Example: "  dq policy log verify\n  dq policy log verify warehouse/_dq/decisions.ndjson",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			archive, heads, err := log.open(cmd.Context(), args)
			if err != nil {
				return err
			}
			report, err := archive.Verify(cmd.Context(), heads, nil)
			if err != nil {
				return err
			}
			if log.format == "json" {
				err = writeJSON(a.out, report)
			} else if !a.quiet {
				for _, p := range report.Problems {
					fmt.Fprintf(a.out, "%s line %d: %s\n", a.paint(red, "✗"), p.Line, plain(p.Problem))
				}
				if len(report.Problems) == 0 {
					fmt.Fprintf(a.out, "%s %s, each as it was written\n", a.paint(green, "✓"), count(report.Lines, "line"))
				} else {
					fmt.Fprintf(a.out, "%s in %s\n", count(len(report.Problems), "problem"), count(report.Lines, "line"))
				}
				fmt.Fprintf(a.out, "%s\n", a.paint(dim, "head "+dash(report.Head)))
			}
			if err == nil && len(report.Problems) > 0 {
				err = &exitError{code: exitFound}
			}
			return err
		},
	}
	log.flags(cmd)
	return cmd
}

// replayReport is the JSON of `dq policy log replay`.
type replayReport struct {
	Same      int                  `json:"same"`
	Different int                  `json:"different"`
	Failed    int                  `json:"failed"`
	Decisions []*policies.Replayed `json:"decisions"`
}

func (a *app) policyLogReplay() *cobra.Command {
	var log decisionLog
	cmd := &cobra.Command{
		Use:   "replay [LOG]",
		Short: "Make every decision again from what is kept, and compare",
		Long: `replay judges the kept inputs by the policies, waivers and modes that were in force
then. It exits 1 when a decision comes out another, or cannot be made again.`,
		Example: "  dq policy log replay\n  dq policy log replay warehouse/_dq/decisions.ndjson --format json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			archive, _, err := log.open(cmd.Context(), args)
			if err != nil {
				return err
			}
			var entries []policies.Entry
			var numbers []int
			if _, err := archive.Verify(cmd.Context(), nil, func(n int, e policies.Entry) { entries, numbers = append(entries, e), append(numbers, n) }); err != nil {
				return err
			}
			report := replayReport{Decisions: []*policies.Replayed{}}
			for i, e := range entries {
				r, err := archive.Replay(cmd.Context(), numbers[i], e)
				if err != nil {
					return err
				}
				report.Decisions = append(report.Decisions, r)
				say := ""
				switch {
				case r.Same():
					report.Same++
				case r.Problem != "":
					report.Failed++
					say = "cannot be made again: " + r.Problem
				default:
					report.Different++
					say = "comes out another: the log has the result " + shortDigest(r.Logged) + ", now it is " + shortDigest(r.Again)
				}
				if say != "" && log.format == "text" && !a.quiet {
					fmt.Fprintf(a.out, "%s line %d: decision %s on %s %s\n", a.paint(red, "✗"), r.Line, r.DecisionID, plain(r.Table), plain(say))
				}
			}
			if log.format == "json" {
				err = writeJSON(a.out, report)
			} else if !a.quiet {
				mark := a.paint(green, "✓")
				if report.Same < len(entries) {
					mark = a.paint(red, "✗")
				}
				fmt.Fprintf(a.out, "%s %d of %s came out the same\n", mark, report.Same, count(len(entries), "decision"))
			}
			if err == nil && report.Same < len(entries) {
				err = &exitError{code: exitFound}
			}
			return err
		},
	}
	log.flags(cmd)
	return cmd
}

// shortDigest is a digest that is long enough to be told from others.
func shortDigest(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(12, len(digest))]
}

func (a *app) policyExplain() *cobra.Command {
	var (
		log            decisionLog
		file           string
		finding, trace string
	)
	cmd := &cobra.Command{
		Use:   "explain [DECISION]",
		Short: "Say why a decision is what it is: the rule, the change, the readers",
		Long: `explain makes a decision of the log again and shows for each finding the rule that
found it, the change that it is about, and who reads what is concerned. DECISION is
the id of a decision or of a finding, or how it begins; without one the newest
decisions are listed. --trace shows how a policy came to it: where it calls trace()
(notes), what did not hold (fails), or every step (full).`,
		Example: `  dq policy explain
  dq policy explain 00059525ac1491aa
  dq policy explain 0005 --finding DQ-S001 --trace fails`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if trace != "" {
				if err := oneOfFlag("--trace", trace, policies.Traces[1:]...); err != nil {
					return err
				}
			}
			var where []string
			if file != "" {
				where = []string{file}
			}
			archive, _, err := log.open(ctx, where)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.listDecisions(ctx, archive, 20, log.format)
			}
			line, entry, err := archive.Find(ctx, args[0])
			if err != nil {
				return usage(err)
			}
			if finding == "" && line > 0 && !strings.HasPrefix(entry.DecisionID, args[0]) {
				finding = args[0]
			}
			x, err := archive.Explain(ctx, line, entry, finding, trace)
			if errors.Is(err, policies.ErrEvaluation) {
				return &exitError{code: exitEvaluation, err: err}
			}
			if err != nil {
				return err
			}
			if finding != "" && len(x.Findings) == 0 {
				return usagef("decision %s has no finding %s", entry.DecisionID, finding)
			}
			if log.format == "json" {
				return writeJSON(a.out, x)
			}
			a.showExplanation(x)
			return nil
		},
	}
	log.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&file, "log", "", "the decision log, when it is not the pipeline's")
	f.StringVar(&finding, "finding", "", "explain this finding alone: its id, or that of a policy")
	f.StringVar(&trace, "trace", "", "show the evaluation: notes, fails or full")
	return cmd
}

func (a *app) showExplanation(x *policies.Explanation) {
	version := "a new table"
	if x.Version != nil {
		version = fmt.Sprintf("version %d", *x.Version)
	}
	decisions := make([]record.Decision, len(x.Findings))
	for i, f := range x.Findings {
		decisions[i] = f.Decision
	}
	fmt.Fprintln(a.out, a.verdictLine(x.Table, decisions))
	fmt.Fprintln(a.out, a.paint(dim, fmt.Sprintf("  decision %s · %s on %s · %s · %s", x.DecisionID, x.Op, version, dash(x.Env), x.Time.UTC().Format("2006-01-02 15:04:05 UTC"))))
	if !x.Same {
		fmt.Fprintln(a.out, a.paint(red, "  ✗ the log has another result than this: dq policy log replay"))
	}
	for _, f := range x.Findings {
		fmt.Fprintln(a.out)
		a.showFinding("", true, f.Decision)
		if f.Description != "" {
			a.section("why it matters")
			a.wrapped("      ", "", f.Description)
		}
		if f.Change != nil {
			a.section("change")
			fmt.Fprintf(a.out, "      %s\n", changeText(f.Change.Change))
		}
		if len(f.Readers) > 0 {
			a.section("read by")
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			for _, r := range f.Readers {
				owner := ""
				if r.Owner != "" {
					owner = "owner " + r.Owner
				}
				fmt.Fprintf(w, "      %s\t%s\tdepth %d\t%s\n", plain(r.ID), r.Kind, r.Depth, plain(owner))
			}
			_ = w.Flush()
		}
		if r := f.Rule; r != nil {
			a.section("rule " + r.File + ":" + fmt.Sprint(r.Line))
			n := r.Line
			for line := range strings.Lines(r.Text) {
				fmt.Fprintf(a.out, "      %s %s\n", a.paint(dim, fmt.Sprintf("%4d", n)), strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "  "))
				n++
			}
		}
		if len(f.Evidence) > 0 {
			a.section("evidence")
			var text strings.Builder
			enc := json.NewEncoder(&text)
			enc.SetEscapeHTML(false)
			_ = enc.Encode(f.Evidence) // it came from JSON
			a.wrapped("      ", "", strings.TrimSpace(text.String()))
		}
		if f.Trace != "" {
			a.section("trace")
			for line := range strings.Lines(f.Trace) {
				fmt.Fprintf(a.out, "      %s", plainLine(line))
			}
		}
	}
}

// plainLine is plain for a line with its end.
func plainLine(line string) string { return plain(strings.TrimSuffix(line, "\n")) + "\n" }

func (a *app) section(head string) { fmt.Fprintf(a.out, "    %s\n", a.paint(dim, head)) }
