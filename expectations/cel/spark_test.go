package cel

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/dq-dev/dq/engine"
)

// sparkDialect spells names as Spark SQL does.
type sparkDialect struct{ engine.Dialect }

func (sparkDialect) Name() string             { return "spark" }
func (sparkDialect) Ident(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
func (sparkDialect) Literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
func (sparkDialect) Relation(name string) string {
	return "`" + strings.ReplaceAll(name, ".", "`.`") + "`"
}

func TestSparkRowSQL(t *testing.T) {
	e := env(t)
	golden(t, "testdata/row_sql_spark.txt", func(src string) string { return rowSQL(e, sparkDialect{}, src) })
}

func TestSparkMetricSQL(t *testing.T) {
	e := env(t)
	golden(t, "testdata/metric_sql_spark.txt", func(src string) string { return metricSQL(e, sparkDialect{}, src) })
}

// Rows that agree are counted in Spark, too; it has no frame that lag needs.
func TestSparkWindows(t *testing.T) {
	for src, want := range map[string]string{
		"alike(country, rate) == 1":              "CASE WHEN TRUE THEN count(*) OVER (PARTITION BY TRUE, `country`, `rate` + 0e0) END",
		"lag(quantity, ordered_at) == null":      "lag has no exact form in the SQL of spark",
		"lag_down(quantity, ordered_at) == null": "lag_down has no exact form in the SQL of spark",
	} {
		r, err := env(t).RowOver(src, nil)
		if err != nil {
			t.Fatal(err)
		}
		sql, err := r.Windows()[0].SQL(sparkDialect{})
		if got := cmp.Or(sql, fmt.Sprint(err)); got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
}

// The pattern for Java is one for Go too, but for lookarounds: where there is
// none, both find the same.
func TestJavaRegex(t *testing.T) {
	texts := []string{"", "a", "A", "ab", "abc", "é", "日本", "a\nb", "\n", "a.b", "12", "x_1", "K", "\u212a", "ſ", "s", "😀", "\\", "-", "[", "]", "^", "&&", "a b", "\u00a0", "\t"}
	for _, pattern := range []string{"^a", "b$", "^a.b$", "(?s)a.b", "(?i)k", "(?i)ſ", `\d+`, `\s`, `\w`, `\W`, `[^a]`, `[[:alpha:]]`, `\pL`, `\p{Greek}`, `\P{Latin}`, `a|b|`, `(?:ab){1,2}c?`, `a*?`, `[&&a]`, `[\]\[^-]`, `\x{1F600}`, `^$`, `(?P<n>a)b`, `\Qa.b\E`, `^[^@]+@[^@]+$`} {
		java, err := javaRegex(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		for _, r := range java {
			if r > unicode.MaxASCII {
				t.Errorf("%s becomes %s, which is not ASCII", pattern, java)
			}
		}
		want, again := regexp.MustCompile(pattern), regexp.MustCompile(java)
		for _, text := range texts {
			if want.MatchString(text) != again.MatchString(text) {
				t.Errorf("%s becomes %s, which differs for %q", pattern, java, text)
			}
		}
	}
}
