package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// subject is the table that a command asks policies about.
type subject struct {
	location string // without a version
	at       delta.At
	about    policies.Input // what is known of it besides its log
	renamed  map[string]string
}

// subject finds a table by its place, or by its name in the pipeline. Of one of the
// pipeline the suite, the readers and the lineage are known.
func (a *app) subject(ctx context.Context, from *policySource, arg, compat string) (*subject, error) {
	where, at, err := splitVersion(arg)
	if err != nil {
		return nil, err
	}
	s := &subject{location: where, at: at}
	p, err := from.load()
	if err != nil {
		return nil, err
	}
	if p != nil {
		if name := ownTable(p, where); name != "" {
			s.location = p.Location(name)
			if s.about, s.renamed, err = a.about(ctx, p, name); err != nil {
				return nil, err
			}
		} else if !location.Remote(where) && !isDir(where) {
			return nil, usagef("%s: there is no such folder, and no such table in %s; %s", where, p.File, yamlpos.DidYouMean(where, p.Tables()))
		}
	}
	if s.about.Table.Name == "" {
		s.about.Table.Name, s.about.Table.Layer = nameOf(s.location)
		s.about.Table.Path = s.location
	}
	if s.about.Env == "" {
		s.about.Env = "prod"
	}
	if s.about.Change == nil { // no log says who agreed
		s.about.Change = &policies.ChangeSet{Approvals: []policies.Approval{{ID: "(taken for granted)", At: time.Unix(0, 0).UTC()}}, Labels: []string{"notice"}}
	}
	if compat != "" {
		var promised policies.Contract
		if s.about.Table.Contract != nil {
			promised = *s.about.Table.Contract
		}
		promised.Compat = compat
		s.about.Table.Contract = &promised
	}
	return s, nil
}

// ownTable is the name of the pipeline's table that is called so, or lies there.
func ownTable(p *pipeline.Pipeline, where string) string {
	abs := where
	if !location.Remote(where) {
		if path, err := filepath.Abs(where); err == nil {
			abs = path
		}
	}
	for _, name := range p.Tables() {
		if name == where || p.Location(name) == strings.TrimSuffix(abs, "/") {
			return name
		}
	}
	return ""
}

// about binds the pipeline and asks what policies are told of a table.
func (a *app) about(ctx context.Context, p *pipeline.Pipeline, table string) (policies.Input, map[string]string, error) {
	eng, err := a.openEngine()
	if err != nil {
		return policies.Input{}, nil, err
	}
	defer func() { _ = eng.Close() }()
	b, err := p.Bind(ctx, pipeline.Options{Engine: eng, Clock: time.Now, Environment: "prod"})
	if err != nil {
		return policies.Input{}, nil, err
	}
	return b.About(ctx, table)
}

// nameOf makes a table's name of its place: silver.orders of .../silver/orders.
func nameOf(where string) (name, layer string) {
	parts := strings.Split(strings.TrimSuffix(filepath.ToSlash(where), "/"), "/")
	name = parts[len(parts)-1]
	if len(parts) > 1 && slices.Contains([]string{"bronze", "silver", "gold"}, parts[len(parts)-2]) {
		layer = parts[len(parts)-2]
		name = layer + "." + name
	}
	return name, layer
}

// knownCompatibility checks the flag for a mode that a contract may promise, in any
// case, and writes it as contracts do.
func knownCompatibility(mode *string) error {
	if *mode == "" {
		return nil
	}
	*mode = strings.ToLower(*mode)
	return oneOfFlag("--compat", *mode, expectations.Compatibilities...)
}

// backtestReport is the JSON of `dq policy backtest`.
type backtestReport struct {
	Table    string            `json:"table"`
	Location string            `json:"location"`
	Changes  int               `json:"changes"` // versions that changed what the table is
	Refused  int               `json:"refused"`
	Standing []record.Decision `json:"standing"` // of the table whatever changes, as of its last change
	Versions []*policies.Tried `json:"versions"`
}

func (a *app) policyBacktest() *cobra.Command {
	var (
		from                   policySource
		format, failOn, compat string
	)
	cmd := &cobra.Command{
		Use:   "backtest TABLE",
		Short: "Say which past changes of a table the policies would have refused, and why",
		Long: `backtest asks the policies about every version of a Delta table, whoever wrote it, that
changed its columns, keys, partitions, constraints, properties or protocol, as if it
were to be published then. Of a table of the pipeline here its suite and readers, as
they are now, count. Findings that the table has whatever changes, such as a missing
owner, are named once and refuse nothing. Policies that look at data are silent, and
that somebody approved and announced a change is taken for granted.`,
		Example: `  dq policy backtest warehouse/silver/orders
  dq policy backtest silver.orders --policies drafts/ --format markdown
  dq policy backtest s3://lake/orders --compat backward_transitive`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if err := errors.Join(oneOf(format, "text", "json", "markdown"), checkFailOn(failOn), knownCompatibility(&compat)); err != nil {
				return usage(err)
			}
			if path, _, err := splitVersion(args[0]); err == nil && path != args[0] {
				return usagef("%s: backtest goes through all versions: leave the version out: %s", args[0], path)
			}
			b, err := from.bundle(ctx)
			if err != nil {
				return err
			}
			s, err := a.subject(ctx, &from, args[0], compat)
			if err != nil {
				return err
			}
			where, err := openLocation(s.location)
			if err != nil {
				return err
			}
			report := backtestReport{Table: s.about.Table.Name, Location: s.location, Standing: []record.Decision{}, Versions: []*policies.Tried{}}
			var all []record.Decision
			for v, err := range b.Backtest(ctx, s.about, committed(delta.Open(where.Store()).Shapes(ctx))) {
				if errors.Is(err, policies.ErrEvaluation) {
					return &exitError{code: exitEvaluation, err: err}
				}
				if err != nil {
					return noTable(s.location, err)
				}
				report.Changes++
				if v.Refused {
					report.Refused++
				}
				report.Standing = v.Standing
				all = append(all, v.Decisions...)
				if format == "text" {
					a.showTried(v)
				} else {
					report.Versions = append(report.Versions, v)
				}
			}
			switch format {
			case "json":
				err = writeJSON(a.out, report)
			case "markdown":
				backtestMarkdown(a.out, report)
			default:
				a.showBacktest(report)
			}
			if err != nil {
				return err
			}
			return rulingCode(failOn, all)
		},
	}
	from.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "text, json or markdown")
	f.StringVar(&failOn, "fail-on", "error", "exit 1 at: error, warn, never")
	f.StringVar(&compat, "compat", "", "the compatibility that was promised: backward, forward, full, or one of these with _transitive")
	return cmd
}

// committed gives the shapes to those who want them as what they are to them.
func committed(shapes iter.Seq2[*delta.Shape, error]) iter.Seq2[policies.Committed, error] {
	return func(yield func(policies.Committed, error) bool) {
		for s, err := range shapes {
			if !yield(s, err) {
				return
			}
		}
	}
}

// showTried writes for people what policies would have said of one version.
func (a *app) showTried(v *policies.Tried) {
	if a.quiet {
		return
	}
	mark, style := "✓", green
	for _, d := range v.Decisions {
		if e := effects[d.Effect]; d.Effect == "warn" && style == green {
			mark, style = e.mark, e.style
		}
	}
	if v.Refused {
		mark, style = effects["deny"].mark, red
	}
	fmt.Fprintf(a.out, "%s %s%s\n", a.paint(style, mark), a.paint(bold, fmt.Sprintf("version %d", v.Version)),
		a.paint(dim, "  "+v.Time.UTC().Format("2006-01-02 15:04")+"  "+plain(v.Operation)))
	for _, c := range v.Diff {
		fmt.Fprintf(a.out, "    %s\n", changeText(c.Change))
	}
	a.showFindings("    ", v.Decisions, false)
}

// showBacktest sums a backtest up for people.
func (a *app) showBacktest(r backtestReport) {
	if a.quiet {
		return
	}
	fmt.Fprintln(a.out)
	say, mark := "none of them would have been refused", a.paint(green, "✓")
	if r.Refused > 0 {
		say, mark = fmt.Sprintf("%d would have been refused", r.Refused), a.paint(red, "✗")
	}
	fmt.Fprintf(a.out, "%s %s: %s of what the table is; %s\n", mark, a.paint(bold, plain(r.Table)), count(r.Changes, "change"), say)
	a.showStanding(r.Standing)
}

// showStanding names what the table has whatever changes.
func (a *app) showStanding(standing []record.Decision) {
	const shown = 5
	if len(standing) > 0 {
		fmt.Fprintf(a.out, "  %s\n", a.paint(dim, "as the table stands, whatever changes:"))
	}
	for i, d := range standing {
		if i == shown {
			fmt.Fprintf(a.out, "    %s\n", a.paint(dim, fmt.Sprintf("and %d more", len(standing)-shown)))
			break
		}
		a.wrapped("    ", dim, d.Policy+" "+d.Message)
	}
}

// backtestMarkdown writes a backtest as a table.
func backtestMarkdown(w io.Writer, r backtestReport) {
	fmt.Fprintf(w, "### Backtest of %s\n\n%s of what the table is; %d would have been refused.\n\n", mdCell(r.Table), count(r.Changes, "change"), r.Refused)
	fmt.Fprintf(w, "| version | at (UTC) | operation | changes | verdict | why |\n|---:|---|---|---|---|---|\n")
	for _, v := range r.Versions {
		var changes, why []string
		for _, c := range v.Diff {
			changes = append(changes, mdCell(strings.TrimSpace(c.Op+" "+c.Path)))
		}
		verdict := "allowed"
		for _, d := range v.Decisions {
			why = append(why, fmt.Sprintf("**%s** %s: %s", mdCell(d.Policy), effects[d.Effect].word, mdCell(d.Message)))
		}
		if v.Refused {
			verdict = "**refused**"
		}
		fmt.Fprintf(w, "| %d | %s | %s | %s | %s | %s |\n", v.Version, v.Time.UTC().Format("2006-01-02 15:04"), mdCell(v.Operation),
			strings.Join(changes, "<br>"), verdict, strings.Join(why, "<br>"))
	}
}

// decisionsMarkdown writes what policies found as a table.
func decisionsMarkdown(w io.Writer, decisions []record.Decision) {
	fmt.Fprintf(w, "| policy | verdict | column | why | remedy |\n|---|---|---|---|---|\n")
	for _, d := range decisions {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", mdCell(d.Policy), effects[d.Effect].word, mdCell(d.Path), mdCell(d.Message), mdCell(d.Remediation))
	}
}
