package policies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

// threeRulings writes a log in two sessions and returns its file.
func threeRulings(t testing.TB) string {
	t.Helper()
	b, err := Load(context.Background(), Options{Waivers: write(t, "waivers.yaml", waiversFile)})
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
			if err := l.Append(r, map[string]string{"run": "20261001T060000"}); err != nil {
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
	lines, head, err := VerifyLog(bytes.NewReader(data))
	if err != nil || lines != 3 {
		t.Fatalf("%d lines, %v", lines, err)
	}
	l, err := OpenLog(file)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Head() != head || head == "" {
		t.Errorf("head %q, not %q", l.Head(), head)
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

// Any change of what was written shows.
func TestLogShowsChanges(t *testing.T) {
	data, err := os.ReadFile(threeRulings(t))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(data), "\n"), "\n")
	join := func(l ...string) string { return strings.Join(l, "") }
	for name, c := range map[string]struct {
		text, say string
		good      int
	}{
		"a word":          {join(lines[0], strings.Replace(lines[1], "silver.orders", "silver.others", 1), lines[2], "\n"), "line 2: its hash", 1},
		"spaces":          {join(lines[0], strings.Replace(lines[1], ",", ", ", 1), lines[2], "\n"), "line 2: it is not as it was written", 1},
		"a line less":     {join(lines[0], lines[2], "\n"), "line 2 does not follow", 1},
		"first line less": {join(lines[1], lines[2], "\n"), "line 1 does not follow", 0},
		"lines swapped":   {join(lines[1], lines[0], lines[2], "\n"), "line 1 does not follow", 0},
		"a line twice":    {join(lines[0], lines[1], lines[1], lines[2], "\n"), "line 3 does not follow", 2},
		"no JSON":         {join(lines[0], "hello\n"), "line 2: invalid character", 1},
		"cut off":         {join(lines[0], lines[1], lines[2]), "line 3 is cut off", 2},
	} {
		n, _, err := VerifyLog(strings.NewReader(c.text))
		if !errors.Is(err, ErrLog) || !strings.Contains(err.Error(), c.say) || n != c.good {
			t.Errorf("%s: %d good lines, %v", name, n, err)
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
		lines, _, err := VerifyLog(bytes.NewReader(got))
		if want := bytes.Count(whole[:at], []byte("\n")) + 1; err != nil || lines != want {
			t.Errorf("cut at %d: %d lines, %v; want %d", at, lines, err, want)
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
	if n, _, err := VerifyLog(bytes.NewReader(data)); n != 3 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
}

func FuzzVerifyLog(f *testing.F) {
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"labels":null,"decision_id":"x","result":{"findings":[{"evidence":{"a":1e400}}]},"timestamp":"2026-10-01T06:00:00Z","hash":"x"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, head, err := VerifyLog(bytes.NewReader(data))
		if n > bytes.Count(data, []byte("\n")) || (n > 0) != (head != "") || err == nil && len(data) > 0 && n == 0 {
			t.Fatalf("%d, %q, %v", n, head, err)
		}
	})
}
