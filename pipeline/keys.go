package pipeline

import (
	"slices"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// Key is a key of a mapping in the pipeline file. [Load] knows no others, and the
// JSON Schema ([FileSchema]) and the page ([FilePage]) are made of the same.
type Key struct {
	Name string
	// Type is what stands behind it: text, path, names (a list of texts, or one), flag,
	// count, choice, mapping (of section Of), map (names that the user chooses, each with a
	// mapping of section Of, or, without one, with a text), list (of such mappings).
	Type    string
	Of      string
	Choices []string // of a choice; of a map of texts its names
	// Lone says that a text may stand instead of the mapping.
	Lone     bool
	Required bool
	Default  string   // as it would be written, or in words; "" for none
	Modes    []string // of a table: those that use it; none for every table
	Doc      string   // one sentence or two
	Example  string   // YAML of the value
}

// Section is a mapping of the pipeline file.
type Section struct {
	Name string // unique: table
	What string // in messages: a table
	Doc  string
	Keys []Key
}

// Sections are the mappings of the pipeline file, the file itself first.
var Sections = []Section{
	{Name: "pipeline", What: "a pipeline", Doc: "The file itself. Paths in it are relative to its folder. In values, `${env:NAME}` stands for a variable of the environment and `${file:PATH}` for what a file holds.", Keys: []Key{
		{Name: "version", Type: "choice", Choices: []string{"1"}, Required: true, Doc: "The version of this format.", Example: "1"},
		{Name: "pipeline", Type: "text", Required: true, Doc: "The pipeline's name: small letters, digits and `_`. The tables' logs know the pipeline by it.", Example: "retail"},
		{Name: "description", Type: "text", Doc: "What it is for, for people.", Example: "Orders of the shop, from files to a star."},
		{Name: "warehouse", Type: "path", Default: "warehouse", Doc: "The folder of the tables, or `s3://bucket/prefix`.", Example: "./warehouse"},
		{Name: "layers", Type: "map", Of: "layer", Required: true, Doc: "The layers by name, in the order in which they are published.", Example: "{bronze: {tables: {orders: {source: {files: data/*.csv}}}}}"},
		{Name: "owners", Type: "path", Doc: "The file of owners. With one, every table's `owner` must be in it.", Example: "owners.yaml"},
		{Name: "policies", Type: "mapping", Of: "policies", Lone: true, Doc: "The folder of policies of one's own, beside the bundled ones; or a mapping.", Example: "policies/"},
		{Name: "waivers", Type: "path", Doc: "The file of waivers; one that is not there yet holds none.", Example: "waivers.yaml"},
		{Name: "reports", Type: "map", Choices: []string{"html", "pdf", "junit", "sarif", "gitlab", "json", "markdown"}, Doc: "What every run writes, and into which folder.", Example: "{html: reports/, junit: reports/}"},
		{Name: "lineage", Type: "mapping", Of: "lineage", Doc: "Who is told which column came from which.", Example: "{openlineage: lineage.ndjson}"},
		{Name: "exposures", Type: "map", Of: "exposure", Doc: "What outside the pipeline reads its tables, by name.", Example: "{board: {kind: dashboard, reads: [gold.daily_revenue]}}"},
	}},
	{Name: "layer", What: "a layer", Doc: "Tables that are published together or not at all. A layer's name is made of small letters, digits and `_`, and is not `quarantine`.", Keys: []Key{
		{Name: "tables", Type: "map", Of: "table", Doc: "The tables by name, without the layer's.", Example: "{orders: {source: {files: data/*.csv}}}"},
		{Name: "gate", Type: "choice", Choices: []string{"layer"}, Default: "layer", Doc: "What one reason to refuse refuses: the whole layer.", Example: "layer"},
	}},
	{Name: "table", What: "a table", Doc: "How one table is made: landed from files (`source`), or made by a model, `models/<layer>/<table>.sql`. Its contract is `suites/<layer>/<table>.yaml`.", Keys: []Key{
		{Name: "source", Type: "mapping", Of: "source", Doc: "The files that are landed in it, as text.", Example: "{files: data/*.csv}"},
		{Name: "mode", Type: "choice", Choices: []string{"append", "overwrite", "merge", "scd2"}, Default: "`append` with a source, else `overwrite`", Doc: "How new rows meet those that are there: added, in place of all, in place of those with the same keys, or as a history of each key (SCD type 2).", Example: "merge"},
		{Name: "model", Type: "path", Default: "models/<layer>/<table>.sql", Doc: "The file with the model: one SELECT.", Example: "models/silver/orders.sql"},
		{Name: "suite", Type: "path", Default: "suites/<layer>/<table>.yaml", Doc: "The file with the suite, or `none`.", Example: "none"},
		{Name: "keys", Type: "names", Modes: []string{"merge", "scd2"}, Doc: "The columns that identify a row; for `scd2` what has the history.", Example: "[invoice, line]"},
		{Name: "together", Type: "names", Modes: []string{"merge", "scd2"}, Doc: "Columns whose rows are made from all their upstream rows. For `merge` some of the keys, of which rows may come in several batches; for `scd2` columns of the incremental table: rows make observations only with rows that share them.", Example: "[invoice]"},
		{Name: "track", Type: "names", Modes: []string{"scd2"}, Doc: "The attributes whose history is kept.", Example: "[country]"},
		{Name: "effective", Type: "text", Modes: []string{"scd2"}, Doc: "The column with the time from which an observation holds: a timestamp or a date.", Example: "changed_at"},
		{Name: "order", Type: "names", Modes: []string{"scd2"}, Doc: "The source order among observations of equal time, of which the last holds.", Example: "[line]"},
		{Name: "ignore_null", Type: "flag", Default: "false", Modes: []string{"scd2"}, Doc: "A null attribute is no value: the one before goes on.", Example: "true"},
		{Name: "on_absent", Type: "choice", Choices: []string{"keep", "close"}, Default: "keep", Modes: []string{"scd2"}, Doc: "`close` says that the observations of one time are a full snapshot: a key that the next snapshot lacks ends with it. Not with `incremental`, which brings only what changed; a snapshot without more than half of the keys before is refused.", Example: "close"},
		{Name: "surrogate", Type: "text", Modes: []string{"scd2"}, Doc: "The name of a column with a surrogate key: a hash of the keys and `valid_from`.", Example: "customer_key"},
		{Name: "incremental", Type: "text", Modes: []string{"append", "merge", "scd2"}, Doc: "The table that stands for its changes in the model: only rows that came since the last batch. Needed by `append` with a model.", Example: "bronze.orders"},
		{Name: "lookups", Type: "map", Of: "lookup", Lone: true, Modes: []string{"append", "merge"}, Doc: "Other tables by name, whose changes bring back rows of the incremental table; each with the column that both share, or a mapping.", Example: "{silver.customers: customer_id}"},
		{Name: "partition_by", Type: "names", Doc: "The columns that the table is partitioned by. It keeps those that it was made with.", Example: "[day]"},
	}},
	{Name: "source", What: "a source", Doc: "CSV files that are landed as text, each once, with `_file`, `_line` and `_loaded_at`.", Keys: []Key{
		{Name: "files", Type: "path", Required: true, Doc: "The files: `*`, `?` and `[a-z]` within a name, `**` for any number of folders.", Example: "data/*.csv"},
		{Name: "format", Type: "choice", Choices: []string{"csv", "tsv"}, Default: "decided by looking at the first file", Doc: "What the files are.", Example: "csv"},
		{Name: "delimiter", Type: "text", Default: "decided by looking at the first file", Doc: "One character between fields.", Example: "';'"},
		{Name: "quote", Type: "text", Default: "decided by looking at the first file", Doc: "One character around fields, or `none`.", Example: "none"},
		{Name: "all_text", Type: "choice", Choices: []string{"true"}, Default: "true", Doc: "Files are landed as text; types come in the next layer.", Example: "true"},
		{Name: "batch", Type: "choice", Choices: []string{"all", "file"}, Default: "all", Doc: "`file` has every new file go through all layers by itself, in one run.", Example: "file"},
		{Name: "on_rewrite", Type: "choice", Choices: []string{"fail", "replace"}, Default: "fail", Doc: "What new content under a known name does: it closes the gate, or its rows replace the old ones.", Example: "replace"},
		{Name: "min_rows", Type: "count", Default: "1", Doc: "How many rows every file has at least.", Example: "0"},
	}},
	{Name: "lookup", What: "a lookup", Doc: "How rows of a looked-up table and of the incremental one belong together.", Keys: []Key{
		{Name: "on", Type: "text", Required: true, Doc: "The column that both tables share.", Example: "customer_id"},
		{Name: "at", Type: "text", Doc: "The incremental table's column with the time for which a history is looked up.", Example: "ordered_at"},
	}},
	{Name: "policies", What: "policies", Doc: "Policies besides the bundled ones, and how findings are treated.", Keys: []Key{
		{Name: "dir", Type: "path", Doc: "The folder of policies of one's own.", Example: "policies/"},
		{Name: "modes", Type: "list", Of: "mode", Doc: "How findings are treated, after what the folder's `config.yaml` says; the last that matches holds.", Example: "[{policy: DQ-S009, mode: warn}]"},
	}},
	{Name: "mode", What: "a mode", Doc: "How findings of some policies on some tables are treated. What is left out matches everything.", Keys: []Key{
		{Name: "policy", Type: "text", Doc: "The id of a policy, or a category.", Example: "DQ-S001"},
		{Name: "table", Type: "text", Doc: "Tables: `*` within a part of the name, `**` across dots.", Example: "silver.*"},
		{Name: "layer", Type: "text", Doc: "A layer.", Example: "silver"},
		{Name: "mode", Type: "choice", Choices: []string{"enforce", "warn", "dry_run", "off"}, Required: true, Doc: "`warn` never closes the gate, `dry_run` is only written down, `off` is not asked.", Example: "warn"},
	}},
	{Name: "lineage", What: "lineage", Doc: "Where runs are told in OpenLineage's words, and where jobs outside tell of themselves.", Keys: []Key{
		{Name: "openlineage", Type: "path", Doc: "A file that events are added to, the URL of a server, or `console`: standard error.", Example: "lineage.ndjson"},
		{Name: "strict", Type: "flag", Default: "false", Doc: "A run whose events could not be delivered ends with exit code 3, not with a warning.", Example: "true"},
		{Name: "events", Type: "list", Doc: "Files of OpenLineage events in which jobs outside, as of Spark, say what they read and make; see [lineage](../lineage.md).", Example: "[spark/*.ndjson]"},
	}},
	{Name: "exposure", What: "an exposure", Doc: "Something outside the pipeline that reads its tables.", Keys: []Key{
		{Name: "kind", Type: "choice", Choices: []string{"exposure", "dashboard", "export", "view"}, Default: "exposure", Doc: "What it is.", Example: "dashboard"},
		{Name: "owner", Type: "text", Doc: "Who answers for it.", Example: "finance"},
		{Name: "certified", Type: "flag", Default: "false", Doc: "Others rely on it: changes that hit it need its owner to be told.", Example: "true"},
		{Name: "reads", Type: "list", Required: true, Doc: "Tables, or columns of them.", Example: "[bronze.orders, bronze.orders.id]"},
	}},
}

// section is the mapping of that name.
func section(name string) *Section {
	return &Sections[slices.IndexFunc(Sections, func(s Section) bool { return s.Name == name })]
}

// key is the key of that name.
func (s *Section) key(name string) *Key {
	return &s.Keys[slices.IndexFunc(s.Keys, func(k Key) bool { return k.Name == name })]
}

// read reads a mapping of the section; other keys are noted.
func (s *Section) read(n *yamlpos.Node) map[string]*yamlpos.Node {
	names := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		names[i] = k.Name
	}
	return n.Map(s.What, names...)
}

// choice reads a key that has choices; what names it in messages.
func (s *Section) choice(f map[string]*yamlpos.Node, name, what string) string {
	return f[name].OneOf(what, s.key(name).Choices...)
}

// takes are the keys of a table that only some modes use, and among them this one.
func (s *Section) takes(mode string) []string {
	var out []string
	for _, k := range s.Keys {
		if slices.Contains(k.Modes, mode) || k.Name == "partition_by" {
			out = append(out, k.Name)
		}
	}
	return out
}

// FilePage is the reference page of the pipeline file, in Markdown.
func FilePage() string {
	var b strings.Builder
	b.WriteString("# pipeline.yaml\n\nEvery key that a pipeline file may have. Editors complete and check them: `dq schema pipeline > pipeline.schema.json`, and\n" +
		"`# yaml-language-server: $schema=pipeline.schema.json` at the top of the file. [The example](../../examples/ecommerce/pipeline.yaml) uses most of them.\n")
	for _, s := range Sections {
		b.WriteString("\n## " + strings.ToUpper(s.What[:1]) + s.What[1:] + "\n\n" + s.Doc + "\n\n| key | value | default | what it does | example |\n|---|---|---|---|---|\n")
		for _, k := range s.Keys {
			name := "`" + k.Name + "`"
			if k.Required {
				name += " (needed)"
			}
			doc := k.Doc
			if len(k.Modes) > 0 {
				doc += " For mode " + strings.Join(k.Modes, ", ") + "."
			}
			b.WriteString("| " + name + " | " + k.value() + " | " + quotedDefault(k.Default) + " | " + doc + " | `" + k.Example + "` |\n")
		}
	}
	return b.String()
}

func quotedDefault(s string) string {
	if s == "" || strings.ContainsAny(s, " `") {
		return s
	}
	return "`" + s + "`"
}

// value says what may stand behind the key.
func (k *Key) value() string {
	of := ""
	if k.Of != "" {
		what := section(k.Of).What
		of = "[" + what + "](#" + strings.ReplaceAll(what, " ", "-") + ")"
	}
	switch k.Type {
	case "choice":
		return "`" + strings.Join(k.Choices, "`, `") + "`"
	case "names":
		return "a column, or a list of them"
	case "flag":
		return "`true`, `false`"
	case "count":
		return "a number"
	case "mapping":
		if k.Lone {
			return "a text, or a mapping: " + of
		}
		return "a mapping: " + of
	case "map":
		switch {
		case k.Of == "":
			return "`" + strings.Join(k.Choices, "`, `") + "`, each with a path"
		case k.Lone:
			return "names, each with a text or " + of
		}
		return "names, each with " + of
	case "list":
		if k.Of == "" {
			return "a list of texts"
		}
		return "a list, each " + of
	}
	return "a " + k.Type
}
