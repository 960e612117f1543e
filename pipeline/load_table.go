package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/internal/yamlpos"
)

func (l *loader) table(layer string, e yamlpos.Entry) *Table {
	t := &Table{Name: layer + "." + e.Key.Text, Layer: layer, Mode: "overwrite", node: e.Key}
	if !tableName.MatchString(e.Key.Text) {
		e.Key.Errorf("small letters, digits and _ , beginning with a letter", "%q cannot name a table", e.Key.Text)
	}
	f := section("table").read(e.Value)
	t.options = f
	if f["source"] != nil {
		t.Mode = "append"
		t.Source = l.source(f["source"])
	}
	if f["mode"] != nil {
		t.Mode = section("table").choice(f, "mode", "mode")
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
	if f["on_absent"] != nil {
		t.CloseAbsent = section("table").choice(f, "on_absent", "on_absent") == "close"
	}
	if f["lookups"] != nil {
		t.Lookups = map[string]Lookup{}
		for _, le := range f["lookups"].Pairs("lookups") {
			t.Lookups[le.Key.Text] = lookup(le)
		}
	}
	l.modeNeeds(t, e, f)
	t.distinct(f)
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
	f := section("lookup").read(e.Value)
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
	for _, k := range section("table").Keys {
		if n := f[k.Name]; n != nil && t.Mode != "" && len(k.Modes) > 0 && !slices.Contains(k.Modes, t.Mode) {
			n.Errorf("mode "+t.Mode+" takes "+strings.Join(section("table").takes(t.Mode), ", "), "mode %s does not use %s", t.Mode, k.Name)
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
	if t.CloseAbsent && t.Incremental != "" {
		f["on_absent"].Errorf("leave incremental out, and let the model return every snapshot that there was; or on_absent: keep",
			"incremental brings the rows of %s that came, which are no full snapshot: what is absent from them is not gone", t.Incremental)
	}
	if len(t.Lookups) > 0 && t.Incremental == "" {
		f["lookups"].Errorf("write incremental: silver.orders", "lookups bring back rows of the incremental table, and there is none")
	}
	if len(t.Together) > 0 && t.Incremental == "" {
		f["together"].Errorf("write incremental: bronze.orders, or leave together out", "without incremental all rows are made from all of the upstream tables anyway")
	}
	for _, c := range f["together"].List("together", true) {
		if t.Mode == "merge" && len(t.Keys) > 0 && !slices.Contains(t.Keys, c.Text) {
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

// distinct notes columns that an option names twice, and in scd2 those that two
// columns of the table would share. Names are compared without case, as engines do.
func (t *Table) distinct(f map[string]*yamlpos.Node) {
	type use struct{ option, column string }
	repeated := map[*yamlpos.Node]bool{}
	for _, option := range []string{"keys", "together", "track", "order", "partition_by"} {
		seen := map[string]bool{}
		for _, n := range f[option].List(option, true) {
			name := strings.ToLower(n.Text)
			if seen[name] {
				repeated[n] = true
				n.Errorf("name it once", "%s: the column %q is named twice", option, n.Text)
			}
			seen[name] = true
		}
	}
	if t.Mode != "scd2" {
		return
	}
	uses := map[string]use{}
	for _, name := range []string{validFrom, validTo, isCurrent} {
		uses[name] = use{"", name}
	}
	for _, option := range []string{"keys", "track", "surrogate"} {
		for _, n := range f[option].List(option, true) {
			first, taken := uses[strings.ToLower(n.Text)]
			switch {
			case repeated[n]:
			case taken && first.option == "":
				n.Errorf("give it another name, in the model too", "%s: a history has a column %s of its own", option, first.column)
			case taken && option == "surrogate":
				n.Errorf("give the surrogate key a name of its own, such as "+n.Text+"_sk", "surrogate: the column %q is one of %s", n.Text, first.option)
			case taken:
				n.Errorf("leave it out here: a key does not change", "%s: the column %q is one of %s", option, n.Text, first.option)
			default:
				uses[strings.ToLower(n.Text)] = use{option, n.Text}
			}
		}
	}
}

func (l *loader) source(n *yamlpos.Node) *Source {
	f := section("source").read(n)
	s := &Source{MinRows: 1}
	if f["files"] == nil {
		n.Errorf("write files: data/*.csv", "the source does not say which files")
	} else {
		s.Glob = relativeTo(l.dir, place(f["files"], "write files: data/*.csv"))
	}
	if f["format"] != nil {
		s.Format = section("source").choice(f, "format", "format of sources")
	}
	for key, to := range map[string]*string{"delimiter": &s.Delimiter, "quote": &s.Quote} {
		if f[key] != nil {
			*to = f[key].String()
		}
	}
	if a := f["all_text"]; a != nil && !a.Bool() {
		a.Errorf("leave it out, and give columns their types in the next layer", "files are landed as text")
	}
	if f["batch"] != nil {
		s.ByFile = section("source").choice(f, "batch", "batch") == "file"
	}
	if f["on_rewrite"] != nil {
		s.Replace = section("source").choice(f, "on_rewrite", "on_rewrite") == "replace"
	}
	if m := f["min_rows"]; m != nil {
		s.MinRows = m.Int()
	}
	return s
}

func (l *loader) model(t *Table, e yamlpos.Entry, n *yamlpos.Node) {
	t.Model = filepath.Join(l.dir, "models", t.Layer, e.Key.Text+".sql")
	if n != nil {
		if t.Model = relativeTo(l.dir, place(n, "write a file, such as models/silver/orders.sql")); t.Model == "" {
			return
		}
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
		if file = relativeTo(l.dir, place(n, "write a file, such as suites/silver/orders.yaml, or none")); file == "" {
			return
		}
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
