package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/expectations"
)

// TestReadmeSuites loads every suite that the README shows.
func TestReadmeSuites(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile("(?s)```yaml\n(version: 1\n.*?)```").FindAllSubmatch(text, -1) {
		found++
		if _, err := expectations.Parse("README.md", m[1], expectations.Options{}); err != nil {
			t.Errorf("%v", err)
		}
	}
	if found == 0 {
		t.Error("the README shows no suite")
	}
}

// TestReadmeRecording holds the README's bad day against what dq prints of it: in
// each console block every line that is shown comes in that order; … alone stands for
// lines, and at the end of a line for its rest. The file is mended before the second block.
func TestReadmeRecording(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```console\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 2 {
		t.Fatalf("the README has %d console blocks, not a refusal and what follows", len(blocks))
	}
	days := allDays(t)
	bad := slices.Index(days, "2010-12-23")
	p := project(t, days[:bad]...)
	mustRun(t, p)
	mend, err := mutation{day: days[bad], as: days[bad] + ".csv.gz", edits: []edit{{
		op: "set", target: "InvoiceDate", match: regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d):\d\d$`), to: "$3/$2/$1 $4",
		rows: func(int, map[string]string) bool { return true },
	}}}.apply(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range blocks {
		if i == 1 {
			if err := mend(); err != nil {
				t.Fatal(err)
			}
		}
		var script, shown []string
		for line := range strings.Lines(string(block[1])) {
			line = strings.TrimSuffix(line, "\n")
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				script = append(script, command)
			} else if strings.TrimSpace(line) != "" && strings.TrimSpace(line) != "…" {
				shown = append(shown, line)
			}
		}
		cmd := exec.Command("sh", "-c", strings.Join(script, "\n"))
		cmd.Dir = p
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		printed := strings.Split(settled(string(out)), "\n")
		for _, line := range shown {
			begin, cut := strings.CutSuffix(line, "…")
			begin = strings.TrimRight(settled(begin), " ")
			at := slices.IndexFunc(printed, func(l string) bool { return l == begin || cut && strings.HasPrefix(l, begin) })
			if at < 0 {
				t.Fatalf("README.md shows, and dq does not print, or not there: %s\n%s", line, out)
			}
			printed = printed[at+1:]
		}
	}
}

// TestReadmeKinds holds the number of kinds that the README names against the catalogue.
func TestReadmeKinds(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("| %d kinds,", len(expectations.Kinds())); !strings.Contains(string(text), want) {
		t.Errorf("README.md does not say %q", want)
	}
}

// TestReadmeFirstUse follows the README from a folder with one file to a gate that closes.
func TestReadmeFirstUse(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh\n(dq init.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("the README shows no first use")
	}
	dir := t.TempDir()
	var rows strings.Builder
	rows.WriteString("id,status,total\n")
	for i := range 60 {
		fmt.Fprintf(&rows, "%d,%s,%d.50\n", i, []string{"new", "paid", "shipped"}[i%3], i%7)
	}
	if err := os.WriteFile(filepath.Join(dir, "orders.csv"), []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	commands := strings.Split(strings.TrimSpace(string(block[1])), "\n")
	if len(commands) > 5 {
		t.Errorf("it takes %d commands", len(commands))
	}
	for i, line := range commands {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if last := i == len(commands)-1; !last && err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		} else if last && (cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "::error file=suites/silver/orders.yaml,line=")) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
}
