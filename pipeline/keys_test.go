package pipeline

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dq-dev/dq/internal/yamlpos"
)

//go:generate go test . -run TestFilePage -update

var update = flag.Bool("update", false, "write the reference of the pipeline file")

// TestFilePage: what docs/reference says of the pipeline file is what it knows.
func TestFilePage(t *testing.T) {
	for name, want := range map[string]string{"pipeline.md": FilePage(), "pipeline.schema.json": string(FileSchema())} {
		file := filepath.Join("..", "docs", "reference", name)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("docs/reference/%s is not up to date: run go generate ./pipeline", name)
		}
	}
}

// around is where a section stands in a pipeline file.
var around = map[string]string{
	"pipeline": "%s",
	"layer":    "layers: {bronze: {%s}}",
	"table":    "layers: {bronze: {tables: {orders: {%s}}}}",
	"source":   "layers: {bronze: {tables: {orders: {source: {%s}}}}}",
	"lookup":   "layers: {bronze: {tables: {orders: {lookups: {silver.a: {%s}}}}}}",
	"policies": "policies: {%s}",
	"mode":     "policies: {modes: [{%s}]}",
	"lineage":  "lineage: {%s}",
	"exposure": "exposures: {board: {%s}}",
}

// loaded are the mistakes that are found in a pipeline file, and what its schema says.
func loaded(t *testing.T, schema *jsonschema.Schema, text string) (yamlpos.Errors, error) {
	t.Helper()
	doc, err := yamlpos.Parse("pipeline.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	l := &loader{doc: doc, dir: t.TempDir()}
	l.pipeline("pipeline.yaml")
	return doc.Errors(), schema.Validate(plain(doc.Root))
}

// plain is a node as an editor's YAML reader gives it.
func plain(n *yamlpos.Node) any {
	switch n.Kind {
	case yamlpos.Mapping:
		m := map[string]any{}
		for _, e := range n.Entries {
			m[e.Key.Text] = plain(e.Value)
		}
		return m
	case yamlpos.Sequence:
		list := []any{}
		for _, i := range n.Items {
			list = append(list, plain(i))
		}
		return list
	}
	if b, ok := n.IsBool(); ok {
		return b
	}
	if f, err := strconv.ParseFloat(n.Text, 64); err == nil && n.Style == yamlpos.Plain {
		return f
	}
	return n.Text
}

// shape is what messages about keys and types of values have in common.
var shape = regexp.MustCompile(`^expected |must be (a mapping|a list|true or false)|has no "|" is no `)

// TestKeys: each key that the page and the schema name is read by the loader, which
// takes its example and refuses what its type is not; so does the schema.
func TestKeys(t *testing.T) {
	var doc any
	if err := json.NewDecoder(bytes.NewReader(FileSchema())).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("pipeline.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("pipeline.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Sections {
		with := func(key, value string) string {
			var keys []string
			for _, k := range s.Keys {
				if k.Required && k.Name != key {
					keys = append(keys, k.Name+": "+k.Example)
				}
			}
			keys = append(keys, key+": "+value)
			text := fmt.Sprintf(around[s.Name], strings.Join(keys, ", "))
			if s.Name == "pipeline" {
				text = strings.Join(keys, "\n")
			}
			for _, k := range Sections[0].Keys {
				if k.Required && s.Name != "pipeline" && !strings.HasPrefix(text, k.Name+":") {
					text += "\n" + k.Name + ": " + k.Example
				}
			}
			return text
		}
		about := func(errs yamlpos.Errors, key string) string {
			var said []string
			for _, e := range errs {
				if line := e.Source; e.Col > strings.Index(line, key+": ") && strings.Contains(line, key+": ") {
					said = append(said, e.Message)
				}
			}
			return strings.Join(said, "; ")
		}
		if errs, invalid := loaded(t, schema, with("zzz", "1")); !strings.Contains(errs.Error(), `has no "zzz"`) || invalid == nil {
			t.Errorf("%s: a key zzz passes: %v, %v", s.What, errs, invalid)
		}
		for _, k := range s.Keys {
			text := with(k.Name, k.Example)
			errs, invalid := loaded(t, schema, text)
			if invalid != nil {
				t.Errorf("%s: the schema refuses the example of %s: %v", s.What, k.Name, invalid)
			}
			for _, e := range errs {
				if shape.MatchString(e.Message) {
					t.Errorf("%s: the example of %s: %v", s.What, k.Name, e)
				}
			}
			// No key takes a list of lists.
			text = with(k.Name, "[[x]]")
			if errs, invalid = loaded(t, schema, text); about(errs, k.Name) == "" || invalid == nil {
				t.Errorf("%s: %s: [[x]] passes: %v, %v", s.What, k.Name, errs, invalid)
			}
		}
	}
	for _, pattern := range []string{"../examples/*/pipeline.yaml", "../examples/*/*/pipeline.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := yamlpos.Parse(file, data)
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(plain(doc.Root)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
