package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// storyCommands are what the scripts in testdata/script know besides the
// standard commands of testscript.
var storyCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits": exits,
	"json":  jsonHas,
	"dated": dated,
	"lease": lease,
	"s3":    startS3,
}

// exits CODE COMMAND [ARG...] runs a command and demands its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// json FILE WANT demands that a JSON document has all that another one has:
// objects may have more keys, "*" stands for any value. FILE may be stdout.
func jsonHas(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: json FILE WANT")
	}
	var docs [2]any
	for i, name := range args {
		dec := json.NewDecoder(strings.NewReader(ts.ReadFile(name)))
		dec.UseNumber() // 4.00 is not 4
		if err := dec.Decode(&docs[i]); err != nil {
			ts.Fatalf("%s: %v", name, err)
		}
	}
	if problem := differs("", docs[0], docs[1]); problem != "" {
		ts.Fatalf("%s is not as %s:%s", args[0], args[1], problem)
	}
}

// differs says where got lacks something of want.
func differs(path string, got, want any) string {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("\n%s is %v, want an object", path, got)
		}
		problems := ""
		for key, w := range want {
			if v, ok := g[key]; ok {
				problems += differs(path+"."+key, v, w)
			} else {
				problems += fmt.Sprintf("\n%s.%s is missing", path, key)
			}
		}
		return problems
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			return fmt.Sprintf("\n%s is %v, want a list of %d", path, got, len(want))
		}
		problems := ""
		for i, w := range want {
			problems += differs(fmt.Sprintf("%s[%d]", path, i), g[i], w)
		}
		return problems
	}
	if want != "*" && got != want {
		return fmt.Sprintf("\n%s is %v, want %v", path, got, want)
	}
	return ""
}

// dated FILE writes dates in place of TODAY, TODAY+n and TODAY-n (n days).
func dated(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: dated FILE")
	}
	today := time.Now().UTC()
	text := regexp.MustCompile(`TODAY([+-]\d+)?`).ReplaceAllStringFunc(ts.ReadFile(args[0]), func(s string) string {
		days, _ := strconv.Atoi(strings.TrimPrefix(s, "TODAY"))
		return today.AddDate(0, 0, days).Format(time.DateOnly)
	})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// lease FILE writes the lease of a run whose process is alive: that of the test.
func lease(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lease FILE")
	}
	host, err := os.Hostname()
	ts.Check(err)
	data, err := json.Marshal(map[string]any{"holder": "20260101T000000000Z-abcdef", "host": host, "pid": os.Getpid(),
		"expires": time.Now().Add(time.Hour).UTC()})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}
