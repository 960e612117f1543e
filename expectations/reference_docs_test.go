package expectations

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

//go:generate go test . -run TestReferenceDocs -update

// TestReferenceDocs: the pages and schemas in docs/reference are those of the
// catalogue; -update writes them.
func TestReferenceDocs(t *testing.T) {
	const dir = "../docs/reference"
	want := map[string][]byte{
		"suite.schema.json": SuiteSchema(Kinds()),
		"kind.schema.json":  KindSchema(),
		"kinds/README.md":   []byte(Index(Kinds())),
		"functions.md":      []byte(FunctionsPage()),
	}
	for _, k := range Kinds() {
		want["kinds/"+k.Name+".md"] = []byte(k.Page())
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.RemoveAll(filepath.Join(dir, "kinds")); err != nil {
			t.Fatal(err)
		}
		for name, data := range want {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, data := range want {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("docs/reference/%s is not up to date: run go generate ./expectations", name)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "kinds", "*.md"))
	if err != nil || len(pages) != len(Kinds())+1 {
		t.Errorf("%d pages for %d kinds and an index: run go generate ./expectations (%v)", len(pages), len(Kinds()), err)
	}
}
