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
)

// tableName is what layers and tables may be called: it is a folder, a part of
// a SQL name and of a file name.
var tableName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Load reads a pipeline file (its shape is in the documentation of the pipeline
// YAML) with the models and suites that belong to it. By convention
// models/<layer>/<table>.sql and suites/<layer>/<table>.yaml beside the file;
// kinds/*.yaml there are the project's own kinds. In values, ${env:NAME} stands for a
// variable of the environment and ${file:PATH} for what a file holds. Errors are
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
	f := root.Map("a pipeline", "version", "pipeline", "description", "warehouse", "layers", "policies", "waivers", "owners", "reports", "lineage", "exposures")
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
	if w := f["warehouse"]; w != nil {
		p.Warehouse = w.String()
		if _, err := location.Open(p.Warehouse, os.Getenv); err != nil {
			w.Errorf("write a folder, such as ./warehouse, or s3://bucket/prefix", "%v", err)
		}
	}
	if !location.Remote(p.Warehouse) {
		p.Warehouse, _ = filepath.Abs(relativeTo(l.dir, p.Warehouse))
	}
	p.Owners, p.Waivers = l.file(f["owners"]), l.file(f["waivers"])
	l.policies(p, f["policies"])
	for _, e := range f["reports"].Pairs("reports") {
		p.Reports = append(p.Reports, Report{
			Format: e.Key.OneOf("report format", "html", "pdf", "junit", "json", "markdown"),
			Dir:    relativeTo(l.dir, e.Value.String())})
	}
	if n := f["lineage"]; n != nil {
		if to := n.Map("lineage", "openlineage")["openlineage"]; to != nil {
			if p.OpenLineage = to.String(); !strings.HasPrefix(p.OpenLineage, "http://") && !strings.HasPrefix(p.OpenLineage, "https://") {
				p.OpenLineage = relativeTo(l.dir, p.OpenLineage)
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
		lf := e.Value.Map("a layer", "tables", "gate")
		if g := lf["gate"]; g != nil {
			g.OneOf("gate", "layer")
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
	l.exposures(p, f["exposures"])
	return p
}

// file makes the path of an existing file absolute.
func (l *loader) file(n *yamlpos.Node) string {
	if n == nil {
		return ""
	}
	path := relativeTo(l.dir, n.String())
	if !exists(path) {
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
	f := n.Map("policies", "dir", "modes")
	if f["dir"] != nil {
		p.Policies = []string{l.file(f["dir"])}
	}
	for _, m := range f["modes"].List("modes", false) {
		mf := m.Map("a mode", "policy", "table", "layer", "mode")
		mode := PolicyMode{Mode: mf["mode"].OneOf("mode", "enforce", "warn", "dry_run", "off")}
		for key, to := range map[string]*string{"policy": &mode.Policy, "table": &mode.Table, "layer": &mode.Layer} {
			if mf[key] != nil {
				*to = mf[key].String()
			}
		}
		p.Modes = append(p.Modes, mode)
	}
}

func (l *loader) table(layer string, e yamlpos.Entry) *Table {
	t := &Table{Name: layer + "." + e.Key.Text, Layer: layer, Mode: "overwrite", position: e.Key.Position()}
	if !tableName.MatchString(e.Key.Text) {
		e.Key.Errorf("small letters, digits and _ , beginning with a letter", "%q cannot name a table", e.Key.Text)
	}
	f := e.Value.Map("a table", "source", "mode", "model", "suite", "keys", "together", "track", "effective", "order", "ignore_null",
		"surrogate", "incremental", "lookups", "partition_by")
	t.positions = map[string]string{}
	for key, n := range f {
		t.positions[key] = n.Position()
	}
	if f["source"] != nil {
		t.Mode = "append"
		t.Source = l.source(f["source"])
	}
	if f["mode"] != nil {
		t.Mode = f["mode"].OneOf("mode", "append", "overwrite", "merge", "scd2")
	}
	for key, to := range map[string]*[]string{"keys": &t.Keys, "together": &t.Together, "track": &t.Track, "order": &t.Order, "partition_by": &t.PartitionBy} {
		*to = f[key].Strings(key)
	}
	for key, to := range map[string]*string{"effective": &t.Effective, "surrogate": &t.Surrogate, "incremental": &t.Incremental} {
		if f[key] != nil {
			*to = f[key].String()
		}
	}
	if f["ignore_null"] != nil {
		t.IgnoreNull = f["ignore_null"].Bool()
	}
	if f["lookups"] != nil {
		t.Lookups = map[string]Lookup{}
		for _, le := range f["lookups"].Pairs("lookups") {
			t.Lookups[le.Key.Text] = lookup(le)
		}
	}
	l.modeNeeds(t, e, f)
	if t.Source == nil {
		l.model(t, e, f["model"])
	}
	l.suite(t, e, f["suite"])
	return t
}

// lookup reads either a column, or {on: column, at: column}.
func lookup(e yamlpos.Entry) Lookup {
	if e.Value.Kind == yamlpos.Scalar {
		return Lookup{On: e.Value.String()}
	}
	f := e.Value.Map("a lookup", "on", "at")
	if f["on"] == nil {
		e.Value.Errorf("write {on: customer_id, at: ordered_at}", "the lookup does not say which column both tables share")
		return Lookup{}
	}
	look := Lookup{On: f["on"].String()}
	if f["at"] != nil {
		look.At = f["at"].String()
	}
	return look
}

// modeNeeds checks that a mode has what it needs and nothing that it ignores.
func (l *loader) modeNeeds(t *Table, e yamlpos.Entry, f map[string]*yamlpos.Node) {
	takes := map[string][]string{
		"append":    {"incremental", "lookups", "partition_by"},
		"overwrite": {"partition_by"},
		"merge":     {"keys", "together", "incremental", "lookups", "partition_by"},
		"scd2":      {"keys", "together", "track", "effective", "order", "ignore_null", "surrogate", "incremental", "partition_by"},
	}[t.Mode]
	for _, key := range []string{"keys", "together", "track", "effective", "order", "ignore_null", "surrogate", "incremental", "lookups", "partition_by"} {
		if n := f[key]; n != nil && takes != nil && !slices.Contains(takes, key) {
			n.Errorf("mode "+t.Mode+" takes "+strings.Join(takes, ", "), "mode %s does not use %s", t.Mode, key)
		}
	}
	need := func(key, example string, missing bool) {
		if missing {
			e.Key.Errorf("write "+key+": "+example, "mode %s needs %s", t.Mode, key)
		}
	}
	switch t.Mode {
	case "merge":
		need("keys", "[id]", len(t.Keys) == 0)
	case "scd2":
		need("keys", "[id]", len(t.Keys) == 0)
		need("track", "[attribute]", len(t.Track) == 0)
		need("effective", "changed_at", t.Effective == "")
	case "append":
		if t.Source == nil {
			need("incremental", "bronze.orders", t.Incremental == "")
		}
	}
	if len(t.Lookups) > 0 && t.Incremental == "" {
		f["lookups"].Errorf("write incremental: silver.orders", "lookups bring back rows of the incremental table, and there is none")
	}
	if len(t.Together) > 0 && t.Incremental == "" {
		f["together"].Errorf("write incremental: bronze.orders, or leave together out", "without incremental all rows are made from all of the upstream tables anyway")
	}
	for _, c := range f["together"].List("together", true) {
		if t.Mode == "merge" && !slices.Contains(t.Keys, c.Text) {
			c.Errorf("together takes some of the keys: "+strings.Join(t.Keys, ", "), "%q is none of the keys", c.Text)
		}
	}
	if t.Source != nil {
		for _, key := range []string{"model", "incremental", "keys", "track"} {
			if f[key] != nil {
				f[key].Errorf("", "a table with a source has no %s: land the files, and shape them in the next layer", key)
			}
		}
		if t.Source.ByFile && t.Mode == "overwrite" {
			f["source"].Get("batch").Errorf("write batch: all", "a table that is overwritten holds what all files say: they are one batch")
		}
		if t.Mode != "append" && t.Mode != "overwrite" && t.Mode != "" {
			f["mode"].Errorf("write mode: append", "a source can be appended or overwritten")
		}
	}
}

func (l *loader) source(n *yamlpos.Node) *Source {
	f := n.Map("a source", "files", "format", "delimiter", "quote", "all_text", "batch", "on_rewrite", "min_rows")
	s := &Source{MinRows: 1}
	if f["files"] == nil {
		n.Errorf("write files: data/*.csv", "the source does not say which files")
	} else {
		s.Glob = relativeTo(l.dir, f["files"].String())
	}
	if f["format"] != nil {
		s.Format = f["format"].OneOf("format of sources", "csv", "tsv")
	}
	for key, to := range map[string]*string{"delimiter": &s.Delimiter, "quote": &s.Quote} {
		if f[key] != nil {
			*to = f[key].String()
		}
	}
	if a := f["all_text"]; a != nil && !a.Bool() {
		a.Errorf("leave it out, and give columns their types in the next layer", "files are landed as text")
	}
	if b := f["batch"]; b != nil {
		s.ByFile = b.OneOf("batch", "all", "file") == "file"
	}
	if o := f["on_rewrite"]; o != nil {
		s.Replace = o.OneOf("on_rewrite", "fail", "replace") == "replace"
	}
	if m := f["min_rows"]; m != nil {
		s.MinRows = m.Int()
	}
	return s
}

func (l *loader) model(t *Table, e yamlpos.Entry, n *yamlpos.Node) {
	t.Model = filepath.Join(l.dir, "models", t.Layer, e.Key.Text+".sql")
	if n != nil {
		t.Model = relativeTo(l.dir, n.String())
	} else {
		n = e.Key
	}
	data, err := os.ReadFile(t.Model)
	if err != nil {
		n.Errorf("write its SELECT there, or name the file with model:", "%s has no source and no model: there is no file %s%s", t.Name, t.Model, nearFile(t.Model))
		return
	}
	t.SQL = string(data)
}

func (l *loader) suite(t *Table, e yamlpos.Entry, n *yamlpos.Node) {
	file := filepath.Join(l.dir, "suites", t.Layer, e.Key.Text+".yaml")
	switch {
	case n != nil && n.Text == "none":
		t.Suite = &expectations.Suite{File: "none", Table: t.Name}
		return
	case n != nil:
		file = relativeTo(l.dir, n.String())
	default:
		n = e.Key
	}
	if !exists(file) {
		n.Errorf("write one, or suite: none", "%s has no suite: there is no file %s%s", t.Name, file, nearFile(file))
		return
	}
	suite, err := expectations.Load(file, expectations.Options{Kinds: l.kinds})
	var wrong yamlpos.Errors
	switch {
	case errors.As(err, &wrong):
		l.errors = append(l.errors, wrong...)
	case err != nil:
		n.Errorf("", "%v", err)
	default:
		t.Suite = suite
		if suite.Table != "" && suite.Table != t.Name {
			n.Errorf("write table: "+t.Name+" there", "the suite %s is for table %s", file, suite.Table)
		}
	}
}

// references checks that named upstream tables exist and are read.
func (l *loader) references(t *Table, names map[string]bool, n *yamlpos.Node) {
	var all []string
	for name := range names {
		all = append(all, name)
	}
	check := func(key string, at *yamlpos.Node, name string, mustRead bool) {
		switch {
		case t.SQL == "":
			// There is no model; that is on the list already.
		case !names[name]:
			at.Errorf(yamlpos.DidYouMean(name, all), "%s: there is no table %q", key, name)
		case mustRead && len(mentions(t.SQL, map[string]bool{name: true})) == 0:
			at.Errorf("write FROM "+name+" in "+t.Model, "%s: the model does not read %s", key, name)
		}
	}
	if t.Incremental != "" {
		check("incremental", n.Get("incremental"), t.Incremental, true)
	}
	for _, e := range n.Get("lookups").Pairs("lookups") {
		check("lookups", e.Key, e.Key.Text, true)
	}
}
