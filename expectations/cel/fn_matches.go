package cel

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxRegexProgram bounds a pattern, so that no engine runs out of memory on it.
const maxRegexProgram = 10_000

// Regular expressions are RE2's, as Go and DuckDB both have them; matches finds
// the pattern anywhere in the text. What the two treat differently is refused.
var matchesFunctions = []function{
	{name: "matches", style: either,
		doc:      "Whether a regular expression of RE2, a constant, is found anywhere in a text.",
		examples: []string{"'banana'.matches('n.n')", "!'banana'.matches('^an')", "matches('12', r'^\\d+$')"}, forms: []form{{
			id: "matches_string", in: []*types.Type{types.StringType, types.StringType}, out: types.BoolType, total: true,
			eval: func(a []ref.Val) ref.Val {
				re, err := compileRegex(string(a[1].(types.String)))
				if err != nil {
					return types.WrapErr(err)
				}
				return types.Bool(re.MatchString(string(a[0].(types.String))))
			},
			check: func(literals []ref.Val) *wrong {
				pattern, ok := literals[1].(types.String)
				if !ok {
					return &wrong{1, "the pattern of matches must be a text constant", ""}
				}
				return checkRegex(string(pattern))
			},
			duckdb: call("regexp_matches"),
			spark: func(w *writer, a []term) (string, error) {
				pattern, _ := a[1].lit.(types.String)
				java, err := javaRegex(string(pattern))
				if err != nil {
					return "", w.unsupported("%s in a pattern", err)
				}
				return "(" + a[0].sql + " RLIKE " + w.dialect.Literal(java) + ")", nil
			},
		}}},
}

var regexes sync.Map // of *regexp.Regexp, by pattern; patterns are constants of rules

func compileRegex(pattern string) (*regexp.Regexp, error) {
	if re, ok := regexes.Load(pattern); ok {
		return re.(*regexp.Regexp), nil
	}
	re, err := regexp.Compile(pattern)
	if err == nil {
		regexes.Store(pattern, re)
	}
	return re, err
}

func checkRegex(pattern string) *wrong {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		if e, ok := err.(*syntax.Error); ok {
			hint := ""
			switch e.Code {
			case syntax.ErrInvalidPerlOp:
				hint = "lookahead and lookbehind are not in RE2; write two conditions with && and !"
			case syntax.ErrInvalidEscape:
				hint = `in CEL a backslash is written twice, or the text as r'\d+'`
			}
			return &wrong{1, fmt.Sprintf("the pattern is no regular expression: %s: %q", e.Code, e.Expr), hint}
		}
		return &wrong{1, "the pattern is no regular expression: " + err.Error(), ""}
	}
	if hasNotBoundary(parsed) {
		return &wrong{1, `engines disagree on \B in texts that are not ASCII`, ""}
	}
	if m := foreignSyntax(pattern); m != "" {
		return &wrong{1, fmt.Sprintf("engines disagree on %s in a pattern", m), "write a named group as (?P<name>...), letters as \\pL, other classes as ranges"}
	}
	if program, err := syntax.Compile(parsed.Simplify()); err == nil && len(program.Inst) > maxRegexProgram {
		return &wrong{1, "the pattern is too large", ""}
	}
	return nil
}

// sharedClasses are the Unicode classes that hold the same characters in Go and
// in DuckDB; others differ, or have names that only one of them knows.
var sharedClasses = regexp.MustCompile(`^\\[pP]([LMNPSZ]|\{\^?([LMNPSZ][a-z]?|Arabic|Cyrillic|Devanagari|Greek|Han|Hangul|Hebrew|Hiragana|Katakana|Latin|Thai)\})`)

// foreignSyntax finds what Go accepts and DuckDB's RE2 does not, or reads by
// other tables.
func foreignSyntax(pattern string) string {
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch {
		case strings.HasPrefix(rest, "(?<"):
			return "(?<"
		case strings.HasPrefix(rest, `\p`), strings.HasPrefix(rest, `\P`):
			if !sharedClasses.MatchString(rest) {
				if end := strings.IndexByte(rest, '}'); end > 0 {
					return rest[:end+1]
				}
				return rest
			}
			i++
		case rest[0] == '\\':
			i++
		}
	}
	return ""
}

func hasNotBoundary(re *syntax.Regexp) bool {
	if re.Op == syntax.OpNoWordBoundary {
		return true
	}
	for _, sub := range re.Sub {
		if hasNotBoundary(sub) {
			return true
		}
	}
	return false
}
