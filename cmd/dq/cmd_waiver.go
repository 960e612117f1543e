package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
)

func (a *app) cmdWaiver() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "waiver",
		Short: "Let findings of policies through for a while: add, list, check",
		Long: `A waiver lets the findings of one policy on some tables through until a date. It has a
reason, and somebody else than who asks for it approves it. When it is over, the
finding counts again. waiver works on the file that the pipeline here names (waivers:
waivers.yaml), which is what a run goes by; where there is no pipeline on waivers.yaml;
or on --file.`,
		Example: `  dq waiver list
  dq waiver check --expiring 14d
  dq waiver add DQ-S002 silver.orders --path old_code --expires 30d --approved-by lea \
    --reason "Nobody reads old_code any more, the board moves to code this week."`,
	}
	cmd.AddCommand(a.waiverAdd(), a.waiverCheck(), a.waiverList())
	return cmd
}

// waiverFile is the file of waivers that a command is about.
type waiverFile struct {
	policySource
	file   string
	format string
}

func (w *waiverFile) flags(cmd *cobra.Command) {
	w.policySource.flags(cmd)
	cmd.Flags().StringVar(&w.file, "file", "", "the file of waivers, when it is not the pipeline's")
	cmd.Flags().StringVar(&w.format, "format", "text", "text or json")
}

// load loads the policies with the waivers. A pipeline must name their file: else no run
// would see them.
func (w *waiverFile) load(ctx context.Context) (*policies.Bundle, error) {
	if err := oneOf(w.format, "text", "json"); err != nil {
		return nil, err
	}
	o, err := w.options()
	if err != nil {
		return nil, err
	}
	switch {
	case w.file != "":
		o.Waivers = w.file
	case o.Waivers == "":
		if p, err := w.policySource.load(); err != nil || p != nil {
			return nil, errors.Join(err, usagef("the pipeline names no file of waivers, so a run would not see one; write waivers: waivers.yaml in %s", p.File))
		}
		o.Waivers = "waivers.yaml"
	}
	w.file = o.Waivers
	if dir, err := os.Getwd(); err == nil { // as people write it
		if rel, err := filepath.Rel(dir, w.file); err == nil && !strings.HasPrefix(rel, "..") {
			w.file = rel
		}
	}
	b, err := policies.Load(ctx, o)
	return b, usage(err)
}

// waiverLine is a waiver in `dq waiver list`.
type waiverLine struct {
	policies.Waiver
	State    string `json:"state"` // in force, expiring, expired, used up, later
	DaysLeft int    `json:"days_left"`
	// Uses are the versions of tables that it let findings through in, as the decision
	// log of the pipeline says, and LastUsed is when; null where there is no pipeline, or no use.
	Uses     *int       `json:"uses"`
	UsesLeft *int       `json:"uses_left"` // null: any number
	LastUsed *time.Time `json:"last_used"`
	// Hint is what may be meant by a table that the pipeline does not have.
	Hint string `json:"hint,omitempty"`
}

// strayIn reports whether the waiver is for a table that the pipeline does not have.
func (l *waiverLine) strayIn(p *pipeline.Pipeline) (stray bool) {
	if p != nil {
		l.Hint, stray = p.Stray(l.Waiver)
	}
	return stray
}

// unused says that the waiver is in force since yesterday or longer, and let nothing through.
func (l *waiverLine) unused(now time.Time) bool {
	return l.Uses != nil && *l.Uses == 0 && l.DaysLeft >= 0 && l.Created < now.UTC().Format(time.DateOnly)
}

// lines are the waivers of a bundle with their state, and with what they were used for.
func (w *waiverFile) lines(ctx context.Context, b *policies.Bundle, now time.Time, expiring int) ([]waiverLine, error) {
	uses, err := w.uses(ctx)
	if err != nil {
		return nil, err
	}
	lines := []waiverLine{}
	for _, w := range b.Waivers() {
		l := waiverLine{Waiver: w, State: "in force", DaysLeft: w.DaysLeft(now)}
		if uses != nil {
			n, last := uses.Of(w.ID)
			if l.Uses = &n; n > 0 {
				l.LastUsed = &last
			}
			if w.MaxUses != nil {
				l.UsesLeft = new(max(0, *w.MaxUses-n))
			}
		}
		switch {
		case l.DaysLeft < 0:
			l.State = "expired"
		case l.UsesLeft != nil && *l.UsesLeft == 0:
			l.State = "used up"
		case w.Created > now.UTC().Format(time.DateOnly):
			l.State = "later"
		case l.DaysLeft <= expiring:
			l.State = "expiring"
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// uses reads what waivers were used for out of the pipeline's decision log; nil
// without a pipeline.
func (w *waiverFile) uses(ctx context.Context) (*policies.Uses, error) {
	p, err := w.policySource.load()
	if p == nil || err != nil {
		return nil, err
	}
	where, err := openLocation(p.Warehouse)
	if err != nil {
		return nil, err
	}
	log, err := where.Store().Read(ctx, pipeline.DecisionLog)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	uses, err := policies.ReadUses(bytes.NewReader(log))
	if err != nil {
		return nil, &exitError{code: exitEvaluation, err: fmt.Errorf("%s: %w", p.Place(pipeline.DecisionLog), err)}
	}
	return uses, nil
}

// used says how often a waiver was used, for people.
func (l *waiverLine) used(now time.Time) string {
	switch {
	case l.Uses == nil:
		return "-"
	case *l.Uses == 0 && l.MaxUses != nil:
		return fmt.Sprintf("0 of %d", *l.MaxUses)
	case *l.Uses == 0 && l.unused(now):
		return "never since " + l.Created
	case *l.Uses == 0:
		return "never"
	}
	text := strconv.Itoa(*l.Uses)
	if l.MaxUses != nil {
		text += fmt.Sprintf(" of %d", *l.MaxUses)
	}
	return text + ", last " + l.LastUsed.Format(time.DateOnly)
}

// waiverStates are how the states look.
var waiverStates = map[string]struct{ mark, style string }{
	"in force": {"✓", green}, "expiring": {"!", yellow}, "expired": {"✗", red}, "used up": {"✗", red}, "later": {"·", dim},
}

func (a *app) showWaivers(lines []waiverLine, now time.Time) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tPOLICY\tTABLE\tSTATE\tUNTIL\tUSED\tAPPROVED BY\tREASON")
	for _, l := range lines {
		until := l.Expires
		switch {
		case l.State == "expired":
		case l.DaysLeft == 0:
			until += " (today)"
		default:
			until += " (" + count(l.DaysLeft, "day") + ")"
		}
		table := l.Table
		if len(l.Paths) > 0 {
			table += ": " + strings.Join(l.Paths, ", ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s %s\t%s\t%s\t%s\t%s\n", plain(l.ID), plain(l.Policy), plain(table), waiverStates[l.State].mark, l.State, until, l.used(now),
			plain(strings.Join(l.ApprovedBy, ", ")), shortened(plain(l.Reason), 60))
	}
	return w.Flush()
}

func (a *app) waiverList() *cobra.Command {
	var from waiverFile
	cmd := &cobra.Command{
		Use: "list", Short: "List the waivers, those that end first at the top", Args: cobra.NoArgs,
		Example: "  dq waiver list\n  dq waiver list --file waivers.yaml --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := from.load(cmd.Context())
			if err != nil {
				return err
			}
			now := time.Now()
			lines, err := from.lines(cmd.Context(), b, now, -1)
			if err != nil {
				return err
			}
			if from.format == "json" {
				return writeJSON(a.out, lines)
			}
			if len(lines) == 0 {
				fmt.Fprintf(a.out, "no waivers in %s\n", plain(from.file))
				return nil
			}
			return a.showWaivers(lines, now)
		},
	}
	from.flags(cmd)
	return cmd
}

func (a *app) waiverCheck() *cobra.Command {
	var from waiverFile
	var expiring string
	cmd := &cobra.Command{
		Use: "check", Short: "Check the waivers: exit 1 when one is over, used up or ends soon", Args: cobra.NoArgs,
		Long: `check exits with 1 when a waiver is over, was used as often as its max_uses says, or ends
within --expiring. One that is in force and never let anything through is named, too: when what
it was for is mended, it can go, and so is one for a table that the pipeline does not have. Uses are counted in the decision log of the pipeline here.`,
		Example: "  dq waiver check --expiring 14d",
		RunE: func(cmd *cobra.Command, _ []string) error {
			soon, err := days("--expiring", expiring)
			if err != nil {
				return err
			}
			b, err := from.load(cmd.Context())
			if err != nil {
				return err
			}
			now := time.Now()
			all, err := from.lines(cmd.Context(), b, now, soon)
			if err != nil {
				return err
			}
			p, err := from.policySource.load()
			if err != nil {
				return err
			}
			ends, stray, unused := []waiverLine{}, []waiverLine{}, []waiverLine{}
			for _, l := range all {
				switch {
				case l.State == "expired" || l.State == "expiring" || l.State == "used up":
					ends = append(ends, l)
				case l.strayIn(p):
					stray = append(stray, l)
				case l.unused(now):
					unused = append(unused, l)
				}
			}
			switch {
			case from.format == "json":
				err = writeJSON(a.out, slices.Concat(ends, stray, unused))
			case a.quiet:
			default:
				if len(ends) > 0 {
					err = a.showWaivers(ends, now)
				} else {
					fmt.Fprintf(a.out, "%s %s, none is over, used up, or ends within %s\n", a.paint(green, "✓"), count(len(all), "waiver"), count(soon, "day"))
				}
				for _, l := range stray {
					fmt.Fprintf(a.out, "%s %s for %s is on %s, and the pipeline has no such table", a.paint(yellow, "!"), plain(l.ID), plain(l.Policy), plain(l.Table))
					if l.Hint != "" {
						fmt.Fprintf(a.out, "; %s", plain(l.Hint))
					}
					fmt.Fprintln(a.out)
				}
				for _, l := range unused {
					fmt.Fprintf(a.out, "%s %s for %s on %s was never used since %s: if what it was for is mended, remove it\n", a.paint(yellow, "!"), plain(l.ID), plain(l.Policy), plain(l.Table), l.Created)
				}
			}
			if err == nil && len(ends) > 0 {
				err = &exitError{code: exitFound}
			}
			return err
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVar(&expiring, "expiring", "0d", "also those that end within so many days, such as 14d")
	return cmd
}

// days reads a number of days: 14d, 14 or 2w.
func days(flag, text string) (int, error) {
	number, factor := strings.TrimSuffix(text, "d"), 1
	if weeks, ok := strings.CutSuffix(text, "w"); ok {
		number, factor = weeks, 7
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > 3650 {
		return 0, usagef("%s %s: write a number of days, such as 14d", flag, text)
	}
	return n * factor, nil
}

func (a *app) waiverAdd() *cobra.Command {
	var from waiverFile
	var w policies.Waiver
	var expires string
	var uses int
	cmd := &cobra.Command{
		Use:   "add POLICY TABLE",
		Short: "Add a waiver to the file",
		Long: `add writes a waiver behind those of the file, which otherwise stays as it is. It
lasts at most 90 days, 30 for privacy, and nobody approves what he or she asks for.
--expires takes a date or a number of days.`,
		Example: `  dq waiver add DQ-S002 silver.orders --path old_code --expires 30d --approved-by lea \
    --reason "Nobody reads old_code any more, the board moves to code this week."`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := from.load(cmd.Context())
			if err != nil {
				return err
			}
			now := time.Now().UTC()
			w.Policy, w.Table, w.Created, w.Expires = args[0], args[1], now.Format(time.DateOnly), expires
			if _, err := time.Parse(time.DateOnly, expires); err != nil {
				n, err := days("--expires", expires)
				if err != nil {
					return usagef("--expires %s: write a date, 2026-10-31, or a number of days, 30d", expires)
				}
				w.Expires = now.AddDate(0, 0, n).Format(time.DateOnly)
			}
			var missing []string
			for _, flag := range []struct {
				name string
				said bool
			}{
				{"--reason", strings.TrimSpace(w.Reason) != ""},
				{"--requested-by", strings.TrimSpace(w.RequestedBy) != ""},
				{"--approved-by", len(w.ApprovedBy) > 0},
			} {
				if !flag.said {
					missing = append(missing, flag.name)
				}
			}
			if len(missing) > 0 {
				return usagef("the waiver has no %s", strings.Join(missing, ", no "))
			}
			if cmd.Flags().Changed("max-uses") {
				w.MaxUses = &uses
			}
			if w.ID == "" {
				w.ID = policies.NextWaiverID(b.Waivers(), now)
			}
			text, err := os.ReadFile(from.file)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			next, err := b.AddWaiver(from.file, text, w)
			if problems := (yamlpos.Errors{}); errors.As(err, &problems) {
				return usagef("the waiver cannot be added; %s is as it was:\n%w", from.file, problems)
			}
			if err != nil {
				return err
			}
			if err := replaceFile(from.file, next); err != nil {
				return err
			}
			if from.format == "json" {
				return writeJSON(a.out, w)
			}
			if !a.quiet {
				fmt.Fprintf(a.out, "%s %s: waiver %s for %s on %s until %s\n", a.paint(green, "✓"), from.file, w.ID, w.Policy, w.Table, w.Expires)
			}
			return nil
		},
	}
	from.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&w.ID, "id", "", "its id (default: the next of the year, W-2026-014)")
	f.StringArrayVar(&w.Paths, "path", nil, "only findings on this column, or expectation")
	f.StringArrayVar(&w.Env, "env", nil, "only in this environment")
	f.StringArrayVar(&w.DiffOps, "diff-op", nil, "only for this kind of change, such as column_dropped")
	f.StringVar(&w.Reason, "reason", "", "why, in at least 20 characters")
	f.StringVar(&w.Ticket, "ticket", "", "where it is discussed")
	f.StringVar(&w.RequestedBy, "requested-by", os.Getenv("USER"), "who asks for it")
	f.StringArrayVar(&w.ApprovedBy, "approved-by", nil, "who agreed to it")
	f.IntVar(&uses, "max-uses", 0, "in how many versions of tables it may let findings through (default any)")
	f.StringVar(&expires, "expires", "30d", "its last day: 2026-10-31, or 30d from today")
	return cmd
}

// replaceFile puts a text in the place of a file, all of it or nothing.
func replaceFile(file string, text []byte) error {
	mode := os.FileMode(0o644)
	if fi, err := os.Stat(file); err == nil {
		mode = fi.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), file) //nolint:forbidigo // a file of the project, no log entry
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
