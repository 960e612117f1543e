package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/reports"
)

// configKeys are the keys of dq.yaml, each also a flag and an environment variable DQ_<KEY>.
var configKeys = []string{"threads", "memory"}

// configure reads dq.yaml: flag, then environment, then file, then default.
func (a *app) configure(cmd *cobra.Command) error {
	a.config.SetEnvPrefix("DQ")
	for _, key := range configKeys {
		a.config.SetDefault(key, "")
		if err := a.config.BindEnv(key); err != nil {
			return err
		}
		if err := a.config.BindPFlag(key, cmd.Flags().Lookup(key)); err != nil {
			return err
		}
	}
	file, _ := cmd.Flags().GetString("config")
	if file == "" {
		if file = findConfig(); file == "" {
			return nil
		}
	}
	a.config.SetConfigFile(file)
	if err := a.config.ReadInConfig(); err != nil {
		var missing viper.ConfigFileNotFoundError
		if errors.As(err, &missing) || errors.Is(err, os.ErrNotExist) {
			return usagef("--config %s: there is no such file", file)
		}
		return usagef("%s: %v", file, err)
	}
	for _, key := range a.config.AllKeys() {
		if key, _, _ := strings.Cut(key, "."); !known(key) && key != "packs" {
			return usagef("%s: unknown key %q; %s", file, key, yamlpos.DidYouMean(key, configKeys))
		}
	}
	return nil
}

func known(key string) bool {
	for _, k := range configKeys {
		if k == key {
			return true
		}
	}
	return false
}

// findConfig looks for dq.yaml here and above, up to the root of the repository.
func findConfig() string {
	dir, err := os.Getwd()
	for err == nil {
		if file := filepath.Join(dir, "dq.yaml"); isFile(file) {
			return file
		}
		if up := filepath.Dir(dir); up != dir && !isDir(filepath.Join(dir, ".git")) {
			dir = up
			continue
		}
		break
	}
	return ""
}

func isFile(path string) bool { fi, err := os.Stat(path); return err == nil && fi.Mode().IsRegular() }
func isDir(path string) bool  { fi, err := os.Stat(path); return err == nil && fi.IsDir() }

// memoryLimit is a size as the engine understands it.
var memoryLimit = regexp.MustCompile(`^(?i)[0-9]+(\.[0-9]+)?\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$`)

// openEngine opens the one engine there is.
func (a *app) openEngine() (engine.Engine, error) { return a.openThreads(0) }

// openThreads opens the engine with that many threads, 0 for one for each core,
// unless the configuration says how many.
func (a *app) openThreads(threads int) (engine.Engine, error) {
	if text := a.config.GetString("threads"); text != "" {
		var err error
		if threads, err = strconv.Atoi(text); err != nil || threads < 0 {
			return nil, usagef("threads is %q; write a number, or leave it out for all cores", text)
		}
	}
	memory := a.config.GetString("memory")
	if memory != "" && !memoryLimit.MatchString(memory) {
		return nil, usagef("memory is %q; write a size such as 2GB or 512MiB", memory)
	}
	return duckdb.Open(duckdb.Config{Threads: threads, MemoryLimit: memory})
}

// version is the module's version, as the build knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// newRun starts the record of a command that looks at one table.
func (a *app) newRun(command string, eng engine.Engine) *record.Run {
	now := time.Now().UTC()
	info := eng.Info()
	return &record.Run{Format: record.RunFormat, ID: strings.Replace(now.Format("20060102T150405.000Z"), ".", "", 1), Command: command,
		Tool: record.Tool{Version: version()}, Engine: record.EngineInfo{Name: info.Name, Version: info.Version}, StartedAt: now}
}

// outputs are the --out FORMAT=PATH flags.
type outputs map[string]string

func parseOutputs(values []string) (outputs, error) {
	out := outputs{}
	for _, v := range values {
		format, path, ok := strings.Cut(v, "=")
		if !ok || path == "" {
			return nil, usagef("--out %s: write FORMAT=PATH, such as --out html=report.html", v)
		}
		if err := knownFormat(format); err != nil {
			return nil, err
		}
		out[format] = path
	}
	return out, nil
}

func knownFormat(name string) error {
	var names []string
	for _, f := range reports.Formats() {
		if f.Name == name {
			return nil
		}
		names = append(names, f.Name)
	}
	return usagef("format %q is not known; %s", name, yamlpos.DidYouMean(name, names))
}

// write draws the run in every format asked for.
func (o outputs) write(run *record.Run) error {
	for _, f := range reports.Formats() {
		path, ok := o[f.Name]
		if !ok {
			continue
		}
		if err := writeReport(path, f.Name, func(w io.Writer) error { return f.Write(w, run) }); err != nil {
			return err
		}
	}
	return nil
}

// writeReport draws a report of a format into a file.
func writeReport(path, format string, draw func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("report %s: %w", format, err)
	}
	if err := draw(file); err != nil {
		file.Close()
		return fmt.Errorf("report %s: %w", format, err)
	}
	return file.Close()
}

// terminal reports whether a stream is a person's terminal.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}

func (a *app) color() bool { return terminal(a.out) && os.Getenv("NO_COLOR") == "" }

// show prints the record of a run on standard output, in a format.
func (a *app) show(run *record.Run, format string) error {
	if a.quiet && format == "text" {
		return nil
	}
	if format == "text" {
		return reports.Text(a.out, run, reports.TextOptions{Color: a.color()})
	}
	return reports.Write(a.out, format, run)
}

// progress shows the step under way on a person's terminal, and removes it.
func (a *app) progress() (step func(string), clear func()) {
	if a.quiet || !terminal(a.err) {
		return nil, func() {}
	}
	return func(s string) { fmt.Fprintf(a.err, "\r\033[K%.78s", s) }, func() { fmt.Fprint(a.err, "\r\033[K") }
}

// withSession opens the engine and a session for the time of f.
func (a *app) withSession(ctx context.Context, f func(engine.Engine, engine.Session) error) error {
	return a.withThreads(ctx, 0, f)
}

// withThreads is withSession with an engine of that many threads; see openThreads.
func (a *app) withThreads(ctx context.Context, threads int, f func(engine.Engine, engine.Session) error) error {
	eng, err := a.openThreads(threads)
	if err != nil {
		return err
	}
	defer func() { _ = eng.Close() }()
	s, err := eng.Session(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return f(eng, s)
}
