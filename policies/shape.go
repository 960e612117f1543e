package policies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// Columns lists the columns of a schema and the parts of nested ones, as the
// input names them: a.b, arr.element, map.key, map.value. Tags and what else a
// suite declares are for the caller to add.
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
	if id, ok := f.Meta["delta.columnMapping.id"]; ok {
		c.ID = fmt.Sprint(id)
	}
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

// Diff is the whole difference of two shapes: that of their columns, which
// table.Diff gives, and that of keys and partitions. A nil shape is a table that
// does not exist, before or after.
func Diff(old, next *Shape, columns []table.Change) []Change {
	var out []Change
	add := func(c table.Change) { out = append(out, Change{Change: c}) }
	switch {
	case old == nil && next != nil:
		add(table.Change{Op: "table_created"})
	case old != nil && next == nil:
		add(table.Change{Op: "table_dropped", Breaks: []string{"backward"}, DataRisk: "loss"})
	}
	for _, c := range columns {
		add(c)
	}
	if old != nil && next != nil {
		if !slices.Equal(old.PrimaryKey, next.PrimaryKey) {
			add(table.Change{Op: "primary_key_changed", From: old.PrimaryKey, To: next.PrimaryKey, Breaks: []string{"backward", "forward"}, DataRisk: "rewrite"})
		}
		if !slices.Equal(old.PartitionBy, next.PartitionBy) {
			add(table.Change{Op: "partitioning_changed", From: old.PartitionBy, To: next.PartitionBy, DataRisk: "rewrite"})
		}
	}
	return withIDs(out)
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
