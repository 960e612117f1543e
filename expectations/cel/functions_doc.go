package cel

import (
	"slices"
	"strings"
)

// Function describes what rules may call: a function of rows, an aggregate, or what
// the compiler expands, as lag and history.
type Function struct {
	Name string
	// Signatures are its forms: x.substring(int, int) gives string.
	Signatures []string
	Doc        string
	Nulls      string // what it makes of nulls
	// Examples are true: of functions without columns, of the others on the rows that
	// [ExampleRows] shows.
	Examples []string
	// Looks says that it looks at other things than its arguments: at all rows, at
	// neighbours, at the past or at other tables.
	Looks bool
}

// Functions describes all that may be called, by name.
func Functions() []Function {
	var all []Function
	for _, f := range manual {
		f.Looks = !overElementsOnly(f)
		all = append(all, f)
	}
	for name, f := range lib().functions {
		if f.style == operator || f.name != name || slices.ContainsFunc(manual, func(m Function) bool { return m.Name == name }) {
			continue
		}
		d := Function{Name: name, Doc: f.doc, Nulls: "A null argument is an error.", Examples: slices.Clone(f.examples)}
		if slices.ContainsFunc(f.forms, func(f form) bool { return f.nulls }) {
			d.Nulls = "Nulls are values to it."
		}
		for _, form := range f.forms {
			var in []string
			for _, t := range form.in {
				in = append(in, typeName(t))
			}
			call := name + "("
			if f.style != global {
				call, in = in[0]+"."+call, in[1:]
			}
			d.Signatures = append(d.Signatures, call+strings.Join(in, ", ")+") gives "+typeName(form.out))
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// overElementsOnly reports whether a function of the manual looks at no more than
// its own row.
func overElementsOnly(f Function) bool {
	_, elements := lambdaFunctions[f.Name]
	return elements || f.Name == "has" || f.Name == "now"
}

// ExampleRows is the table that examples of aggregates are about; its other table has
// the columns id (1, 2, 7) and name (a, b, c), its two earlier versions had 6 and 4
// rows, the newer one 4, and twice is the let sum(x) * 2.
const ExampleRows = `| at | g | x | y | s | ok | address.city |
|---|---|---|---|---|---|---|
| 2026-01-01 | a | 1 | 0.5 | a | true | Paris |
| 2026-01-02 | a | 2 | 1.5 | b | true | Paris |
| 2026-01-03 | b | 2 | NaN | b | false | null |
| 2026-01-04 | b | 5 | 2.5 | null | true | null |
| 2026-01-05 | b | null | null | c | null | null |
`
