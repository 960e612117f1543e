package policies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

// threeRulings writes a log in two sessions and returns its file.
func threeRulings(t testing.TB, run ...string) string {
	t.Helper()
	few := write(t, ConfigFile, "use: [DQ-S001, DQ-O001, DQ-W001]\n")
	b, err := Load(context.Background(), Options{Dirs: []string{filepath.Dir(few)}, Waivers: write(t, "waivers.yaml", waiversFile)})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "decisions.ndjson")
	denied := changed(orders(), shape(field("id", "int64")), table.Change{Op: "column_dropped", Path: "amount"})
	late := denied
	late.Time = today.AddDate(0, 3, 0)
	late.Table.Owner = "<a & b>"
	for _, session := range [][]Input{{orders(), denied}, {late}} {
		l, err := OpenLog(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range session {
			r, err := b.Decide(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Append(r, map[string]string{"run": strings.Join(append(run, "20261001T060000"), "-")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestLog(t *testing.T) {
	file := threeRulings(t)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	report, err := VerifyLog(bytes.NewReader(data), nil)
	if err != nil || report.Lines != 3 || len(report.Problems) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	l, err := OpenLog(file)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Head() != report.Head || report.Head == "" {
		t.Errorf("head %q, not %q", l.Head(), report.Head)
	}
	all := strings.SplitAfter(string(data), "\n")
	e, err := readEntry([]byte(strings.TrimSuffix(all[1], "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if !e.Result.Allow || len(e.Result.Findings) != 1 || e.Result.WaiversUsed[0] != "w1" || e.Labels["run"] == "" || e.Table != "silver.orders" || !e.Timestamp.Equal(today) {
		t.Errorf("%+v", e)
	}
}

// A line says what policies could call, and how long they took; one of an earlier
// version, that does not, is still as it was written.
func TestLogOfAnEarlierVersion(t *testing.T) {
	data, err := os.ReadFile(threeRulings(t))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	e, err := readEntry(line)
	if err != nil {
		t.Fatal(err)
	}
	if e.CapsDigest != capsDigest() || e.Metrics["timer_rego_query_eval_ns"] <= 0 || e.Metrics["timer_rego_input_parse_ns"] <= 0 {
		t.Errorf("capabilities %q, metrics %v", e.CapsDigest, e.Metrics)
	}
	e.CapsDigest, e.Metrics = "", nil
	if e.Hash, err = e.hash(); err != nil {
		t.Fatal(err)
	}
	if line, err = e.line(); err != nil {
		t.Fatal(err)
	}
	if _, err := readEntry(bytes.TrimSuffix(line, []byte("\n"))); err != nil || bytes.Contains(line, []byte("caps_digest")) || bytes.Contains(line, []byte("metrics")) {
		t.Errorf("%v: %s", err, line)
	}
}

// Any change of what was written shows.
func TestLogShowsChanges(t *testing.T) {
	data, err := os.ReadFile(threeRulings(t))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(data), "\n"), "\n")
	join := func(l ...string) string { return strings.Join(l, "") }
	foreign, err := os.ReadFile(threeRulings(t, "elsewhere"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.SplitAfter(string(foreign), "\n")
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":          {join(lines[0], lines[1], lines[2], "\n"), nil},
		"a word":           {join(lines[0], strings.Replace(lines[1], "silver.orders", "silver.others", 1), lines[2], "\n"), []string{"2: its hash is not that of its content"}},
		"spaces":           {join(lines[0], strings.Replace(lines[1], ",", ", ", 1), lines[2], "\n"), []string{"2: it is not as it was written"}},
		"a line less":      {join(lines[0], lines[2], "\n"), []string{"2: it does not follow line 1: lines between them are missing, or line 1 was written anew"}},
		"first line less":  {join(lines[1], lines[2], "\n"), []string{"1: it is not the first that was written: lines before it are missing"}},
		"a line put in":    {join(lines[0], other[1], lines[1], lines[2], "\n"), []string{"2: it does not follow line 1: lines between them are missing, or line 1 was written anew", "3: it follows line 1: line 2 was put in between"}},
		"a first put in":   {join(other[0], lines[0], lines[1], lines[2], "\n"), []string{"2: it was written as the first line: lines 1 to 1 were put in before it, or it belongs to another log"}},
		"a line twice":     {join(lines[0], lines[1], lines[1], lines[2], "\n"), []string{"3: it is line 2 once more"}},
		"no JSON":          {join(lines[0], "hello\n"), []string{"2: invalid character 'h' looking for beginning of value"}},
		"one is no JSON":   {join(lines[0], "hello\n", lines[2], "\n"), []string{"2: invalid character 'h' looking for beginning of value"}},
		"no JSON put in":   {join(lines[0], "hello\n", lines[1], lines[2], "\n"), []string{"2: invalid character 'h' looking for beginning of value"}},
		"cut off":          {join(lines[0], lines[1], lines[2]), []string{"3: it is cut off"}},
		"changed and less": {join(strings.Replace(lines[0], "silver", "bronze", 1), lines[2], "\n"), []string{"1: its hash is not that of its content", "2: it does not follow line 1: lines between them are missing, or line 1 was written anew"}},
	} {
		report, err := VerifyLog(strings.NewReader(c.text), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range report.Problems {
			got = append(got, fmt.Sprintf("%d: %s", p.Line, p.Problem))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// A process that died while it wrote leaves a part of a line: the next one goes on before it.
func TestLogAfterACrash(t *testing.T) {
	file := threeRulings(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for _, at := range []int{1, first - 1, first, first + 1, len(whole) - 1} {
		if err := os.WriteFile(file, whole[:at], 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := OpenLog(file)
		if err != nil {
			t.Fatalf("cut at %d: %v", at, err)
		}
		if err := l.Append(&Ruling{ID: "next", Time: today}, nil); err != nil {
			t.Fatal(err)
		}
		l.Close()
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		report, err := VerifyLog(bytes.NewReader(got), nil)
		if want := bytes.Count(whole[:at], []byte("\n")) + 1; err != nil || report.Lines != want || len(report.Problems) > 0 {
			t.Errorf("cut at %d: %+v, %v; want %d lines", at, report, err, want)
		}
	}
}

func TestOpenLogRefusesOtherFiles(t *testing.T) {
	file := write(t, "x.ndjson", "{\"hash\": \"abc\"}\n")
	if _, err := OpenLog(file); !errors.Is(err, ErrLog) || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	if _, err := OpenLog(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

// The last line may be longer than what is read at once.
func TestLogWithLongLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "decisions.ndjson")
	for i := range 3 {
		l, err := OpenLog(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(&Ruling{ID: fmt.Sprint(i), Table: strings.Repeat("x", 200_000), Time: today}, nil); err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if report, err := VerifyLog(bytes.NewReader(data), nil); err != nil || report.Lines != 3 || len(report.Problems) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func FuzzVerifyLog(f *testing.F) {
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"labels":null,"decision_id":"x","result":{"findings":[{"evidence":{"a":1e400}}]},"timestamp":"2026-10-01T06:00:00Z","hash":"x"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		good := 0
		report, err := VerifyLog(bytes.NewReader(data), func(int, Entry) { good++ })
		if err != nil || good > bytes.Count(data, []byte("\n")) || report.Lines > good+len(report.Problems) {
			t.Fatalf("%d good, %+v, %v", good, report, err)
		}
	})
}
