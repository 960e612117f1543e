package expectations

import (
	"fmt"
	"strings"

	"github.com/dq-dev/dq/expectations/cel"
)

// FunctionsPage is the page in Markdown of the functions that the CEL of rules
// may call: signatures, meaning, and examples that hold.
func FunctionsPage() string {
	all := cel.Functions()
	var b strings.Builder
	fmt.Fprintf(&b, "# Functions\n\nThe %d functions that a rule's CEL may call. Operators, macros and aggregates are in the manual of package expectations/cel. Every example is true. "+
		"A row passes only when its CEL is true: where a call has no answer, as on a null that it does not take, the row is `errored`, which counts as bad. "+
		"Filter nulls by `where`, or write `x == null || ...`.\n\n", len(all))
	for i, f := range all {
		if i > 0 {
			b.WriteString(" · ")
		}
		fmt.Fprintf(&b, "[%s](#%s)", f.Name, strings.ToLower(strings.ReplaceAll(f.Name, ".", "")))
	}
	b.WriteByte('\n')
	for _, f := range all {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", f.Name, strings.TrimSpace(f.Doc))
		for _, s := range f.Signatures {
			fmt.Fprintf(&b, "- `%s`\n", s)
		}
		fmt.Fprintf(&b, "\n```cel\n%s\n```\n", strings.Join(f.Examples, "\n"))
	}
	return b.String()
}
