package cel

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/parser"
)

const (
	maxSource = 500_000 // code points of one source
	maxNodes  = 20_000  // of a tree, lets expanded
	maxDepth  = 200
)

// parse gives the tree of a source, or the issues of its syntax.
func parse(src *source) (*ast.AST, []Issue) {
	p, err := parser.NewParser(
		parser.EnablePrattParser(true),
		parser.EnableIdentEscapeSyntax(true),
		parser.ExpressionSizeCodePointLimit(maxSource),
		parser.MaxExpressionNodeCount(maxNodes),
		parser.MaxRecursionDepth(maxDepth),
	)
	if err != nil {
		return nil, []Issue{{Message: err.Error()}}
	}
	if strings.TrimSpace(src.text) == "" {
		return nil, []Issue{{Message: "the expression is empty"}}
	}
	tree, errs := p.Parse(common.NewTextSource(src.text))
	if len(errs.GetErrors()) == 0 {
		return tree, nil
	}
	if issues := foreignWords(src.text); len(issues) > 0 {
		return nil, issues
	}
	if issues := unquotable(src.text); len(issues) > 0 {
		return nil, issues
	}
	var issues []Issue
	info := ast.NewSourceInfo(common.NewTextSource(src.text))
	for _, e := range errs.GetErrors() {
		at := info.ComputeOffsetAbsolute(int32(e.Location.Line()), int32(e.Location.Column()))
		issue := Issue{Message: plainWords(strings.TrimPrefix(e.Message, "Syntax error: "))}
		issue.Offset, issue.Length = src.byteRange(at, at)
		issues = append(issues, issue)
	}
	return nil, issues[:1] // what follows the first is a guess
}

// parserWords are messages of the parser, and what they say to people who write no
// parsers.
var parserWords = []struct {
	pattern *regexp.Regexp
	message string
}{
	{regexp.MustCompile(`^mismatched input '?<EOF>'? expecting expression$`), "the text ends where an expression is needed"},
	{regexp.MustCompile(`^mismatched input '?<EOF>'? expecting (.+)$`), "the text ends where $1 is needed"},
	{regexp.MustCompile(`^mismatched input ('.+') expecting (.+)$`), "$1 stands where $2 is needed"},
	{regexp.MustCompile(`^expected ('.+')$`), "$1 is missing"},
}

func plainWords(message string) string {
	for _, w := range parserWords {
		message = w.pattern.ReplaceAllString(message, w.message)
	}
	return message
}

// escaped is a column between backquotes, which CEL allows only some characters in.
var escaped = regexp.MustCompile("row\\.`([^`]*)`")

// unquotable finds columns between backquotes that must be written as an index.
func unquotable(text string) []Issue {
	var issues []Issue
	for _, at := range escaped.FindAllStringSubmatchIndex(text, -1) {
		if name := text[at[2]:at[3]]; !quotableName.MatchString(name) {
			issues = append(issues, Issue{Offset: at[0], Length: at[1] - at[0],
				Message: "between backquotes CEL takes letters without accents, digits, blanks and _ . - / only",
				Hint:    "write row[" + strconv.Quote(name) + "]"})
		}
	}
	return issues
}

// foreign is what other languages write, and what CEL writes.
var foreign = []struct {
	pattern *regexp.Regexp
	message string
	hint    string
}{
	{regexp.MustCompile(`(?i)^is\s+not\s+null\b`), "IS NOT NULL is SQL", "write x != null"},
	{regexp.MustCompile(`(?i)^is\s+null\b`), "IS NULL is SQL", "write x == null"},
	{regexp.MustCompile(`(?i)^not\s+in\b`), "NOT IN is SQL", "write !(x in ['a', 'b'])"},
	{regexp.MustCompile(`(?i)^in\s*\(`), "IN (...) is SQL", "write x in ['a', 'b']"},
	{regexp.MustCompile(`(?i)^and\b`), "AND is SQL", "write &&"},
	{regexp.MustCompile(`(?i)^or\b`), "OR is SQL", "write ||"},
	{regexp.MustCompile(`(?i)^not\b`), "NOT is SQL", "write !"},
	{regexp.MustCompile(`(?i)^like\b`), "LIKE is SQL", "write x.startsWith('a'), x.contains('a') or x.matches('^a.*')"},
	{regexp.MustCompile(`(?i)^between\b`), "BETWEEN is SQL", "write x >= 1 && x <= 9"},
	{regexp.MustCompile(`(?i)^ilike\b`), "ILIKE is SQL", "write x.matches('(?i)^a.*')"},
	{regexp.MustCompile(`(?i)^case\s+when\b`), "CASE WHEN is SQL", "write c ? a : b"},
	{regexp.MustCompile(`(?i)^cast\s*\(`), "CAST is SQL", "write int(x), double(x), string(x) or decimal(x, 2)"},
	{regexp.MustCompile(`^<>`), "<> is SQL", "write !="},
	{regexp.MustCompile(`^[!=]==`), "three signs compare nothing", "write == or !="},
	{regexp.MustCompile(`^(==|!=|<=|>=|&&|\|\|)`), "", ""},
	{regexp.MustCompile(`^=`), "a single = compares nothing", "write =="},
	{regexp.MustCompile(`^&`), "a single & is no operator", "write &&"},
	{regexp.MustCompile(`^\|`), "a single | is no operator", "write ||"},
}

var (
	quoted = regexp.MustCompile("(?s)^(?:(?i:br?|rb?)?(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\\\.|[^\"\\\\])*\"|'(?:\\\\.|[^'\\\\])*')|`[^`]*`|//[^\n]*)")
	word   = regexp.MustCompile(`^[\p{L}\p{N}\p{M}_]+`)
)

// foreignWords finds words and signs of other languages outside quotes, and names of
// letters that CEL's do not have.
func foreignWords(text string) []Issue {
	var issues []Issue
next:
	for at := 0; at < len(text); {
		rest := text[at:]
		if m := quoted.FindString(rest); m != "" {
			at += len(m)
			continue
		}
		for _, f := range foreign {
			m := f.pattern.FindString(rest)
			if m == "" {
				continue
			}
			if f.message != "" {
				issues = append(issues, Issue{Offset: at, Length: len(m), Message: f.message, Hint: f.hint})
			}
			at += len(m)
			continue next
		}
		name := word.FindString(rest)
		if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
			issues = append(issues, Issue{Offset: at, Length: len(name), Message: name + " is no name: CEL knows A to Z, digits and _", Hint: "write row[" + strconv.Quote(name) + "]"})
		}
		at += max(1, len(name))
	}
	return issues
}
