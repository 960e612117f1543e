package policies

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// Config adjusts policies to a project: the file config.yaml of a folder of
// policies, over what holds without one. Policies see it as data.dq.config.
//
//	use: [breaking, destructive, DQ-O001]   # ids or categories; without it, all
//	except: [DQ-S011]
//	modes:
//	  - {policy: DQ-S002, layer: bronze, mode: off}
//	  - {table: silver.scratch_*, mode: dry_run}
//	thresholds: {deprecation_days: 60}
//	freeze:
//	  - {from: 2026-12-18, to: 2027-01-03, table: gold.*, reason: The books are closed.}
//	privacy_group: privacy
//	groups: {privacy: [lea, max]}
//	classifications: [public, internal, confidential, restricted]   # the lowest first
//	reserved_words: [select, from]
//	readers:
//	  board@2: {reader: 1, features: []}
//
// Of several folders the lists of modes and freeze windows follow each other;
// of all else the last that says it holds.
type Config struct {
	Use    []string `json:"use,omitempty"`    // ids or categories; empty is all
	Except []string `json:"except,omitempty"` // of those
	// Modes: the last entry that matches a policy and a table holds; enforce when none does.
	Modes      []Mode         `json:"modes"`
	Thresholds map[string]int `json:"thresholds" keys:"thresholds"`
	Freeze     []Freeze       `json:"freeze"`
	// PrivacyGroup consents to changes and waivers of privacy; Groups says who is in it.
	PrivacyGroup    string              `json:"privacy_group"`
	Groups          map[string][]string `json:"groups"`
	Classifications []string            `json:"classifications"` // the lowest first
	ReservedWords   []string            `json:"reserved_words"`
	Readers         map[string]Protocol `json:"readers"` // what programs that read tables understand
}

// Mode says how findings are treated. Fields that are empty match everything.
type Mode struct {
	Policy string `json:"policy,omitempty"` // id, or category
	Table  string `json:"table,omitempty"`  // glob: * within a part of the name, ** across dots
	Layer  string `json:"layer,omitempty" usual:"bronze,silver,gold"`
	Env    string `json:"env,omitempty" enum:"dev,test,prod"`
	Mode   string `json:"mode" enum:"enforce,warn,dry_run,off"` // enforce, warn, dry_run or off

	Node *yamlpos.Node `json:"-"` // the mapping that says so, for errors; may be nil
}

// Freeze is a time, both days included (UTC), in which tables keep their shape.
// Fields that are empty match everything.
type Freeze struct {
	From   string `json:"from"` // 2006-01-02
	To     string `json:"to"`
	Table  string `json:"table,omitempty"` // glob
	Layer  string `json:"layer,omitempty" usual:"bronze,silver,gold"`
	Env    string `json:"env,omitempty" enum:"dev,test,prod"`
	Reason string `json:"reason"`
}

// Threshold is a number that policies go by.
type Threshold struct {
	Name    string
	Default int
	Means   string
}

// Thresholds are those that config.yaml may set.
var Thresholds = []Threshold{
	{"breaking_changes", 3, "DQ-S012: so many breaking changes of a table are borne in breaking_days days"},
	{"breaking_days", 30, "DQ-S012: the days in which breaking changes are counted"},
	{"deprecation_days", 30, "DQ-S002: for so many days a column is deprecated before it is dropped"},
	{"file_retention_days", 7, "DQ-T002: for so many days files that a table no longer needs are kept at least"},
	{"suspect_percent", 50, "DQ-P004: when so many percent of a column's values look personal, they count as such"},
	{"waived_findings", 10, "DQ-W001: a waiver without paths that lets more findings of one change through is too wide"},
}

// What SQL reserves, so that a column of that name must be quoted in every query.
var reservedWords = strings.Fields(`all analyse analyze and any array as asc asymmetric both case cast check collate
column constraint create default deferrable desc describe distinct do else end except false fetch for foreign from
grant group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot
pivot_longer pivot_wider placing primary qualify references returning select show some summarize symmetric table then
to trailing true union unique unpivot user using variadic when where window with`)

// What versions of Delta Lake read, from its table of features.
func deltaReaders() map[string]Protocol {
	features := []string{"columnMapping", "deletionVectors", "timestampNtz"}
	readers := map[string]Protocol{"delta@2.4": {Reader: 3, Features: slices.Clone(features)}}
	for _, v := range []struct{ version, more string }{
		{"3.0", "v2Checkpoint"}, {"3.2", "vacuumProtocolCheck typeWidening-preview"}, {"4.0", "typeWidening variantType-preview variantType"},
	} {
		features = append(features, strings.Fields(v.more)...)
		readers["delta@"+v.version] = Protocol{Reader: 3, Features: slices.Clone(features)}
	}
	return readers
}

func defaultConfig() *Config {
	c := &Config{Modes: []Mode{}, Thresholds: map[string]int{}, Freeze: []Freeze{}, PrivacyGroup: "privacy", Groups: map[string][]string{},
		Classifications: []string{"public", "internal", "confidential", "restricted"}, ReservedWords: reservedWords, Readers: deltaReaders()}
	for _, t := range Thresholds {
		c.Thresholds[t.Name] = t.Default
	}
	return c
}

// ConfigFile is the name of the file that adjusts policies, in a folder of them.
const ConfigFile = "config.yaml"

// readConfig reads the folders' files, those that there are, and adds modes.
func readConfig(dirs []string, modes []Mode, catalog map[string]Policy) (*Config, error) {
	c := defaultConfig()
	r := configReader{config: c}
	for _, p := range catalog {
		r.ids = append(r.ids, p.ID)
		if p.Category != "" && !slices.Contains(r.categories, p.Category) {
			r.categories = append(r.categories, p.Category)
		}
	}
	slices.Sort(r.ids)
	slices.Sort(r.categories)
	var problems yamlpos.Errors
	for _, dir := range dirs {
		file := filepath.Join(dir, ConfigFile)
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("policies: %w", err)
		}
		if err := r.read(file, data); err != nil {
			var more yamlpos.Errors
			if !errors.As(err, &more) {
				return nil, err
			}
			problems = append(problems, more...)
		}
	}
	if len(problems) > 0 {
		return nil, problems.Sort()
	}
	for i, m := range modes {
		key, problem, hint := r.badMode(m)
		if problem == "" {
			continue
		}
		if at := m.Node.Get(key); at != nil {
			problems = append(problems, at.Error(hint, "%s", problem))
			continue
		}
		if hint != "" {
			problem += "; " + hint
		}
		return nil, fmt.Errorf("policies: mode %d: %s", i+1, problem)
	}
	if len(problems) > 0 {
		return nil, problems.Sort()
	}
	c.Modes = append(c.Modes, modes...)
	return c, nil
}

// Asked lists the policies that are used, and that modes do not switch off for every table.
func (b *Bundle) Asked() []Policy {
	c := b.settings
	return slices.DeleteFunc(b.Policies(), func(p Policy) bool {
		named := func(name string) bool { return name == p.ID || name == p.Category }
		if len(c.Use) > 0 && !slices.ContainsFunc(c.Use, named) || slices.ContainsFunc(c.Except, named) {
			return true
		}
		off := false
		for _, m := range c.Modes {
			if m.Policy != "" && !named(m.Policy) {
				continue
			}
			if everywhere := (m.Table == "" || m.Table == "**") && m.Layer == "" && m.Env == ""; everywhere || m.Mode != "off" {
				off = m.Mode == "off"
			}
		}
		return off
	})
}

// StrayLayers are the layers that modes and freeze windows name and that are not among
// these: what is said of them holds for no table.
func (b *Bundle) StrayLayers(layers []string) []string {
	var out []string
	note := func(layer string) {
		if layer != "" && !slices.Contains(layers, layer) && !slices.Contains(out, layer) {
			out = append(out, layer)
		}
	}
	for _, m := range b.settings.Modes {
		note(m.Layer)
	}
	for _, z := range b.settings.Freeze {
		note(z.Layer)
	}
	return out
}

// badMode says which key of a mode that comes from elsewhere is wrong, and why.
func (r *configReader) badMode(m Mode) (key, problem, hint string) {
	if !slices.Contains(modeNames, m.Mode) {
		return "mode", fmt.Sprintf("%q is none", m.Mode), "the modes are " + strings.Join(modeNames, ", ")
	}
	if names := slices.Concat(r.ids, r.categories); m.Policy != "" && !slices.Contains(names, m.Policy) {
		return "policy", "there is no policy " + m.Policy, yamlpos.DidYouMean(m.Policy, names)
	}
	if m.Table != "" {
		if problem := badGlob(m.Table); problem != "" {
			return "table", fmt.Sprintf("table %q %s", m.Table, problem), ""
		}
	}
	return "", "", ""
}

// Environments are those in which a change may be made.
var Environments = []string{"dev", "test", "prod"}

var modeNames = []string{"enforce", "warn", "dry_run", "off"}

type configReader struct {
	config          *Config
	ids, categories []string
}

func (r *configReader) read(file string, data []byte) error {
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		return err
	}
	c := r.config
	f := doc.Root.Map("a configuration of policies", "use", "except", "modes", "thresholds", "freeze", "privacy_group", "groups",
		"classifications", "reserved_words", "readers")
	if f["use"] != nil {
		c.Use = r.policies(f["use"], "use")
	}
	if f["except"] != nil {
		c.Except = r.policies(f["except"], "except")
	}
	for _, n := range f["modes"].List("modes", false) {
		c.Modes = append(c.Modes, r.mode(n))
	}
	names := make([]string, len(Thresholds))
	for i, t := range Thresholds {
		names[i] = t.Name
	}
	for name, n := range f["thresholds"].Map("thresholds", names...) {
		v := n.Int()
		if v < 0 || v > 36500 {
			n.Errorf("write 0 or more", "%s cannot be %d", name, v)
		}
		c.Thresholds[name] = int(v)
	}
	for _, n := range f["freeze"].List("freeze", false) {
		c.Freeze = append(c.Freeze, freeze(n))
	}
	if n := f["privacy_group"]; n != nil {
		c.PrivacyGroup = n.String()
	}
	for _, e := range f["groups"].Pairs("groups") {
		c.Groups[e.Key.Text] = list(e.Value, "a group")
	}
	if n := f["classifications"]; n != nil {
		c.Classifications = list(n, "classifications")
	}
	if n := f["reserved_words"]; n != nil {
		c.ReservedWords = list(n, "reserved_words")
		for i, w := range c.ReservedWords {
			c.ReservedWords[i] = strings.ToLower(w)
		}
	}
	for _, e := range f["readers"].Pairs("readers") {
		rf := e.Value.Map("a reader", "reader", "features")
		p := Protocol{Reader: 1, Features: list(rf["features"], "features")}
		if rf["reader"] != nil {
			p.Reader = int(rf["reader"].Int())
		}
		c.Readers[e.Key.Text] = p
	}
	return doc.Err()
}

// policies reads ids and categories.
func (r *configReader) policies(n *yamlpos.Node, what string) []string {
	for _, item := range n.List(what, true) {
		r.policy(item)
	}
	return list(n, what)
}

func (r *configReader) policy(n *yamlpos.Node) string {
	name := n.String()
	known := slices.Concat(r.ids, r.categories)
	if name != "" && !slices.Contains(known, name) {
		near := yamlpos.Nearest(name, known)
		hint := "write an id, or one of " + strings.Join(r.categories, ", ")
		if near != "" {
			hint = "did you mean " + near + "?"
		}
		n.Errorf(hint, "there is no policy %s", name)
	}
	return name
}

func (r *configReader) mode(n *yamlpos.Node) Mode {
	f := n.Map("a mode", "policy", "table", "layer", "env", "mode")
	var m Mode
	if f["policy"] != nil {
		m.Policy = r.policy(f["policy"])
	}
	m.Table, m.Layer, m.Env = scope(f)
	switch {
	case f["mode"] != nil:
		m.Mode = f["mode"].OneOf("mode", modeNames...)
	case n.Kind == yamlpos.Mapping:
		n.Errorf("add mode: warn, or enforce, dry_run, off", "the mode is missing")
	}
	return m
}

// scope reads which tables something is about.
func scope(f map[string]*yamlpos.Node) (table, layer, env string) {
	if n := f["table"]; n != nil {
		table = n.String()
		if problem := badGlob(table); table != "" && problem != "" {
			n.Errorf("name the table, or a part of it: silver.*", "table %q %s", table, problem)
		}
	}
	if n := f["layer"]; n != nil {
		layer = n.String()
	}
	if n := f["env"]; n != nil {
		env = n.OneOf("environment", Environments...)
	}
	return table, layer, env
}

func freeze(n *yamlpos.Node) Freeze {
	f := n.Map("a freeze window", "from", "to", "table", "layer", "env", "reason")
	var z Freeze
	for _, key := range []string{"from", "to", "reason"} {
		if f[key] == nil && n.Kind == yamlpos.Mapping {
			n.Errorf("add "+key, "the freeze window has no %s", key)
		}
	}
	z.Table, z.Layer, z.Env = scope(f)
	if f["reason"] != nil {
		z.Reason = strings.TrimSpace(f["reason"].String())
	}
	for key, to := range map[string]*string{"from": &z.From, "to": &z.To} {
		if f[key] != nil {
			*to = f[key].String()
		}
	}
	from, ok := date(f["from"], z.From)
	to, ok2 := date(f["to"], z.To)
	if ok && ok2 && to.Before(from) {
		f["to"].Errorf("write a later date", "the freeze window ends on %s, before it begins", z.To)
	}
	return z
}

// privacyApproved says whether one of the names is in the privacy group.
func (c *Config) privacyApproved(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains(c.Groups[c.PrivacyGroup], name)
	})
}
