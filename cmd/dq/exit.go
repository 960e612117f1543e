package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
)

// The exit codes that scripts rely on.
const (
	exitOK          = 0
	exitFound       = 1 // a gate or policy found something
	exitUsage       = 2 // usage or configuration: nothing was read
	exitRuntime     = 3 // engine, storage, network
	exitEvaluation  = 4 // could not be evaluated: fails closed
	exitInterrupted = 130
)

// exitError ends the program with a code; without a message it says nothing more.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage marks an error as one of usage or configuration.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitUsage, err: err}
}

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// exit prints an error and gives the code that it stands for.
func (a *app) exit(err error) int {
	if err == nil {
		return exitOK
	}
	code := codeOf(err)
	var e *exitError
	if errors.As(err, &e) && e.err == nil {
		return code
	}
	text := strings.TrimRight(err.Error(), "\n")
	fmt.Fprintf(a.err, "error: %s\n", text)
	return code
}

func codeOf(err error) int {
	var (
		exit *exitError
		yaml yamlpos.Errors
		conf *pipeline.ConfigError
		eval *pipeline.EvaluationError
	)
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &eval):
		return exitEvaluation
	case errors.As(err, &yaml), errors.As(err, &conf):
		return exitUsage
	case strings.HasPrefix(err.Error(), "unknown command"), strings.Contains(err.Error(), "arg(s)"):
		return exitUsage
	}
	return exitRuntime
}

// verdictCode turns a run's verdict into an exit code, given --fail-on.
func verdictCode(run *record.Run, failOn string) error {
	for _, l := range run.Layers {
		for _, t := range l.Tables {
			if t.Check != nil && t.Check.Verdict == record.Error {
				return &exitError{code: exitEvaluation}
			}
		}
	}
	refused := run.Outcome == "refused" || run.Outcome == "partial"
	switch failOn {
	case "never":
		return nil
	case "warn":
		if run.Verdict == record.Warn || run.Verdict == record.Vacuous {
			return &exitError{code: exitFound}
		}
	}
	if refused || run.Verdict == record.Fail || run.Verdict == record.Error {
		return &exitError{code: exitFound}
	}
	return nil
}

func checkFailOn(value string) error {
	switch value {
	case "error", "warn", "never":
		return nil
	}
	return usagef("--fail-on %s is not known; it is error, warn or never", value)
}

func checkResume(value string) error {
	switch value {
	case "", pipeline.ResumeRestored, pipeline.ResumeKept:
		return nil
	}
	return usagef("--resume %s is not known; it is restored (what went from a restored table goes from those made from it) or kept", value)
}
