package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/viper"
)

// TestTableHelp holds that each command on tables has examples, that an example has
// flags and arguments that the command takes, and that its result comes as JSON too.
func TestTableHelp(t *testing.T) {
	table, _, err := (&app{out: io.Discard, err: io.Discard, config: viper.New()}).root().Find([]string{"table"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(table.Commands(), table) {
		t.Run(c.Name(), func(t *testing.T) {
			if c.Example == "" {
				t.Fatal("no example")
			}
			if f := c.Flags().Lookup("format"); c != table && (f == nil || !strings.Contains(f.Usage, "json")) {
				t.Error("no --format json")
			}
			for line := range strings.Lines(c.Example) {
				checkExample(t, strings.TrimSpace(line))
			}
		})
	}
}

// checkExample parses a line of an example as the shell and the command would.
func checkExample(t *testing.T, line string) {
	t.Helper()
	words := regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(line, -1)
	for i, w := range words {
		words[i] = strings.Trim(w, `"'`)
	}
	if words[0] != "dq" {
		t.Fatalf("%s: an example begins with dq", line)
	}
	root := (&app{out: io.Discard, err: io.Discard, config: viper.New()}).root()
	c, rest, err := root.Find(words[1:])
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if err := c.ParseFlags(rest); err != nil {
		t.Errorf("%s: %v", line, err)
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil || c.HasSubCommands() {
		t.Errorf("%s: %v", line, err)
	}
}
