package cel

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// families lists every file of functions; a new fn_<name>.go adds its line here.
var families = [][]function{
	arithmeticFunctions,
	bitFunctions,
	checksumFunctions,
	codeFunctions,
	comparisonFunctions,
	conversionFunctions,
	decimalFunctions,
	distanceFunctions,
	divFunctions,
	documentFunctions,
	equalityFunctions,
	existsFunctions,
	extremumFunctions,
	geoFunctions,
	geoMeasures,
	listFunctions,
	logicFunctions,
	matchesFunctions,
	mathFunctions,
	networkFunctions,
	parseFunctions,
	pastFunctions,
	patternFunctions,
	schemaFunctions,
	substringFunctions,
	statisticsFunctions,
	textFunctions,
	timeFunctions,
	zoneFunctions,
}

// aggregates lists every file of aggregates, in the same way.
var aggregateFamilies = [][]aggregate{
	countAggregates,
	distinctAggregates,
	extremeAggregates,
	nearAggregates,
	orderAggregates,
	otherAggregates,
	outlierAggregates,
	quantileAggregates,
	sampleAggregates,
	shapeAggregates,
	spreadAggregates,
	sumAggregates,
}

// style says how a function is written.
type style int

const (
	global   style = iota // f(x)
	member                // x.f()
	either                // both
	operator              // an operator, or what dq itself puts into a tree
)

// function is one name with its forms. Families may add forms to the same name.
type function struct {
	name  string // what the tree holds
	alias string // a second spelling: math.abs
	style style
	// doc says what it gives, and when it errs; examples are conditions without
	// columns that are true. Both are shown to users, and tests run the examples.
	doc      string
	examples []string
	forms    []form
	// band says that what it gives is shown beside the verdict of a table rule.
	band bool
}

// form is one overload: its types, its reference implementation, and its SQL in
// each dialect, side by side.
type form struct {
	id  string
	in  []*types.Type
	out *types.Type

	// eval is the reference. Its arguments have the types of in, and are neither
	// null nor errors (but see nulls); nil for what cel-go's planner does itself.
	eval func(a []ref.Val) ref.Val
	// nulls lets eval see null arguments, which are an error otherwise.
	nulls bool

	// total says that the form gives a value for all values of its arguments.
	total bool
	// digits says that a form of decimals errs only where its result passes 38 digits.
	digits bool
	// shape is the precision and scale of a decimal result, of those of the
	// arguments (of ints: their digits); an error is an issue of the source.
	shape func(a []shape, literals []ref.Val) (shape, error)
	// check refuses literal arguments (nil where an argument is no literal).
	check func(literals []ref.Val) *wrong
	// reads says that a double literal here stands for a decimal.
	reads bool

	// The SQL of a dialect, nil where it cannot say the form exactly.
	duckdb, spark emitFunc
}

// emitFunc writes a call as SQL that is NULL when CEL gives an error.
type emitFunc func(w *writer, a []term) (string, error)

// sql is the column of the dialect's name, nil when the dialect cannot say the form.
func (f *form) sql(dialect string) emitFunc {
	switch dialect {
	case "duckdb":
		return f.duckdb
	case "spark":
		return f.spark
	}
	return nil
}

// wrong is what is wrong with one argument.
type wrong struct {
	arg           int
	message, hint string
}

// library is the families in the forms that lookups need.
type library struct {
	functions  map[string]*function // by name and alias
	forms      map[string]*form
	aggregates map[string]*aggregate
	decls      []*decls.FunctionDecl
}

var lib = sync.OnceValue(buildLibrary)

func buildLibrary() *library {
	l := &library{
		functions:  map[string]*function{},
		forms:      map[string]*form{},
		aggregates: map[string]*aggregate{},
	}
	var names []string
	for _, family := range families {
		for _, f := range family {
			known, ok := l.functions[f.name]
			if !ok {
				known = &function{name: f.name, alias: f.alias, style: f.style, band: f.band}
				l.functions[f.name] = known
				names = append(names, f.name)
				if f.alias != "" {
					l.functions[f.alias] = known
				}
			}
			if known.doc == "" {
				known.doc, known.examples = f.doc, f.examples
			}
			known.forms = append(known.forms, f.forms...)
		}
	}
	for _, name := range names {
		f := l.functions[name]
		var opts []decls.FunctionOpt
		for i := range f.forms {
			form := &f.forms[i]
			l.forms[form.id] = form
			var binding []decls.OverloadOpt
			if form.eval != nil {
				binding = append(binding, decls.FunctionBinding(form.guarded()))
			}
			opts = append(opts, decls.Overload(form.id, form.in, form.out, binding...))
		}
		opts = append(opts, decls.DisableTypeGuards(true))
		decl, err := decls.NewFunction(name, opts...)
		if err != nil {
			panic("cel: the function tables contradict themselves: " + err.Error())
		}
		l.decls = append(l.decls, decl)
	}
	for _, family := range aggregateFamilies {
		for i := range family {
			l.aggregates[family[i].name] = &family[i]
		}
	}
	return l
}

// guarded is eval behind the rule that ordering or calling on null is an error.
func (f *form) guarded() func(a ...ref.Val) ref.Val {
	return func(a ...ref.Val) ref.Val {
		for _, v := range a {
			if types.IsUnknownOrError(v) {
				return v
			}
			if v == types.NullValue && !f.nulls {
				return types.NewErr("null has no %s", f.id)
			}
		}
		return f.eval(a)
	}
}

// numeric builds a form for each pair of numeric types.
func numeric(op string, build func(id string, in []*types.Type) form) []form {
	kinds := []struct {
		name string
		typ  *types.Type
	}{{"int", types.IntType}, {"double", types.DoubleType}, {"decimal", decimalType}}
	var forms []form
	for _, a := range kinds {
		for _, b := range kinds {
			id := fmt.Sprintf("%s_%s_%s", op, a.name, b.name)
			f := build(id, []*types.Type{a.typ, b.typ})
			f.reads = f.reads || a.typ != b.typ && a.name != "int" && b.name != "int"
			forms = append(forms, f)
		}
	}
	return forms
}

// commonType is the type in which two numbers meet: int and double give double, a
// decimal with anything gives decimal.
func commonType(a, b *types.Type) *types.Type {
	switch {
	case isDecimal(a) || isDecimal(b):
		return decimalType
	case a.Kind() == types.DoubleKind || b.Kind() == types.DoubleKind:
		return types.DoubleType
	}
	return types.IntType
}

func isDecimal(t *types.Type) bool {
	return t.Kind() == types.OpaqueKind && t.TypeName() == "decimal"
}

// holdsDecimals reports whether a type is decimal, or of lists or maps of decimals.
func holdsDecimals(t *types.Type) bool {
	if k := t.Kind(); k == types.ListKind || k == types.MapKind {
		return holdsDecimals(t.Parameters()[len(t.Parameters())-1])
	}
	return isDecimal(t)
}

// toDecimal converts an int or a decimal.
func toDecimal(v ref.Val) decimal {
	switch n := v.(type) {
	case types.Int:
		return intDecimal(int64(n))
	case decimal:
		return n
	}
	return decimal{}
}

// toDouble converts an int or a double.
func toDouble(v ref.Val) float64 {
	switch n := v.(type) {
	case types.Int:
		return float64(n)
	case types.Double:
		return float64(n)
	}
	return 0
}
