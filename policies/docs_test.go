package policies

import (
	"os"
	"path/filepath"
	"testing"
)

//go:generate go test . -run TestDocs -update

// The pages in docs/policies are those of the bundled policies; -update writes them.
func TestDocs(t *testing.T) {
	const dir = "../docs/policies"
	b := bundled(t)
	want := map[string]string{
		"README.md":          Index(b.Policies()),
		"config.schema.json": string(ConfigSchema(b.Policies())),
	}
	for _, p := range b.Policies() {
		want[p.ID+".md"] = p.Page()
		if p.Why == "" || p.Avoid == "" || p.Prefer == "" || p.Configuration == "" {
			t.Errorf("%s: its METADATA lacks why, avoid, prefer or configuration", p.ID)
		}
	}
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != text {
			t.Errorf("docs/policies/%s is not up to date: run go generate ./policies", name)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil || len(pages) != len(b.Policies())+1 {
		t.Errorf("%d pages for %d policies and an index: run go generate ./policies (%v)", len(pages), len(b.Policies()), err)
	}
}
