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
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

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
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.configure(cmd) },
	}
	flags := root.PersistentFlags()
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print nothing but errors")
	flags.String("config", "", "configuration file (default dq.yaml here or above)")
	flags.Int("threads", 0, "threads of the engine (default: all cores)")
	flags.String("memory", "", "memory limit of the engine, such as 2GB")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.AddCommand(
		a.cmdCheck(),
		a.cmdExplain(),
		a.cmdGate(),
		a.cmdProfile(),
		a.cmdReport(),
		a.cmdRun(),
		a.cmdTable(),
		a.cmdTest(),
		a.cmdVersion(),
	)
	return root
}
