package cel

import (
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
)

// The dialect of Spark SQL 3.5, with the session's time zone UTC; whether ANSI is
// on makes no difference. Where its SQL is not DuckDB's: ints are BIGINT and go
// through try_add and its like, a double is divided by zero by a CASE, times are
// made from and read as microseconds, and decimals are kept below the digits at
// which Spark begins to drop places. Regular expressions are written anew for Java.

func (w *writer) isSpark() bool { return w.dialect.Name() == "spark" }

// bigints casts terms to BIGINT, which literals of Spark are already.
func bigints(a []term) (x, y string) {
	cast := func(t term) string {
		if t.lit != nil {
			return t.sql
		}
		return "CAST(" + t.sql + " AS BIGINT)"
	}
	return cast(a[0]), cast(a[1])
}

const sparkMin = "(-9223372036854775808L)"

// sparkInts is + - * / or % of ints.
func sparkInts(op string) emitFunc {
	return func(w *writer, a []term) (string, error) {
		x, y := bigints(a)
		switch op {
		case "+":
			return "try_add(" + x + ", " + y + ")", nil
		case "-":
			return "try_subtract(" + x + ", " + y + ")", nil
		case "*":
			return "try_multiply(" + x + ", " + y + ")", nil
		case "//":
			op = "DIV"
		}
		return fmt.Sprintf("CASE WHEN %s <> 0 AND NOT (%s = %s AND %s = -1) THEN %s %s %s END", y, x, sparkMin, y, x, op, y), nil
	}
}

// sparkDivide divides doubles as IEEE 754 has it; Spark gives null or stops.
func sparkDivide(w *writer, a []term) (string, error) {
	x, y := w.double(a[0]), w.double(a[1])
	if a[1].lit != nil && strings.Trim(y, "(-0.)eD+") != "" {
		return fmt.Sprintf("(%s / %s)", x, y), nil
	}
	return fmt.Sprintf("CASE WHEN %s <> 0D THEN %s / %s WHEN %s IS NULL THEN NULL WHEN %s = 0D THEN CASE WHEN isnan(%s) OR %s = 0D THEN CAST('NaN' AS DOUBLE) WHEN (%s > 0D) = (CAST(%s AS STRING) <> '-0.0') THEN %s ELSE -%s END END",
		y, x, y, x, y, x, x, x, y, infinity, infinity), nil
}

const infinity = "CAST('Infinity' AS DOUBLE)"

// sparkWhole is floor, ceil, round or trunc of a double: Spark's own give BIGINT
// and have no -0.0.
func sparkWhole(name string) emitFunc {
	return func(w *writer, a []term) (string, error) {
		x := a[0].sql
		whole := fmt.Sprintf("CAST(%s(%s) AS DOUBLE)", name, x)
		if name == "trunc" {
			whole = fmt.Sprintf("CAST(CAST(%s AS BIGINT) AS DOUBLE)", x)
		}
		return fmt.Sprintf("CASE WHEN abs(%s) < 4503599627370496D THEN CASE WHEN %s = 0D AND (%s < 0D OR CAST(%s AS STRING) = '-0.0') THEN -0.0D ELSE %s END ELSE %s END", x, whole, x, x, whole, x), nil
	}
}

// sparkDecimals refuses what Spark would compute with fewer places: it needs a
// digit more than the result has.
func (w *writer) sparkDecimals(out shape) error {
	if out.precision >= maxDigits {
		return w.unsupported("a decimal of %d digits", out.precision)
	}
	return nil
}

// javaRegex writes a pattern of RE2 so that Java finds it in the same texts: with
// no shorthands, whose meaning differs, and letters of both cases written out.
func javaRegex(pattern string) (string, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = writeJava(&b, re)
	return b.String(), err
}

func writeJava(b *strings.Builder, re *syntax.Regexp) error {
	group := func(sub *syntax.Regexp) error {
		b.WriteString("(?:")
		err := writeJava(b, sub)
		b.WriteString(")")
		return err
	}
	switch re.Op {
	case syntax.OpNoMatch:
		b.WriteString("(?!)")
	case syntax.OpEmptyMatch:
		b.WriteString("(?:)")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			set := []rune{r, r}
			if re.Flags&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					set = append(set, f, f)
				}
			}
			javaClass(b, set)
		}
	case syntax.OpCharClass:
		javaClass(b, re.Rune)
	case syntax.OpAnyCharNotNL:
		b.WriteString(`[^\n]`)
	case syntax.OpAnyChar:
		b.WriteString(`[\x{0}-\x{10FFFF}]`)
	case syntax.OpBeginText:
		b.WriteString(`\A`)
	case syntax.OpEndText:
		b.WriteString(`\z`)
	case syntax.OpBeginLine:
		b.WriteString(`(?:\A|(?<=\n))`)
	case syntax.OpEndLine:
		b.WriteString(`(?=\n|\z)`)
	case syntax.OpWordBoundary:
		b.WriteString(`(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))`)
	case syntax.OpCapture:
		return group(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		if err := group(re.Sub[0]); err != nil {
			return err
		}
		switch {
		case re.Op == syntax.OpStar:
			b.WriteString("*")
		case re.Op == syntax.OpPlus:
			b.WriteString("+")
		case re.Op == syntax.OpQuest:
			b.WriteString("?")
		case re.Max < 0:
			fmt.Fprintf(b, "{%d,}", re.Min)
		default:
			fmt.Fprintf(b, "{%d,%d}", re.Min, re.Max)
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if err := group(sub); err != nil {
				return err
			}
		}
	case syntax.OpAlternate:
		for i, sub := range re.Sub {
			if i > 0 {
				b.WriteString("|")
			}
			if err := group(sub); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("the construct %s", re)
	}
	return nil
}

// javaClass writes pairs of first and last code points.
func javaClass(b *strings.Builder, pairs []rune) {
	if len(pairs) == 0 {
		b.WriteString("(?!)")
		return
	}
	one := func(r rune) string {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_' || r == ' ' {
			return string(r)
		}
		return `\x{` + strings.ToUpper(strconv.FormatInt(int64(r), 16)) + "}"
	}
	if len(pairs) == 2 && pairs[0] == pairs[1] {
		b.WriteString(one(pairs[0]))
		return
	}
	b.WriteString("[")
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString(one(pairs[i]))
		if pairs[i+1] > pairs[i] {
			b.WriteString("-" + one(pairs[i+1]))
		}
	}
	b.WriteString("]")
}
