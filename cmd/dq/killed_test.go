package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledAtEveryStep kills a run from outside at each of its step boundaries;
// the next run finishes, and the tables are those of runs that were never killed.
// The run is that of a later day, with rows that go to quarantine in a commit of
// their own. Of the first load, into nothing, each kind of step is killed where it
// comes first and last; DQ_TEST_STRESS=1 kills it at all of them.
func TestKilledAtEveryStep(t *testing.T) {
	days := allDays(t)[:3]
	quarantining := mutation{day: days[2], as: days[2] + ".csv.gz", edits: []edit{{
		op: "set", target: "Quantity", to: "0", rows: func(n int, _ map[string]string) bool { return n <= 3 },
	}}}
	later := project(t, days[:2]...)
	mustRun(t, later)
	before := contents(t, warehouse(later))
	all := func(steps []string) []int {
		numbers := make([]int, len(steps))
		for i := range numbers {
			numbers[i] = i + 1
		}
		return numbers
	}
	ends := firstAndLast
	if os.Getenv("DQ_TEST_STRESS") == "1" {
		ends = all
	}
	for _, c := range []struct {
		name  string
		from  string
		which func(steps []string) []int
	}{{"later", later, all}, {"first", project(t), ends}} {
		if _, err := quarantining.apply(c.from); err != nil {
			t.Fatal(err)
		}
		whole := filepath.Join(t.TempDir(), "whole")
		copyTree(t, c.from, whole)
		steps := stepsOf(t, whole)
		if len(steps) < 40 {
			t.Fatalf("%s: only %d step boundaries", c.name, len(steps))
		}
		want := contents(t, warehouse(whole))
		if lines := "quarantine/silver/order_lines"; want[lines] == "" || want[lines] == before[lines] {
			t.Fatalf("%s: no line of %s went to quarantine", c.name, days[2])
		}
		which := c.which(steps)
		t.Logf("%s: %d of %d step boundaries", c.name, len(which), len(steps))
		for _, n := range which {
			t.Run(fmt.Sprintf("%s/%d", c.name, n), func(t *testing.T) {
				t.Parallel()
				p := filepath.Join(t.TempDir(), "p")
				copyTree(t, c.from, p)
				step := stopAt(t, p, strconv.Itoa(n))
				if step == "" {
					t.Fatal("the run ended before this step")
				}
				t.Log("killed at " + step)
				mustRun(t, p)
				sameContents(t, contents(t, warehouse(p)), want)
			})
		}
	}
}

// TestKilledWhileRefusing kills a run whose gate closes where each kind of step comes
// first and last: the next run refuses the same, and no reader sees anything of it.
func TestKilledWhileRefusing(t *testing.T) {
	days := allDays(t)[:2]
	from := project(t, days[0])
	mustRun(t, from)
	bad := mutation{day: days[1], as: days[1] + ".csv.gz", edits: []edit{{
		op: "set", target: "Quantity", to: "0", rows: func(int, map[string]string) bool { return true },
	}}}
	if _, err := bad.apply(from); err != nil {
		t.Fatal(err)
	}
	refused := func(p string, env ...string) string {
		cmd := exec.Command("dq", "run")
		cmd.Dir, cmd.Env = p, append(os.Environ(), env...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(out), "quantity.not_in_set") {
			t.Errorf("exit code %d:\n%s", code, out)
		}
		return string(out)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	copyTree(t, from, whole)
	var steps []string
	for line := range strings.Lines(refused(whole, "DQ_TEST_STOP=never")) {
		if s, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "step "); ok {
			steps = append(steps, s)
		}
	}
	want := contents(t, warehouse(whole))
	for _, n := range firstAndLast(steps) {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			p := filepath.Join(t.TempDir(), "p")
			copyTree(t, from, p)
			t.Logf("killed at %s of %d steps", stopAt(t, p, strconv.Itoa(n)), len(steps))
			refused(p)
			sameContents(t, contents(t, warehouse(p)), want)
		})
	}
}

// firstAndLast numbers, from 1, where each kind of step (its first word) comes first
// and last.
func firstAndLast(steps []string) []int {
	kind := func(step string) string {
		word, _, _ := strings.Cut(step, " ")
		return word
	}
	var numbers []int
	for i, s := range steps {
		same := func(o string) bool { return kind(o) == kind(s) }
		if !slices.ContainsFunc(steps[:i], same) || !slices.ContainsFunc(steps[i+1:], same) {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// TestKilledAtRandom kills first loads after random times, again and again, until
// enough of them were in the middle of their work: whoever is killed then leaves
// the lease behind. A load that ends before the kill is held against one that was
// never killed, and another one begins.
func TestKilledAtRandom(t *testing.T) {
	days := allDays(t)[:2]
	whole := project(t, days...)
	began := time.Now()
	mustRun(t, whole)
	length := time.Since(began)
	want := contents(t, warehouse(whole))
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewSource(seed))
	const wanted, most = 8, 100
	p := project(t, days...)
	working, ended, tries := 0, 0, 0
	for ; working < wanted; tries++ {
		if tries == most {
			t.Fatalf("of %d kills only %d hit a run in its work", most, working)
		}
		cmd := exec.Command("dq", "run")
		cmd.Dir = p
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(rng.Int63n(int64(length))), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		kill.Stop()
		switch {
		case killed(err):
			if holdsLease(t, p, cmd.Process.Pid) {
				working++
			}
		case err != nil:
			t.Fatalf("a run that was not killed: %v", err)
		default:
			ended++
			sameContents(t, contents(t, warehouse(p)), want)
			p = project(t, days...)
		}
	}
	t.Logf("of %d runs %d were killed in their work, %d ended before", tries, working, ended)
	mustRun(t, p)
	sameContents(t, contents(t, warehouse(p)), want)
}

// killed reports whether a process ended by SIGKILL.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// holdsLease reports whether the lease of the example is that of a process.
func holdsLease(t *testing.T, project string, pid int) bool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(warehouse(project), "_dq", "lease", "retail.json"))
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	var lease struct{ PID int }
	if err == nil {
		err = json.Unmarshal(data, &lease)
	}
	if err != nil {
		t.Fatal(err)
	}
	return lease.PID == pid
}

// stopAt starts a run, lets it come to a step boundary (its number, or how it
// begins) and kills it there. It returns the step, or "" when the run ended before.
func stopAt(t *testing.T, project, stop string) string {
	t.Helper()
	cmd := exec.Command("dq", "run")
	cmd.Dir = project
	cmd.Env = append(os.Environ(), "DQ_TEST_STOP="+stop)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	step := ""
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if s, ok := strings.CutPrefix(lines.Text(), "stopped at "); ok {
			step = s
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); step != "" && !killed(err) {
		t.Fatalf("the run was to be killed at %s: %v", step, err)
	}
	return step
}

// stepsOf runs the pipeline to its end and lists its step boundaries.
func stepsOf(t *testing.T, project string) []string {
	t.Helper()
	cmd := exec.Command("dq", "run")
	cmd.Dir = project
	cmd.Env = append(os.Environ(), "DQ_TEST_STOP=never")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	var steps []string
	for line := range strings.Lines(string(out)) {
		if s, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "step "); ok {
			steps = append(steps, s)
		}
	}
	return steps
}
