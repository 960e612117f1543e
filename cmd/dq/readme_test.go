package main

import (
	"os"
	"regexp"
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
