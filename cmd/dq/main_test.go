package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/pipeline"
)

// TestMain makes this test binary stand for the command dq, in scripts and for
// tests that start it as a process. With DQ_TEST_STOP that process prints
// "stopped" at the step boundary of that number, or whose text begins like that,
// and waits there to be killed.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dq": func() {
		if stop := os.Getenv("DQ_TEST_STOP"); stop != "" {
			steps := 0
			stepHook = func(step string) {
				if steps++; strconv.Itoa(steps) == stop || strings.HasPrefix(step, stop) {
					fmt.Printf("stopped at %s\n", step)
					select {}
				}
				fmt.Printf("step %s\n", step)
			}
		}
		main()
	}})
}

// update rewrites what stories compare standard output with.
var update = flag.Bool("update", false, "write the goldens of the stories")

func TestScripts(t *testing.T) {
	commands := map[string]func(ts *testscript.TestScript, neg bool, args []string){
		// project DIR DAY... makes a project of the example with those days of data.
		"project": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(copyExample(ts.MkAbs(args[0]), args[1:]))
		},
		// day DIR DAY... adds days to a project.
		"day": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(addDays(ts.MkAbs(args[0]), args[1:]))
		},
	}
	maps.Copy(commands, storyCommands)
	testscript.Run(t, testscript.Params{UpdateScripts: *update, Dir: "testdata/script", Cmds: commands})
}

// example is the folder of the e-commerce example.
func example(t testing.TB) string {
	dir, err := filepath.Abs("../../examples/ecommerce")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyExample makes a project like the e-commerce example, with some days of its data.
func copyExample(to string, days []string) error {
	from, err := filepath.Abs("../../examples/ecommerce")
	if err != nil {
		return err
	}
	err = filepath.Walk(from, func(path string, fi os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		if fi.IsDir() {
			if fi.Name() == "warehouse" || fi.Name() == "reports" || rel == filepath.Join("data", "online_retail") {
				if rel == filepath.Join("data", "online_retail") {
					return nil
				}
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if strings.HasPrefix(rel, filepath.Join("data", "online_retail")) {
			return nil
		}
		return copyFile(path, filepath.Join(to, rel))
	})
	if err != nil {
		return err
	}
	return addDays(to, days)
}

func addDays(project string, days []string) error {
	dir := filepath.Join(project, "data", "online_retail")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range days {
		name := d + ".csv.gz"
		if err := copyFile(filepath.Join("../../examples/ecommerce/data/online_retail", name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// allDays lists the days of the example's data, oldest first.
func allDays(t testing.TB) []string {
	files, err := filepath.Glob("../../examples/ecommerce/data/online_retail/*.csv.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no days: %v", err)
	}
	days := make([]string, len(files))
	for i, f := range files {
		days[i] = strings.TrimSuffix(filepath.Base(f), ".csv.gz")
	}
	sort.Strings(days)
	return days
}

// dq runs the command as a process in a project, and returns what it printed and its exit code.
func dq(t testing.TB, project string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command("dq", args...)
	cmd.Dir = project
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// mustRun runs the project's pipeline and fails the test unless it exits with 0.
func mustRun(t testing.TB, project string) {
	t.Helper()
	if out, code := dq(t, project, "run"); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
}

// volatileColumns differ between runs of the same data: when and by which run rows were loaded.
var volatileColumns = map[string]bool{"_loaded_at": true, "dq_run": true, "dq_at": true}

// contents describes the rows of every Delta table of a warehouse: how many
// there are, and a digest that does not depend on their order.
func contents(t testing.TB, warehouse string) map[string]string {
	t.Helper()
	eng, err := duckdb.Open(duckdb.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	ctx := context.Background()
	s, err := eng.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := map[string]string{}
	for _, dir := range tablesOf(t, warehouse) {
		snap, err := delta.Open(delta.Dir(filepath.Join(warehouse, dir))).Snapshot(ctx, delta.Latest())
		if err != nil {
			t.Fatal(err)
		}
		in := engine.Input{Name: "t", Schema: snap.Schema(), Root: filepath.Join(warehouse, dir)}
		for f, err := range snap.Files(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			in.Files = append(in.Files, f)
		}
		if _, err := s.Attach(ctx, in); err != nil {
			t.Fatal(err)
		}
		var columns []string
		for _, name := range snap.Schema().Names() {
			if !volatileColumns[name] {
				columns = append(columns, eng.Dialect().Ident(name))
			}
		}
		row := strings.Join(columns, ", ")
		rows, err := s.Query(ctx, "SELECT count(*), coalesce(bit_xor(h), 0), coalesce(sum(h), 0) FROM (SELECT hash("+row+") AS h FROM t) q")
		if err != nil {
			t.Fatal(err)
		}
		out[dir] = fmt.Sprint(rows.Values[0]...)
	}
	return out
}

// tablesOf lists the folders of Delta tables below a warehouse, but for its metrics,
// which differ by run.
func tablesOf(t testing.TB, warehouse string) []string {
	t.Helper()
	var dirs []string
	err := filepath.Walk(warehouse, func(path string, fi os.FileInfo, err error) error {
		if err == nil && fi.IsDir() && fi.Name() == "_delta_log" {
			if rel, _ := filepath.Rel(warehouse, filepath.Dir(path)); rel != filepath.FromSlash(pipeline.MetricsTable) {
				dirs = append(dirs, rel)
			}
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(dirs)
	return dirs
}

// sameContents fails the test when two warehouses hold different rows.
func sameContents(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: rows and digest are %s, want %s", name, got[name], w)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: should not be there", name)
		}
	}
}

// versions gives the newest version of every table of a warehouse.
func versions(t testing.TB, warehouse string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, dir := range tablesOf(t, warehouse) {
		snap, err := delta.Open(delta.Dir(filepath.Join(warehouse, dir))).Snapshot(context.Background(), delta.Latest())
		if err != nil {
			t.Fatal(err)
		}
		out[dir] = snap.Version()
	}
	return out
}
