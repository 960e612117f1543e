package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
)

func (a *app) cmdPolicy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Write, test and try policies, and look at what they decided",
		Long: `policy works on policies: rules in Rego about changes of tables. Besides the bundled
ones (dq policy list) those of the pipeline here count, or of --policies.`,
		Example: `  dq policy list
  dq policy test policies/
  dq policy backtest warehouse/silver/orders
  dq policy explain`,
	}
	cmd.AddCommand(a.policyBacktest(), a.policyCheck(), a.policyEval(), a.policyExplain(), a.policyList(), a.policyLog(), a.policyTest())
	return cmd
}

// policySource says which policies a command is about.
type policySource struct {
	dirs     []string
	pipeline string
}

func (s *policySource) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.dirs, "policies", nil, "DIR of policies, besides the bundled ones")
	s.pipelineFlag(cmd)
}

func (s *policySource) pipelineFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.pipeline, "pipeline", "p", "", "the pipeline's file (default pipeline.yaml, when it is here)")
}

// load reads the pipeline, nil when none is named and none is here.
func (s *policySource) load() (*pipeline.Pipeline, error) {
	file := s.pipeline
	if file == "" {
		if file = "pipeline.yaml"; !isFile(file) {
			return nil, nil
		}
	}
	p, err := pipeline.Load(file)
	return p, usage(err)
}

// need is load for commands that are about a pipeline.
func (s *policySource) need() (*pipeline.Pipeline, error) {
	p, err := s.load()
	if err == nil && p == nil {
		err = usagef("there is no pipeline.yaml here; name the pipeline's file: --pipeline my/pipeline.yaml")
	}
	return p, err
}

// options are those of the pipeline, with the folders; of the folders alone when
// some are named and no pipeline; of policies when neither is, and no pipeline here.
func (s *policySource) options() (policies.Options, error) {
	var o policies.Options
	if s.pipeline != "" || len(s.dirs) == 0 {
		p, err := s.load()
		if err != nil {
			return o, err
		}
		switch {
		case p != nil:
			o = policyOptions(p)
		case isDir("policies"):
			o.Dirs = []string{"policies"}
		}
	}
	for _, dir := range s.dirs {
		if !isDir(dir) {
			return o, usagef("%s: there is no such folder%s", dir, nearData(dir))
		}
		if !slices.Contains(o.Dirs, dir) {
			o.Dirs = append(o.Dirs, dir)
		}
	}
	return o, nil
}

func (s *policySource) bundle(ctx context.Context) (*policies.Bundle, error) {
	o, err := s.options()
	if err != nil {
		return nil, err
	}
	b, err := policies.Load(ctx, o)
	return b, usage(err)
}

func (a *app) policyList() *cobra.Command {
	var from policySource
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the policies that are in force here", Args: cobra.NoArgs,
		Example: "  dq policy list\n  dq policy list --policies policies/ --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			b, err := from.bundle(cmd.Context())
			if err != nil {
				return err
			}
			list := b.Policies()
			if format == "json" {
				return writeJSON(a.out, list)
			}
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tSEVERITY\tCATEGORY\tTITLE\tFILE")
			for _, p := range list {
				file := p.File
				if p.Bundled {
					file = "bundled"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", plain(p.ID), severities(p), dash(plain(p.Category)), plain(p.Title), plain(file))
			}
			return w.Flush()
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// severities writes the severity of a policy, by layer where it differs.
func severities(p policies.Policy) string {
	out := p.Severity["default"]
	for _, layer := range []string{"bronze", "silver", "gold"} {
		if s, ok := p.Severity[layer]; ok && s != p.Severity["default"] {
			out += ", " + layer + " " + s
		}
	}
	return out
}

func (a *app) policyCheck() *cobra.Command {
	var from policySource
	var format string
	cmd := &cobra.Command{
		Use:   "check [DIR...]",
		Short: "Compile policies strictly, and say everything that is wrong with them",
		Long: `check reads policies, their tests and config.yaml (default: those of the pipeline
here, or policies/): syntax and METADATA, functions that they may not call, variables
without use, and what they read of the input, of data.dq.config or of data.dq.lib that
is not there. dq schema policy-input prints what the input has. All mistakes come at once.`,
		Example: "  dq policy check\n  dq policy check policies/ packs/acme/policies --format json",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			from.dirs = args
			o, err := from.options()
			if err != nil {
				return err
			}
			if len(o.Dirs) == 0 {
				return usagef("which folder? there are no policies here: dq policy check my/policies")
			}
			checked, err := policies.Check(o.Dirs, o.Modes)
			var problems yamlpos.Errors
			if err != nil && !errors.As(err, &problems) {
				return usage(err)
			}
			if format == "json" {
				doc := struct {
					*policies.Checked
					Problems []problemLine `json:"problems"`
				}{checked, problemLines(problems)}
				if err := writeJSON(a.out, doc); err != nil {
					return err
				}
				if len(problems) > 0 {
					return &exitError{code: exitUsage}
				}
				return nil
			}
			if len(problems) > 0 {
				return usage(fmt.Errorf("%w\n%s in %s", problems, count(len(problems), "mistake"), count(checked.Files, "file")))
			}
			if !a.quiet {
				fmt.Fprintf(a.out, "%s %s in %s: nothing is wrong\n", a.paint(green, "✓"), policyCount(len(checked.Policies)), count(checked.Files, "file"))
			}
			return nil
		},
	}
	from.pipelineFlag(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func policyCount(n int) string {
	if n == 1 {
		return "1 policy"
	}
	return fmt.Sprintf("%d policies", n)
}

// problemLine is a mistake in a file, in JSON.
type problemLine struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func problemLines(problems yamlpos.Errors) []problemLine {
	out := []problemLine{}
	for _, p := range problems {
		out = append(out, problemLine{p.File, p.Line, p.Col, p.Message, p.Hint})
	}
	return out
}

func (a *app) policyTest() *cobra.Command {
	var (
		from    policySource
		format  string
		verbose bool
		atLeast float64
	)
	cmd := &cobra.Command{
		Use:   "test [DIR...]",
		Short: "Run the tests of policies",
		Long: `test runs the rules test_... of files *_test.rego, those of the bundled policies,
too. With --min-coverage the tests must reach that share of the lines, in percent: of
users' policies where there are some, else of all.`,
		Example: "  dq policy test\n  dq policy test policies/ --verbose --min-coverage 100",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			if atLeast < 0 || atLeast > 100 {
				return usagef("--min-coverage %g: write a share in percent, 0 to 100", atLeast)
			}
			from.dirs = args
			o, err := from.options()
			if err != nil {
				return err
			}
			b, err := policies.Load(cmd.Context(), policies.Options{Dirs: o.Dirs})
			if err != nil {
				return usage(err)
			}
			report, err := b.Test(cmd.Context())
			if err != nil {
				return usage(err)
			}
			reached, whose := report.Coverage, "all policies"
			if report.Own != nil {
				reached, whose = *report.Own, strings.Join(o.Dirs, ", ")
			}
			if format == "json" {
				err = writeJSON(a.out, report)
			} else {
				a.showPolicyTests(report, verbose, reached, whose, atLeast)
			}
			if err == nil && (!report.Passed() || reached < atLeast) {
				err = &exitError{code: exitFound}
			}
			return err
		},
	}
	from.pipelineFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "text or json")
	f.BoolVarP(&verbose, "verbose", "v", false, "list every test, and the lines that none reached")
	f.Float64Var(&atLeast, "min-coverage", 0, "exit 1 when tests reach less of the lines, in percent")
	return cmd
}

func (a *app) showPolicyTests(r *policies.TestReport, verbose bool, reached float64, whose string, atLeast float64) {
	if a.quiet {
		return
	}
	by := map[string]int{}
	for _, t := range r.Tests {
		by[t.Outcome]++
		mark, style := "✓", green
		switch t.Outcome {
		case "fail", "error":
			mark, style = "✗", red
		case "skip":
			mark, style = "~", dim
		}
		if !verbose && style != red {
			continue
		}
		fmt.Fprintf(a.out, "%s %s.%s  %s\n", a.paint(style, mark), strings.TrimPrefix(t.Package, "dq."), a.paint(bold, t.Name), a.paint(dim, t.Position))
		for line := range strings.Lines(t.Message) {
			fmt.Fprintf(a.out, "    %s\n", plain(strings.TrimRight(line, "\n")))
		}
	}
	if verbose || reached < atLeast {
		for _, line := range r.Uncovered {
			fmt.Fprintf(a.out, "%s %s: no test reaches it\n", a.paint(yellow, "!"), line)
		}
	}
	total := fmt.Sprintf("%d passed, %d failed", by["pass"], by["fail"]+by["error"])
	if by["skip"] > 0 {
		total += fmt.Sprintf(", %d to do", by["skip"])
	}
	fmt.Fprintf(a.out, "%s; tests reach %s of %s\n", total, percent(reached), whose)
	if reached < atLeast {
		fmt.Fprintf(a.out, "%s that is less than %s (--min-coverage)\n", a.paint(red, "✗"), percent(atLeast))
	}
}

func percent(share float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", share), ".0") + " %"
}

func (a *app) policyEval() *cobra.Command {
	var (
		from           policySource
		format, failOn string
	)
	cmd := &cobra.Command{
		Use:   "eval INPUT",
		Short: "Judge an input document: one change of one table, as JSON",
		Long: `eval judges a change that is described in a file, or with - on standard input, by
the policies here. dq schema policy-input prints what it may say. Its time is the
only clock: waivers are in force or over by it.`,
		Example: `  dq policy eval change.json
  dq policy eval change.json --policies policies/ --format json
  jq '.env = "dev"' change.json | dq policy eval -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			if err := checkFailOn(failOn); err != nil {
				return err
			}
			in, err := readPolicyInput(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			b, err := from.bundle(cmd.Context())
			if err != nil {
				return err
			}
			ruling, err := b.Decide(cmd.Context(), in)
			if errors.Is(err, policies.ErrEvaluation) {
				return &exitError{code: exitEvaluation, err: err}
			}
			if err != nil {
				return err
			}
			if format == "json" {
				err = writeJSON(a.out, ruling)
			} else if !a.quiet {
				a.showRuling(ruling)
			}
			if err != nil {
				return err
			}
			return rulingCode(failOn, ruling.Decisions)
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.Flags().StringVar(&failOn, "fail-on", "error", "exit 1 at: error, warn, never")
	return cmd
}

// readPolicyInput reads an input document from a file, or from standard input.
func readPolicyInput(file string, stdin io.Reader) (policies.Input, error) {
	var data []byte
	var err error
	if file == "-" {
		file = "standard input"
		data, err = io.ReadAll(stdin)
	} else {
		data, err = os.ReadFile(file)
	}
	if errors.Is(err, os.ErrNotExist) {
		return policies.Input{}, usagef("%s: there is no such file%s", file, nearData(file))
	}
	if err != nil {
		return policies.Input{}, err
	}
	in, err := policies.ReadInput(file, data)
	switch {
	case err != nil:
	case in.Time.IsZero():
		err = fmt.Errorf("%s: the input has no time; add \"time\": \"2026-10-01T06:00:00Z\"", file)
	case in.Table.Name == "":
		err = fmt.Errorf("%s: the input names no table; add \"table\": {\"name\": \"silver.orders\", \"layer\": \"silver\"}", file)
	}
	return in, usage(err)
}
