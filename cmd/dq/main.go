// Command dq carries data through gated Delta tables, and checks, profiles and
// reports on any table. See README.md and dq --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/dq-dev/dq/internal/yamlpos"
)

func main() {
	paceCollector()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "error: dq broke: %v\n%s\nhint: this is a bug in dq; please report it with the lines above\n", p, debug.Stack())
			code = exitRuntime
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer closeLocations()
	a := &app{out: stdout, err: stderr, config: viper.New()}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil && !errors.As(err, new(*exitError)) {
		fmt.Fprintln(stderr, "interrupted: nothing was published that was not decided; run again to go on")
		return exitInterrupted
	}
	return a.exit(err)
}

// app is what all commands share.
type app struct {
	out, err io.Writer
	config   *viper.Viper
	quiet    bool
}

// root is the command tree. The list of commands is here.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "dq",
		Short: "Data quality and governance, decided inside the commit",
		Long: `dq carries data from raw files through bronze, silver and gold Delta tables.
Nothing becomes visible before its expectations (CEL in YAML suites) and its
policies (Rego) have ruled on it. The parts work alone, too: check a file,
profile a table, draw a report.

Exit codes: 0 passed · 1 a gate or policy found something · 2 usage or
configuration, nothing was read · 3 engine, storage or network · 4 could not be
evaluated, fails closed · 130 interrupted.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := localPaths(args); err != nil {
				return err
			}
			return a.configure(cmd)
		},
	}
	flags := root.PersistentFlags()
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print nothing but errors")
	flags.String("config", "", "configuration file (default dq.yaml here or above)")
	flags.String("threads", "", "threads of the engine (default: all cores)")
	flags.String("memory", "", "memory limit of the engine, such as 2GB")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		a.cmdBlame(),
		a.cmdCheck(),
		a.cmdExplain(), a.cmdSchema(),
		a.cmdGate(),
		a.cmdInit(),
		a.cmdLineage(),
		a.cmdLint(),
		a.cmdPolicy(),
		a.cmdProfile(),
		a.cmdReport(),
		a.cmdRun(),
		a.cmdSuggest(),
		a.cmdTable(),
		a.cmdTest(),
		a.cmdVersion(),
		a.cmdWaiver(),
	)
	for _, c := range root.Commands() {
		settle(c)
	}
	return root
}

// settle makes a command say what is wrong with its arguments and what to write.
func settle(c *cobra.Command) {
	for _, sub := range c.Commands() {
		settle(sub)
	}
	if c.HasSubCommands() && c.RunE == nil {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			var names []string
			for _, sub := range c.Commands() {
				names = append(names, sub.Name())
			}
			return usagef("unknown command %q for %q; %s", args[0], c.CommandPath(), yamlpos.DidYouMean(args[0], names))
		}
		return
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%s: %w; write: %s", c.CommandPath(), err, strings.TrimSpace(strings.SplitN(strings.TrimSpace(c.Example+"\n"+c.UseLine()), "\n", 2)[0]))
			}
			return nil
		}
	}
}

// flagError adds the nearest right flag to an unknown one.
func flagError(c *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return usage(err)
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := yamlpos.Nearest(name, names); near != "" {
		return usagef("unknown flag: --%s; did you mean --%s?", name, near)
	}
	return usagef("unknown flag: --%s; see %s --help", name, c.CommandPath())
}
