package delta

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// shape decides schema, partitioning and properties, and prepares protocol and
// metaData where they change.
func (x *Txn) shape() *layout {
	if x.prepared.ReadVersion < 0 {
		return x.newTable()
	}
	base := x.base
	l := &layout{base.schema, base.partitionBy, x.configured(base.state.metaData.Configuration), base.mapping, nil, slices.Contains(x.features(), previewWidening)}
	x.clustered(l)
	meta := *base.state.metaData
	if x.restore != nil {
		_, features := x.restore.Features() // its files may need them
		x.require(base.state.protocol.with(features))
		meta = x.restoredMeta()
		l = &layout{x.restore.schema, x.restore.partitionBy, meta.Configuration, x.restore.mapping, l.clustering, l.preview}
	} else if len(x.edits) > 0 || len(x.set) > 0 {
		x.evolve(l)
	}
	if len(x.errs) > 0 {
		return l
	}
	text := meta.SchemaString
	if x.restore == nil && !sameFields(l.schema.Fields, base.schema.Fields) {
		var err error
		if text, err = formatSchema(l.schema); err != nil {
			x.fail(invalid("schema: %v", err))
			return l
		}
	}
	meta.SchemaString, meta.Configuration, meta.PartitionColumns = text, l.props, l.partitionBy
	old := base.state.metaData
	if text == old.SchemaString && slices.Equal(l.partitionBy, base.partitionBy) && maps.Equal(l.props, old.Configuration) {
		return l
	}
	x.prepared.MetaData = &meta
	p := base.state.protocol
	if x.prepared.Protocol != nil {
		p = x.prepared.Protocol
	}
	x.require(p.needs(l.schema, l.props))
	return l
}

// require raises the protocol where it is not that already.
func (x *Txn) require(p *protocol) {
	if p != x.base.state.protocol {
		x.prepared.Protocol = p
	}
}

// sameFields reports whether two schemas are written the same.
func sameFields(a, b []table.Field) bool {
	one, err1 := formatSchema(table.Schema{Fields: a})
	two, err2 := formatSchema(table.Schema{Fields: b})
	return err1 == nil && err2 == nil && one == two
}

// evolve applies what changes schema and properties to the layout of the base.
func (x *Txn) evolve(l *layout) {
	wrong := func(err error) bool {
		var e *Error
		switch {
		case err == nil:
			return false
		case errors.As(err, &e):
			x.fail(e)
		default:
			x.fail(invalid("schema: %v", err))
		}
		return true
	}
	files := len(x.removes) < x.base.NumFiles()
	old := x.base
	before := old.schema.Fields
	if mode := mapping(l.props[mappingMode]); mode != "" && mode != old.mapping {
		if old.mapping != mapNone || mode != mapName {
			x.fail(invalid("property %s: it can become name from none, and nothing else, but is %s and should be %s", mappingMode, old.mapping, mode))
			return
		}
		l.mapping = mapName
		if wrong(x.table.mapColumns(l, true)) {
			return
		}
		before = l.schema.Fields
	}
	for _, edit := range x.edits {
		if wrong(edit(l)) {
			return
		}
	}
	if l.mapping != mapNone && len(x.edits) > 0 && wrong(x.table.mapColumns(l, false)) {
		return
	}
	if l.mapping == mapNone && len(x.edits) > 0 && wrong(plainAdded(old.schema.Fields, l.schema.Fields)) {
		return
	}
	if !files && len(x.edits) > 0 {
		x.prepared.Whole = true // any columns will do, as long as no rows come meanwhile
	}
	if files && len(x.edits) > 0 {
		if err := l.evolves(before, l.schema.Fields, ""); err != nil {
			x.fail(invalid("schema: %v, while files of version %d stay", err, x.prepared.ReadVersion))
			return
		}
		l.schema = table.Schema{Fields: noteWidening(before, l.schema.Fields, l.mapping)}
	}
	all := leaves(l.schema.Fields, l.mapping, nil, nil)
	for _, path := range l.clustering {
		if !slices.ContainsFunc(all, func(c leaf) bool { return slices.Equal(c.physical, path) }) {
			x.fail(invalid("schema: the table is clustered by the column %q, which cannot go", strings.Join(path, ".")))
		}
	}
	if !files && len(x.edits) > 0 {
		x.checkPartitions(l)
		return
	}
	for _, name := range l.partitionBy {
		f, ok := l.schema.Field(name)
		if was := slices.IndexFunc(before, func(o table.Field) bool { return l.mapping.physical(o) == l.mapping.physical(f) }); !ok || was < 0 || !f.Type.Equal(before[was].Type) {
			x.fail(invalid("schema: the partition column %q cannot go or change its type", name))
		}
	}
}

// restoredMeta is the metaData of the version that is restored, but for what must
// not go back: marks of identity columns and of column ids, in-commit timestamps.
func (x *Txn) restoredMeta() metaData {
	meta := *x.restore.state.metaData
	now := x.base.state.metaData
	meta.Configuration = maps.Clone(meta.Configuration)
	if meta.Configuration == nil {
		meta.Configuration = map[string]string{}
	}
	for k, v := range now.Configuration {
		if k == ictProperty || strings.HasPrefix(k, ictEnablement) || k == maxColumnID {
			meta.Configuration[k] = v
		}
	}
	const mark = "delta.identity.highWaterMark"
	fields := slices.Clone(x.restore.schema.Fields)
	changed := false
	for i, f := range fields {
		if was, ok := x.base.schema.Field(f.Name); ok && f.Meta[mark] != nil && was.Meta[mark] != nil && was.Meta[mark] != f.Meta[mark] {
			fields[i].Meta = maps.Clone(f.Meta)
			fields[i].Meta[mark] = was.Meta[mark]
			changed = true
		}
	}
	if changed {
		text, err := formatSchema(table.Schema{Fields: fields})
		if err != nil {
			x.fail(invalid("schema: %v", err))
		}
		meta.SchemaString = text
	}
	return meta
}

// newTable prepares protocol and metaData of a new table.
func (x *Txn) newTable() *layout {
	l := &layout{table.Schema{Fields: x.schema.Fields}, x.partitionBy, nil, mapNone, nil, false}
	for _, k := range sortedKeys(x.properties) {
		if strings.HasPrefix(k, constraintPrefix) {
			x.fail(&Error{Category: UnsupportedFeature, Problem: "the property " + k + " cannot be set: add the constraint by name"})
		} else if err := checkProperty(k, x.properties[k]); err != nil {
			x.fail(err)
		}
	}
	l.props = x.configured(x.properties)
	for _, edit := range x.edits {
		if err := edit(l); err != nil {
			x.fail(invalid("schema: %v", err))
		}
	}
	if l.props[mappingMode] == "" && plainAdded(nil, l.schema.Fields) != nil {
		l.props[mappingMode] = string(mapName)
	}
	if mode := mapping(l.props[mappingMode]); mode == mapName || mode == mapID {
		l.mapping = mode
		if err := x.table.mapColumns(l, false); err != nil {
			x.fail(err)
		}
	}
	text, err := formatSchema(l.schema)
	if err != nil {
		x.fail(invalid("schema: %v", err))
	} else if err := plainAdded(nil, l.schema.Fields); err != nil && l.mapping == mapNone {
		x.fail(err)
	}
	x.checkPartitions(l)
	id, err := x.table.newID()
	if err != nil {
		x.fail(err)
	}
	if l.partitionBy == nil {
		l.partitionBy = []string{}
	}
	x.prepared.Protocol = (*protocol)(nil).needs(l.schema, l.props)
	x.prepared.MetaData = &metaData{ID: id, Format: format{Provider: "parquet", Options: map[string]string{}},
		SchemaString: text, PartitionColumns: l.partitionBy, Configuration: l.props}
	return l
}

func (x *Txn) checkPartitions(l *layout) {
	for i, name := range l.partitionBy {
		f, ok := l.schema.Field(name)
		switch {
		case !ok:
			x.fail(invalid("partition column %q is not in the schema", name))
		case slices.Contains(l.partitionBy[:i], name):
			x.fail(invalid("partition column %q is named twice", name))
		case !hasPartitionText(f.Type) || f.Type.Kind == table.Binary || f.Type.Kind == table.Void:
			x.fail(invalid("partition column %q is of type %s, which has no text form", name, f.Type))
		}
	}
	if n := len(l.partitionBy); n > 0 && n == len(l.schema.Fields) {
		x.fail(invalid("every column is a partition column; at least one must be in the files"))
	}
}
