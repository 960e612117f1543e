package expectations

import (
	"fmt"
	"strings"

	"github.com/dq-dev/dq/expectations/cel"
)

// FunctionsPage is the page in Markdown of what the CEL of rules may call:
// signatures, meaning, what becomes of nulls, and examples that hold.
func FunctionsPage() string {
	all := cel.Functions()
	var b strings.Builder
	fmt.Fprintf(&b, "# Functions\n\nThe %d functions, aggregates and macros that a rule's CEL may call; `dq explain NAME` shows one in the terminal. Operators and types are in the manual of package expectations/cel. Every example is true. "+
		"A row passes only when its CEL is true: where a call has no answer, as on a null that it does not take, the row is `errored`, which counts as bad. "+
		"Filter nulls by `where`, or write `x == null || ...`.\n", len(all))
	section := func(title, text string, looks bool) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", title, text)
		sign := ""
		for _, f := range all {
			if f.Looks == looks {
				fmt.Fprintf(&b, "%s[%s](#%s)", sign, f.Name, strings.ToLower(strings.ReplaceAll(f.Name, ".", "")))
				sign = " · "
			}
		}
		b.WriteByte('\n')
		for _, f := range all {
			if f.Looks != looks {
				continue
			}
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\nNulls: %s\n\n", f.Name, strings.TrimSpace(f.Doc), f.Nulls)
			for _, s := range f.Signatures {
				fmt.Fprintf(&b, "- `%s`\n", s)
			}
			fmt.Fprintf(&b, "\n```cel\n%s\n```\n", strings.Join(f.Examples, "\n"))
		}
	}
	section("Aggregates, neighbours, the past and other tables", aggregatesText+cel.ExampleRows, true)
	section("Functions of a row", "Their examples need no columns.", false)
	return b.String()
}

const aggregatesText = "Aggregates look at all rows that `where` leaves in scope; in a row rule they are computed first. Where an argument errs although no column that it reads is null, the rule is an error; `nulls` counts such rows. " +
	"The examples are about this table. Its earlier versions had 6 and then 4 rows; the table `other` has the columns `id` (1, 2, 7) and `name` (a, b, c); `twice` is the let `sum(x) * 2`.\n\n"
