package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// Described is a table as its log describes it; *delta.Snapshot is one.
type Described interface {
	Schema() table.Schema
	PartitionBy() []string
	ClusterBy() []string
	Properties() map[string]string
	Constraints() map[string]string
	Features() (reader, writer []string)
	MinVersions() (reader, writer int)
}

// ShapeOf is the shape of a table as its log describes it. Keys, and what suites
// declare beyond tags, are for the caller to add.
func ShapeOf(d Described) *Shape {
	s := &Shape{Columns: Columns(d.Schema()), PartitionBy: d.PartitionBy(), ClusterBy: d.ClusterBy(),
		Constraints: d.Constraints(), Properties: d.Properties(), Protocol: &Protocol{}}
	maps.DeleteFunc(s.Properties, func(name, _ string) bool { return bookkeeping(name) })
	p := s.Protocol
	p.Reader, p.Writer = d.MinVersions()
	reader, writer := d.Features()
	p.ReaderFeatures = reader
	p.Features = slices.Concat(reader, writer)
	slices.Sort(p.Features)
	p.Features = slices.Compact(p.Features)
	return s
}

// bookkeeping tells the properties that nobody sets: constraints, which a shape
// has apart, and what writers keep there for themselves.
func bookkeeping(property string) bool {
	return strings.HasPrefix(property, "delta.constraints.") || property == "delta.columnMapping.maxColumnId" ||
		strings.HasPrefix(property, "delta.rowTracking.materialized") || strings.HasPrefix(property, "delta.inCommitTimestampEnablement")
}

// Columns lists the columns of a schema and the parts of nested ones, as the
// input names them: a.b, arr.element, map.key, map.value, with the tags that dq
// keeps in the schema. What else a suite declares is for the caller to add.
func Columns(s table.Schema) []Column {
	var out []Column
	for _, f := range s.Fields {
		out = appendColumn(out, f.Name, f)
	}
	for i := range out {
		out[i].Position = i
	}
	return out
}

func appendColumn(out []Column, path string, f table.Field) []Column {
	c := Column{Path: path, Type: f.Type.String(), Nullable: f.Nullable}
	c.Comment, _ = f.Meta["comment"].(string)
	if tags, ok := f.Meta["dq.tags"].(string); ok {
		c.Tags = TagSet(strings.Split(tags, ","))
	}
	if id, ok := f.Meta["delta.columnMapping.id"]; ok {
		c.ID = fmt.Sprint(id)
	}
	c.Default, _ = f.Meta["CURRENT_DEFAULT"].(string)
	c.Generated, _ = f.Meta["delta.generationExpression"].(string)
	out = append(out, c)
	switch f.Type.Kind {
	case table.Struct:
		for _, member := range f.Type.Fields {
			out = appendColumn(out, path+"."+member.Name, member)
		}
	case table.Array:
		out = appendColumn(out, path+".element", table.Field{Type: *f.Type.Elem, Nullable: f.Type.ElemNullable})
	case table.Map:
		out = appendColumn(out, path+".key", table.Field{Type: *f.Type.Key})
		out = appendColumn(out, path+".value", table.Field{Type: *f.Type.Elem, Nullable: f.Type.ElemNullable})
	}
	return out
}

// TagSet reads tags as suites write them, pii.email or purpose=billing, into the
// form of the input: names to values.
func TagSet(tags []string) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	set := map[string]string{}
	for _, tag := range tags {
		name, value, _ := strings.Cut(tag, "=")
		set[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return set
}
