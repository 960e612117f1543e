package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWalk runs the walk through Delta tables: in each console block of its README
// the lines after "$ " are commands, and what follows is what they print. A command
// fails just when its output holds an error. -update writes what they print.
func TestWalk(t *testing.T) {
	const readme = "../../examples/ecommerce/delta/README.md"
	want, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(project(t, allDays(t)...), "delta")
	var got bytes.Buffer
	inside, commands := false, 0
	for line := range strings.Lines(string(want)) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console\n"
		case inside && !isCommand:
			continue
		}
		got.WriteString(line)
		if !inside || !isCommand {
			continue
		}
		commands++
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if failed := strings.Contains("\n"+string(out), "\nerror: "); failed != (err != nil) {
			t.Fatalf("%s%s%v", command, out, err)
		}
		got.Write(out)
		if n := len(out); n > 0 && out[n-1] != '\n' {
			got.WriteByte('\n')
		}
	}
	if commands == 0 {
		t.Fatal("the walk has no commands")
	}
	if *update {
		if err := os.WriteFile(readme, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	now, was := strings.Split(settled(got.String()), "\n"), strings.Split(settled(string(want)), "\n")
	for i := range max(len(now), len(was)) {
		if i >= len(now) || i >= len(was) || now[i] != was[i] {
			t.Fatalf("from line %d on the walk prints something else (write it with -update):\n%s\nnot\n%s",
				i+1, strings.Join(now[i:min(i+5, len(now))], "\n"), strings.Join(was[i:min(i+5, len(was))], "\n"))
		}
	}
}

// settled replaces what differs from run to run: times and run ids.
func settled(text string) string {
	text = regexp.MustCompile(`\d{8}T\d{9}Z(-[0-9a-f]{6})?`).ReplaceAllString(text, "RUN")
	text = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?`).ReplaceAllString(text, "TIME")
	return regexp.MustCompile(`\d+ m?s\b`).ReplaceAllString(text, "DURATION")
}
