package cel

import (
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/table"
)

// Structs, and fields of them. The type of a struct is named by its spelling, so
// that its fields can be read from its name. A field of a struct that is null is
// null, as in SQL: address.city == null holds where address is null.

// structProvider tells cel-go's checker the fields of structs.
type structProvider struct{ *types.Registry }

var structs = sync.OnceValue(func() structProvider { return structProvider{types.NewEmptyRegistry()} })

func (p structProvider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := structOf(name); !ok {
		return p.Registry.FindStructType(name)
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
}

func (p structProvider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	s, ok := structOf(name)
	if !ok {
		return p.Registry.FindStructFieldType(name, field)
	}
	f, ok := fieldOf(s, field)
	return &types.FieldType{Type: celType(f.Type)}, ok
}

func structOf(name string) (table.Type, bool) {
	if !strings.HasPrefix(name, "struct<") {
		return table.Type{}, false
	}
	t, err := table.ParseType(name)
	return t, err == nil
}

func fieldOf(s table.Type, name string) (table.Field, bool) {
	for _, f := range s.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return table.Field{}, false
}

// record is a value of a struct; no fields stand for null.
type record struct {
	opaque
	of     table.Type
	fields map[string]any
}

// Get gives a field, null where the struct is null.
func (r record) Get(name ref.Val) ref.Val {
	f, ok := fieldOf(r.of, string(name.(types.String)))
	if !ok {
		return types.NewErr("there is no field %v", name)
	}
	v, err := toCEL(r.fields[f.Name], celType(f.Type), columnShape(f.Type).scale)
	if err != nil {
		return types.WrapErr(fmt.Errorf("field %s: %w", f.Name, err))
	}
	return v
}

// isNone reports whether a value is null, or a struct that is.
func isNone(v ref.Val) bool {
	r, ok := v.(record)
	return v == types.NullValue || ok && r.fields == nil
}

// lowerSelect reads a field of a struct, or the value of a key of a map.
func (c *compilation) lowerSelect(e ast.Expr, s scope) {
	operand, name := e.AsSelect().Operand(), e.AsSelect().FieldName()
	c.lower(operand, s)
	x := c.check(operand)
	switch {
	case x == nil:
		e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
	case x.typ.Kind() == types.StructKind:
		of, _ := structOf(x.typ.TypeName())
		if _, ok := fieldOf(of, name); !ok {
			var names []string
			for _, f := range of.Fields {
				names = append(names, f.Name)
			}
			c.refuse(e, suggestion(name, names), "there is no field %s in %s", name, x.typ.TypeName())
		}
	case x.typ.Kind() == types.MapKind && x.typ.Parameters()[0].Kind() == types.StringKind:
		key := c.fac.NewLiteral(c.newID(e.ID()), types.String(name))
		e.SetKindCase(c.fac.NewCall(e.ID(), indexFunction, operand, key))
	default:
		hint := ""
		if f, ok := lib().functions[name]; ok && f.style != operator && f.style != global {
			hint = "write x." + name + "(...)"
		}
		c.refuse(e, hint, "%s has no fields", typeName(x.typ))
	}
}

func suggestion(name string, names []string) string {
	if n := nearest(name, names); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

// lowerHas is has(x.name): that the field is not null, or that the map has the key.
func (c *compilation) lowerHas(e ast.Expr, s scope) {
	args := e.AsCall().Args()
	if len(args) == 1 && args[0].Kind() == ast.IdentKind && args[0].AsIdent() != brokenVariable { // a column
		c.lower(args[0], s)
		e.SetKindCase(c.notNull(e, args[0]))
		return
	}
	if len(args) != 1 || args[0].Kind() != ast.SelectKind {
		c.refuse(e, "write has(address.city)", "has takes a field")
		return
	}
	c.lowerSelect(args[0], s)
	switch x := args[0]; {
	case x.Kind() == ast.SelectKind:
		e.SetKindCase(c.notNull(e, x))
	case x.Kind() == ast.CallKind:
		a := x.AsCall().Args()
		e.SetKindCase(c.fac.NewCall(e.ID(), memberFunction, a[1], a[0]))
	default:
		e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
	}
}

func (c *compilation) notNull(e, x ast.Expr) ast.Expr {
	return c.fac.NewCall(e.ID(), operators.LogicalNot, c.fac.NewCall(c.newID(e.ID()), isNullFunction, x))
}

// field writes a field of a struct.
func (w *writer) field(e ast.Expr) (term, error) {
	s := e.AsSelect()
	x, err := w.term(s.Operand())
	if err != nil {
		return term{}, err
	}
	of, ok := structOf(w.expr.tree.TypeMap()[s.Operand().ID()].TypeName())
	if !ok {
		return term{}, w.unsupported("a field of %s", typeName(x.typ))
	}
	f, _ := fieldOf(of, s.FieldName())
	return w.eachBranch(x, func(x term) (term, error) {
		t := w.cell("struct_extract("+x.sql+", "+w.dialect.Literal(f.Name)+")", f.Type)
		if w.isSpark() {
			t = w.cell("("+x.sql+")."+w.dialect.Ident(f.Name), f.Type)
		}
		if x.sql == "NULL" {
			t.sql = w.null(term{typ: celType(f.Type), shape: columnShape(f.Type)})
		}
		t.null, t.fails, t.typ, t.shape = !x.fails, x.fails, w.expr.tree.TypeMap()[e.ID()], w.expr.shapes[e.ID()]
		return t, nil
	})
}
