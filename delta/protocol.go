package delta

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// readable are the reader features that this package understands (PROTOCOL.md,
// "Valid Feature Names in Table Features").
var readable = []string{
	"columnMapping", "deletionVectors", "timestampNtz", "typeWidening", previewWidening,
	"v2Checkpoint", "vacuumProtocolCheck", "variantType", "variantType-preview", "variantShredding", "variantShredding-preview",
}

// writable are the features that this package upholds when it writes, or that
// ask nothing of a writer who does not use them; see [Snapshot.Writable] for
// those that are refused when they are in use.
var writable = []string{
	"allowColumnDefaults", "appendOnly", "changeDataFeed", "checkConstraints", checkpointProtection, "clustering", "columnMapping", "deletionVectors",
	"domainMetadata", "generatedColumns", "identityColumns", "inCommitTimestamp", "invariants",
	"rowTracking", "timestampNtz", "typeWidening", previewWidening, "v2Checkpoint", "vacuumProtocolCheck",
}

// previewWidening is typeWidening as it was called before it was settled.
const previewWidening = "typeWidening-preview"

// legacy lists what each writer version below 7 implies.
var legacy = []struct {
	writer  int
	feature string
}{
	{2, "appendOnly"}, {2, "invariants"}, {3, "checkConstraints"}, {4, "changeDataFeed"},
	{4, "generatedColumns"}, {5, "columnMapping"}, {6, "identityColumns"},
}

// features expands versions to the set of features that they stand for.
func (p *protocol) features() (reader, writer []string) {
	switch {
	case p.ReaderFeatures != nil:
		reader = append(reader, *p.ReaderFeatures...)
	case p.MinReader == 2:
		reader = append(reader, "columnMapping")
	}
	if p.WriterFeatures != nil {
		writer = append(writer, *p.WriterFeatures...)
	} else {
		for _, l := range legacy {
			if p.MinWriter >= l.writer {
				writer = append(writer, l.feature)
			}
		}
	}
	slices.Sort(reader)
	slices.Sort(writer)
	return slices.Compact(reader), slices.Compact(writer)
}

// check refuses contradictions and what this package cannot read, naming
// everything at once (PROTOCOL.md, "Table Features").
func (p *protocol) check() error {
	bad := func(problem string) error { return &Error{Category: BadProtocol, Problem: "protocol: " + problem} }
	switch {
	case p.MinReader < 1 || p.MinWriter < 1:
		return bad(fmt.Sprintf("versions are %d and %d", p.MinReader, p.MinWriter))
	case p.MinReader > 3:
		return &Error{Category: UnsupportedProtocol,
			Problem: fmt.Sprintf("protocol: the table needs reader version %d and writer version %d; this program knows 3 and 7", p.MinReader, p.MinWriter),
			Hint:    "a newer version of dq may read it"}
	case p.MinReader == 3 && p.ReaderFeatures == nil:
		return bad("reader version 3 without readerFeatures")
	case p.MinReader != 3 && p.ReaderFeatures != nil && len(*p.ReaderFeatures) > 0:
		return bad(fmt.Sprintf("readerFeatures with reader version %d", p.MinReader))
	case p.MinWriter == 7 && p.WriterFeatures == nil:
		return bad("writer version 7 without writerFeatures")
	case p.MinWriter < 7 && p.WriterFeatures != nil && len(*p.WriterFeatures) > 0:
		return bad(fmt.Sprintf("writerFeatures with writer version %d", p.MinWriter))
	case p.MinReader == 3 && (p.MinWriter < 7 || p.WriterFeatures == nil):
		return bad(fmt.Sprintf("reader version 3 with writer version %d", p.MinWriter))
	}
	var unknown, missing []string
	if p.ReaderFeatures != nil {
		for _, f := range *p.ReaderFeatures {
			if !slices.Contains(*p.WriterFeatures, f) {
				missing = append(missing, f)
			}
			if !slices.Contains(readable, f) {
				unknown = append(unknown, f)
			}
		}
	}
	if missing != nil {
		slices.Sort(missing)
		return bad("readerFeatures that writerFeatures lacks: " + strings.Join(missing, ", "))
	}
	if unknown != nil {
		slices.Sort(unknown)
		e := &Error{Category: UnsupportedFeature, Problem: "the table needs features that this program does not read: " + strings.Join(slices.Compact(unknown), ", ")}
		for _, f := range unknown {
			if strings.HasPrefix(f, "catalog") {
				e.Hint = "its commits are kept by a catalog: read it through that"
			}
		}
		return e
	}
	return nil
}

// constraintPrefix begins the properties that are CHECK constraints.
const constraintPrefix = "delta.constraints."

// upholdable are the features whose rules bind whoever writes the rows of data
// files, which this package never sees; see [Txn.Upholds].
var upholdable = []string{"allowColumnDefaults", "checkConstraints", "columnMapping", "generatedColumns", "identityColumns", "invariants", "rowTracking"}

// Writable reports nil when rows may be written to the table by a writer that
// upholds these features (see [Txn.Upholds]) in the files that it makes, else an
// *[Error] with [UnsupportedFeature] that names everything in the way.
func (s *Snapshot) Writable(upholds ...string) error { return s.writable(upholds, true) }

// writable is Writable; without rows, only what the table's features ask of the
// log counts.
func (s *Snapshot) writable(upholds []string, rows bool) error {
	var problems []string
	if v := s.state.protocol.MinWriter; v > 7 { // to readers it is all the same
		problems = append(problems, fmt.Sprintf("writer version %d", v))
	}
	_, features := s.Features()
	for _, f := range features {
		if !slices.Contains(writable, f) {
			problems = append(problems, "feature "+f)
		}
	}
	if rows {
		problems = append(problems, rules(s.schema, s.Properties(), s.mapping, features, upholds)...)
	}
	return unupheld(problems)
}

func unupheld(problems []string) error {
	if problems == nil {
		return nil
	}
	return &Error{Category: UnsupportedFeature, Problem: "this program cannot write the table, since it does not uphold: " + strings.Join(problems, ", ")}
}

// rules names what rows must obey, without what the writer upholds.
func rules(schema table.Schema, props map[string]string, m mapping, features, upholds []string) []string {
	var out []string
	binds := func(f string) bool { return slices.Contains(features, f) && !slices.Contains(upholds, f) }
	if m != mapNone && binds("columnMapping") {
		out = append(out, "column mapping by "+string(m))
	}
	if binds("checkConstraints") {
		for _, key := range sortedKeys(props) {
			if name, ok := strings.CutPrefix(key, constraintPrefix); ok {
				out = append(out, "CHECK constraint "+name)
			}
		}
	}
	if props[rowTrackingOn] == "true" && binds(rowTracking) {
		out = append(out, "ids of rows that move ("+rowTrackingOn+")")
	}
	eachField(schema.Fields, "", func(path string, f table.Field) {
		for _, m := range []struct{ key, feature, what string }{
			{"delta.invariants", "invariants", "invariant of column "},
			{"delta.generationExpression", "generatedColumns", "generated column "},
			{"CURRENT_DEFAULT", "allowColumnDefaults", "default of column "},
			{"delta.identity.start", "identityColumns", "identity column "},
		} {
			if _, ok := f.Meta[m.key]; ok && binds(m.feature) {
				out = append(out, m.what+path)
			}
		}
	})
	return out
}

// eachField visits all fields, those within arrays and maps too.
func eachField(fields []table.Field, prefix string, visit func(path string, f table.Field)) {
	for _, f := range fields {
		visit(prefix+f.Name, f)
		eachInType(f.Type, prefix+f.Name, visit)
	}
}

func eachInType(t table.Type, path string, visit func(string, table.Field)) {
	switch t.Kind {
	case table.Struct:
		eachField(t.Fields, path+".", visit)
	case table.Array:
		if t.Elem != nil { // a broken type is reported when it is written
			eachInType(*t.Elem, path+".element", visit)
		}
	case table.Map:
		if t.Key != nil && t.Elem != nil {
			eachInType(*t.Key, path+".key", visit)
			eachInType(*t.Elem, path+".value", visit)
		}
	}
}

// kinds reports which kinds of types occur in the schema.
func kinds(s table.Schema) map[table.Kind]bool {
	found := map[table.Kind]bool{}
	var visit func(t table.Type)
	visit = func(t table.Type) {
		found[t.Kind] = true
		for _, part := range []*table.Type{t.Key, t.Elem} {
			if part != nil {
				visit(*part)
			}
		}
		for _, f := range t.Fields {
			visit(f.Type)
		}
	}
	for _, f := range s.Fields {
		visit(f.Type)
	}
	return found
}

// needed lists the features that schema and properties need, sorted.
func needed(s table.Schema, props map[string]string) []string {
	var out []string
	add := func(feature string, yes bool) {
		if yes {
			out = append(out, feature)
		}
	}
	on := func(key string) bool { return props[key] == "true" }
	add("appendOnly", on("delta.appendOnly"))
	add("changeDataFeed", on("delta.enableChangeDataFeed"))
	add("columnMapping", props["delta.columnMapping.mode"] == string(mapName) || props["delta.columnMapping.mode"] == string(mapID))
	add("deletionVectors", on("delta.enableDeletionVectors"))
	add("inCommitTimestamp", on("delta.enableInCommitTimestamps"))
	add("timestampNtz", kinds(s)[table.TimestampNTZ])
	add("typeWidening", on("delta.enableTypeWidening"))
	add("v2Checkpoint", props["delta.checkpointPolicy"] == "v2")
	for k := range props {
		if strings.HasPrefix(k, constraintPrefix) {
			out = append(out, "checkConstraints")
			break
		}
	}
	slices.Sort(out)
	return out
}

// needs returns the protocol that schema and properties need when the table has
// p: p itself, or a higher one. A new table starts from nil.
func (p *protocol) needs(s table.Schema, props map[string]string) *protocol {
	if p == nil {
		p = &protocol{MinReader: 1, MinWriter: 2}
	}
	return p.with(needed(s, props))
}

// with is p with these features of writers, and of readers where they are such, no
// higher than must be, so that old readers stay able to read.
func (p *protocol) with(features []string) *protocol {
	base := p
	reader, writer := base.features()
	var missing []string
	for _, f := range features {
		if f == "typeWidening" && slices.Contains(writer, previewWidening) {
			continue
		}
		if !slices.Contains(writer, f) || slices.Contains(readable, f) && !slices.Contains(reader, f) {
			missing = append(missing, f)
		}
	}
	if missing == nil {
		return base
	}
	if base.MinWriter < 7 {
		if next, ok := base.older(missing); ok {
			return next
		}
	}
	next := &protocol{MinReader: base.MinReader, MinWriter: 7}
	for _, f := range missing {
		writer = append(writer, f)
		if slices.Contains(readable, f) {
			reader = append(reader, f)
			next.MinReader = 3
		}
	}
	slices.Sort(writer)
	writer = slices.Compact(writer)
	next.WriterFeatures = &writer
	if next.MinReader == 3 {
		slices.Sort(reader)
		reader = slices.Compact(reader)
		next.ReaderFeatures = &reader
	}
	return next
}

// older raises the versions so far that the features are implied, which is
// possible below version 7 of writers for old features only.
func (p *protocol) older(features []string) (*protocol, bool) {
	next := &protocol{MinReader: p.MinReader, MinWriter: p.MinWriter}
	for _, f := range features {
		i := slices.IndexFunc(legacy, func(l struct {
			writer  int
			feature string
		}) bool {
			return l.feature == f
		})
		if i < 0 {
			return nil, false
		}
		next.MinWriter = max(next.MinWriter, legacy[i].writer)
		if f == "columnMapping" {
			next.MinReader = max(next.MinReader, 2)
		}
	}
	return next, true
}
