package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// diffDoc is `dq table diff --format json`.
type diffDoc struct {
	From      string            `json:"from"`
	To        string            `json:"to"`
	Changes   []policies.Change `json:"changes"`
	Verdict   string            `json:"verdict"`   // refused or allowed
	Decisions []record.Decision `json:"decisions"` // because of the changes
	Standing  []record.Decision `json:"standing"`  // of the table whatever changes
}

func (a *app) tableDiff() *cobra.Command {
	var (
		from                   policySource
		format, failOn, compat string
	)
	cmd := &cobra.Command{
		Use:   "diff LOCATION@1 LOCATION@2",
		Short: "Say how two versions or tables differ, and what policies say of it",
		Long: `diff compares what two versions of a table, or two tables, are: columns, partitions,
clustering, constraints, properties and protocol. Then it asks the policies here
(or of --policies) about the change from the first to the second, with the history of
the first's table up to that version. Of a table of the pipeline here its suite and its readers count, and it may be named as silver.orders@1.
Findings that the table has whatever changes are in the JSON alone. That somebody
approved and announced the change is taken for granted.`,
		Example: `  dq table diff warehouse/silver/customers@1 warehouse/silver/customers@4
  dq table diff warehouse/silver/customers warehouse-dev/silver/customers --format markdown
  dq table diff silver.orders@3 silver.orders --policies policies/ --fail-on error`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if err := errors.Join(oneOf(format, "text", "json", "markdown"), checkFailOn(failOn), knownCompatibility(&compat)); err != nil {
				return usage(err)
			}
			was, is, s, past, err := a.diffSides(cmd, &from, args, compat)
			if err != nil {
				return err
			}
			in := s.about
			version := was.Version()
			in.Time, in.Op, in.Table.VersionFrom = is.Time(), "plan", &version
			if in.Rewrite, err = rewritten(ctx, was, is); err != nil {
				return err
			}
			in.Old, in.New = s.declared(was), s.declared(is)
			in.Diff = policies.Diff(in.Old, in.New, table.Diff(was.Schema(), is.Schema(), s.renamed))
			in.History = past.Versions
			if c := in.Table.Contract; c != nil {
				in.Compat = policies.Compatibility(c.Compat, policies.Replacement{Version: version, Diff: in.Diff, Old: was.Schema(), Next: is.Schema(), Renamed: s.renamed, Earlier: past.Earlier})
			}
			b, err := from.bundle(ctx)
			if err != nil {
				return err
			}
			judged, err := b.Judge(ctx, in)
			if errors.Is(err, policies.ErrEvaluation) {
				return &exitError{code: exitEvaluation, err: err}
			}
			if err != nil {
				return err
			}
			doc := diffDoc{From: args[0], To: args[1], Changes: in.Diff, Verdict: "allowed", Decisions: judged.Decisions, Standing: judged.Standing}
			if judged.Refused() {
				doc.Verdict = "refused"
			}
			switch format {
			case "json":
				err = writeJSON(a.out, doc)
			case "markdown":
				if len(doc.Changes) == 0 {
					fmt.Fprintln(a.out, "Nothing changes.")
					return nil
				}
				fmt.Fprintf(a.out, "| column | change | from | to | class | breaks | data |\n|---|---|---|---|---|---|---|\n")
				for _, c := range doc.Changes {
					fmt.Fprintf(a.out, "| %s | %s | %s | %s | %s | %s | %s |\n", mdCell(c.Path), c.Op, mdCell(side(c.From)), mdCell(side(c.To)), c.Class, strings.Join(c.Breaks, ", "), c.DataRisk)
				}
				fmt.Fprintf(a.out, "\nPolicies: **%s**\n", doc.Verdict)
				if len(doc.Decisions) > 0 {
					fmt.Fprintln(a.out)
					decisionsMarkdown(a.out, doc.Decisions)
				}
			default:
				a.showDiff(doc, in.Table.Name)
			}
			if err != nil {
				return err
			}
			return rulingCode(failOn, doc.Decisions)
		},
	}
	from.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "text, json or markdown")
	f.StringVar(&failOn, "fail-on", "never", "exit 1 when policies find: error, warn, never")
	f.StringVar(&compat, "compat", "", "the compatibility that was promised: backward, forward, full, or one of these with _transitive")
	return cmd
}

// diffSides opens both tables; the subject is the second, the past that of the first.
func (a *app) diffSides(cmd *cobra.Command, from *policySource, args []string, compat string) (was, is *delta.Snapshot, s *subject, past *policies.Past, err error) {
	ctx := cmd.Context()
	if s, err = a.subject(ctx, from, args[1], compat); err != nil {
		return nil, nil, nil, nil, err
	}
	first, at, err := splitVersion(args[0])
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if first == s.about.Table.Name {
		first = s.location
	}
	where, err := openLocation(first)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	t := delta.Open(where.Store())
	if was, err = t.Snapshot(ctx, at); err != nil {
		return nil, nil, nil, nil, noTable(first, err)
	}
	if past, err = policies.PastOf(t.Shapes(ctx), was.Version()); err != nil {
		return nil, nil, nil, nil, noTable(first, err)
	}
	path, _, err := splitVersion(args[1])
	if err != nil {
		return nil, nil, nil, nil, err
	}
	is, err = snapshot(cmd, s.location+strings.TrimPrefix(args[1], path))
	return was, is, s, past, err
}

// rewritten says that a table has none of the files that it had.
func rewritten(ctx context.Context, was, is *delta.Snapshot) (bool, error) {
	had := map[string]bool{}
	for f, err := range was.Files(ctx) {
		if err != nil {
			return false, err
		}
		had[f.Path] = true
	}
	for f, err := range is.Files(ctx) {
		if err != nil {
			return false, err
		}
		if had[f.Path] {
			return false, nil
		}
	}
	return true, nil
}

// declared is the shape of a version, with what is declared of the table now.
func (s *subject) declared(snap *delta.Snapshot) *policies.Shape {
	return policies.ShapeOf(snap).Declared(s.about.New)
}

// showDiff writes a diff for people.
func (a *app) showDiff(doc diffDoc, name string) {
	for _, c := range doc.Changes {
		fmt.Fprintln(a.out, changeText(c.Change))
	}
	fmt.Fprintln(a.out, count(len(doc.Changes), "change"))
	if len(doc.Changes) == 0 {
		return
	}
	fmt.Fprintln(a.out)
	a.showFindings("", doc.Decisions, true)
	fmt.Fprintln(a.out, a.verdictLine(name, doc.Decisions))
}

func breaks(who []string) string {
	if len(who) == 0 {
		return ""
	}
	return "breaks " + strings.Join(who, " and ")
}

// changeText writes a change of a table's shape in a line.
func changeText(c table.Change) string {
	text := c.Op
	if c.Path != "" {
		text += " " + plain(c.Path)
	}
	if c.From != nil || c.To != nil {
		text += ": " + plain(sides(c.From, c.To))
	}
	for _, note := range []string{c.Class, breaks(c.Breaks), c.DataRisk, c.Hint} {
		if note != "" && note != "none" {
			text += "; " + note
		}
	}
	return text
}

// sides writes both sides of a change; of what has parts only those that differ.
func sides(from, to any) string {
	was, ok1 := parsed(from).(map[string]any)
	is, ok2 := parsed(to).(map[string]any)
	if !ok1 && from != nil || !ok2 && to != nil {
		return side(from) + " → " + side(to)
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(merged(was, is))) {
		a, b := was[key], is[key]
		list, ok1 := a.([]any)
		next, ok2 := b.([]any)
		switch _, had := was[key]; {
		case reflect.DeepEqual(a, b):
		case ok1 || ok2:
			for _, e := range next {
				if !slices.Contains(list, e) {
					key += " +" + side(e)
				}
			}
			for _, e := range list {
				if !slices.Contains(next, e) {
					key += " -" + side(e)
				}
			}
			parts = append(parts, key)
		case side(a) == "" || side(b) == "": // a tag without a value
			sign := "+"
			if had {
				sign = "-"
			}
			parts = append(parts, sign+key)
		default:
			parts = append(parts, key+" "+side(a)+" → "+side(b))
		}
	}
	return strings.Join(parts, ", ")
}

// merged has the keys of both.
func merged(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, b)
	return out
}

// parsed is a side of a change as its JSON is.
func parsed(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // a million is not 1e+06
	var plain any
	_ = dec.Decode(&plain) // it was just written
	return plain
}

// side is one side of a change as text: lists with commas, of what has parts each
// with its name.
func side(v any) string {
	switch v := parsed(v).(type) {
	case nil:
		return "-"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = side(e)
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, strings.TrimSpace(key+" "+side(v[key])))
		}
		return strings.Join(parts, "; ")
	default:
		return fmt.Sprint(v)
	}
}

// mdCell escapes text for a cell of a Markdown table.
func mdCell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "`", "\\`").Replace(plain(s))
}
