package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/policies"
)

// tableName is what layers and tables may be called: it is a folder, a part of
// a SQL name and of a file name.
var tableName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Load reads a pipeline file (its shape is in the documentation of the pipeline
// YAML) with the models and suites that belong to it. By convention
// models/<layer>/<table>.sql and suites/<layer>/<table>.yaml beside the file;
// kinds/*.yaml there are the project's own kinds. In values, ${env:NAME} stands for a
// variable of the environment and ${file:PATH} for what a file holds; an empty one is an
// error, since a path with nothing in it is another folder. Errors are
// [yamlpos.Errors]: everything that is wrong, with its place.
func Load(file string) (*Pipeline, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: there is no such pipeline file%s", file, nearFile(file))
		}
		return nil, err
	}
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		return nil, err
	}
	kinds, err := expectations.ProjectKinds(filepath.Dir(file), "")
	if err != nil {
		return nil, err
	}
	l := &loader{doc: doc, dir: filepath.Dir(file), kinds: kinds}
	hide := l.refer()
	if doc.Err() != nil {
		return nil, doc.Err()
	}
	p := l.pipeline(file)
	packs, err := expectations.Packs(filepath.Dir(file), "")
	if err != nil {
		return nil, err
	}
	for _, pack := range packs {
		dir := filepath.Join(pack, "policies")
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			p.Policies = append(p.Policies, dir)
		}
	}
	if len(l.errors) > 0 || doc.Err() != nil {
		return nil, hide(append(l.errors, doc.Errors()...).Sort())
	}
	if err := p.arrange(); err != nil {
		return nil, err
	}
	return p, nil
}

// nearFile suggests a pipeline file beside the one that is missing.
func nearFile(file string) string {
	entries, _ := os.ReadDir(filepath.Dir(file))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := yamlpos.Nearest(filepath.Base(file), names); near != "" {
		return "; did you mean " + filepath.Join(filepath.Dir(file), near) + "?"
	}
	return ""
}

type loader struct {
	doc    *yamlpos.Document
	dir    string
	kinds  []expectations.KindFolder
	errors yamlpos.Errors // of suites
}

func (l *loader) pipeline(file string) *Pipeline {
	root := l.doc.Root
	f := section("pipeline").read(root)
	if v := f["version"]; v == nil {
		root.Errorf("write version: 1", "the version is missing")
	} else if v.Int() != 1 {
		v.Errorf("write version: 1", "version %s is not known", v.Text)
	}
	p := &Pipeline{File: file, Name: f["pipeline"].String(), Warehouse: "warehouse"}
	if f["pipeline"] == nil {
		root.Errorf("write pipeline: retail", "the pipeline's name is missing")
	} else if !tableName.MatchString(p.Name) {
		f["pipeline"].Errorf("small letters, digits and _ , beginning with a letter", "%q cannot name a pipeline", p.Name)
	}
	if f["description"] != nil {
		_ = f["description"].String() // for people alone
	}
	if w := f["warehouse"]; w != nil {
		p.Warehouse = place(w, "write a folder, such as ./warehouse, or s3://bucket/prefix")
		if _, err := location.Open(p.Warehouse, os.Getenv); err != nil {
			w.Errorf("write a folder, such as ./warehouse, or s3://bucket/prefix", "%v", err)
		}
	}
	if !location.Remote(p.Warehouse) {
		p.Warehouse, _ = filepath.Abs(relativeTo(l.dir, p.Warehouse))
	}
	p.Owners = l.file(f["owners"])
	if n := f["waivers"]; n != nil { // dq waiver add makes the file: one that is not there holds none
		p.Waivers = relativeTo(l.dir, place(n, ""))
	}
	l.policies(p, f["policies"])
	for _, e := range f["reports"].Pairs("reports") {
		p.Reports = append(p.Reports, Report{
			Format: e.Key.OneOf("report format", section("pipeline").key("reports").Choices...),
			Dir:    relativeTo(l.dir, place(e.Value, "write a folder, such as reports/"))})
	}
	if n := f["lineage"]; n != nil {
		f := section("lineage").read(n)
		if f["events"] != nil {
			l.events(p, f["events"])
		}
		if to := f["openlineage"]; to != nil {
			if p.OpenLineage = place(to, "write a file, such as lineage.ndjson, a URL, or console"); p.OpenLineage != "console" && !strings.HasPrefix(p.OpenLineage, "http://") && !strings.HasPrefix(p.OpenLineage, "https://") {
				p.OpenLineage = relativeTo(l.dir, p.OpenLineage)
			}
		}
		if strict := f["strict"]; strict != nil {
			if p.Strict = strict.Bool(); p.Strict && p.OpenLineage == "" {
				strict.Errorf("write lineage: {openlineage: …, strict: true}", "strict: no events are delivered, since openlineage is missing")
			}
		}
	}
	if f["layers"] == nil {
		root.Errorf("write layers: {bronze: {tables: …}}", "there are no layers")
	}
	for _, e := range f["layers"].Pairs("layers") {
		layer := &Layer{Name: e.Key.Text}
		if !tableName.MatchString(layer.Name) || layer.Name == "quarantine" {
			e.Key.Errorf("small letters, digits and _ , beginning with a letter; not quarantine", "%q cannot name a layer", layer.Name)
		}
		lf := section("layer").read(e.Value)
		if lf["gate"] != nil {
			section("layer").choice(lf, "gate", "gate")
		}
		for _, te := range lf["tables"].Pairs("tables") {
			layer.Tables = append(layer.Tables, l.table(layer.Name, te))
		}
		p.Layers = append(p.Layers, layer)
	}
	names := p.names()
	for _, layer := range p.Layers {
		for _, t := range layer.Tables {
			l.references(t, names, f["layers"].Get(layer.Name).Get("tables").Get(strings.TrimPrefix(t.Name, layer.Name+".")))
		}
	}
	l.histories(p, f["layers"])
	l.exposures(p, f["exposures"])
	for _, m := range p.Modes {
		if !slices.ContainsFunc(p.Layers, func(layer *Layer) bool { return m.Layer == "" || layer.Name == m.Layer }) {
			m.Node.Get("layer").Errorf(yamlpos.DidYouMean(m.Layer, p.layers()), "modes: there is no layer %q", m.Layer)
		}
	}
	return p
}

// place reads a path or URL. With nothing in it, it would be the folder that it is
// relative to, which nobody means.
func place(n *yamlpos.Node, hint string) string {
	if n.Kind == yamlpos.Scalar && !n.Null && strings.TrimSpace(n.Text) == "" {
		n.Errorf(hint, "there is nothing in this text")
		return ""
	}
	return n.String()
}

// file makes the path of an existing file absolute.
func (l *loader) file(n *yamlpos.Node) string {
	if n == nil {
		return ""
	}
	path := relativeTo(l.dir, place(n, ""))
	if path != "" && !exists(path) {
		n.Errorf("", "there is no file %s%s", path, nearFile(path))
	}
	return path
}

// policies reads either a folder, or {dir: …, modes: [{policy, table, layer, mode}]}.
func (l *loader) policies(p *Pipeline, n *yamlpos.Node) {
	if n == nil {
		return
	}
	if n.Kind == yamlpos.Scalar {
		p.Policies = []string{l.file(n)}
		return
	}
	f := section("policies").read(n)
	if f["dir"] != nil {
		p.Policies = []string{l.file(f["dir"])}
	}
	for _, m := range f["modes"].List("modes", false) {
		mf := section("mode").read(m)
		mode := policies.Mode{Node: m, Mode: section("mode").choice(mf, "mode", "mode")}
		for key, to := range map[string]*string{"policy": &mode.Policy, "table": &mode.Table, "layer": &mode.Layer} {
			if mf[key] != nil {
				*to = mf[key].String()
			}
		}
		p.Modes = append(p.Modes, mode)
	}
}

// histories refuses a history of a table that has one row for each of its keys: what
// that table replaces is gone, and so it would be from the history.
func (l *loader) histories(p *Pipeline, layers *yamlpos.Node) {
	tables := map[string]*Table{}
	for _, layer := range p.Layers {
		for _, t := range layer.Tables {
			tables[t.Name] = t
		}
	}
	for _, layer := range p.Layers {
		for _, t := range layer.Tables {
			from := tables[t.Incremental]
			if t.Mode != "scd2" || from == nil || from.Mode != "merge" || len(from.Keys) == 0 ||
				slices.ContainsFunc(from.Keys, func(key string) bool { return !slices.Contains(t.Keys, key) }) {
				continue
			}
			hint := "take a table that keeps all observations"
			if from.Incremental != "" {
				hint = "write incremental: " + from.Incremental + ", if it keeps all observations"
			}
			layers.Get(layer.Name).Get("tables").Get(strings.TrimPrefix(t.Name, layer.Name+".")).Get("incremental").Errorf(hint,
				"%s has one row for each %s: an observation that it replaces would be gone from the history", t.Incremental, strings.Join(from.Keys, ", "))
		}
	}
}

// references checks that named upstream tables exist; [run.bindModel] that they are read.
func (l *loader) references(t *Table, names map[string]bool, n *yamlpos.Node) {
	var all []string
	for name := range names {
		all = append(all, name)
	}
	check := func(key string, at *yamlpos.Node, name string) {
		switch {
		case t.SQL == "":
			// There is no model; that is on the list already.
		case !names[name]:
			at.Errorf(yamlpos.DidYouMean(name, all), "%s: there is no table %q", key, name)
		}
	}
	if t.Incremental != "" {
		check("incremental", n.Get("incremental"), t.Incremental)
	}
	for _, e := range n.Get("lookups").Pairs("lookups") {
		check("lookups", e.Key, e.Key.Text)
	}
}
