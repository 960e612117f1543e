package cel

import (
	"slices"
	"strings"
)

// Function describes a function that rules may call.
type Function struct {
	Name string
	// Signatures are its forms: x.substring(int, int) gives string.
	Signatures []string
	Doc        string
	Examples   []string // conditions without columns, all true
}

// Functions describes the functions of rows, by name. Operators, aggregates and
// calls over elements are part of the language, which the package comment has.
func Functions() []Function {
	var all []Function
	for name, f := range lib().functions {
		if f.style == operator || f.name != name {
			continue
		}
		d := Function{Name: name, Doc: f.doc, Examples: slices.Clone(f.examples)}
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
