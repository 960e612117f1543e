package expectations

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/record"
)

// TestCatalogue reads all files, so that each says what is wrong with it.
func TestCatalogue(t *testing.T) {
	for _, name := range builtin().names() {
		if _, err := readKind(catalogue, "catalogue/"+name+".yaml"); err != nil {
			t.Error(err)
		}
	}
}

// TestExamples judges every example of the catalogue by the reference evaluator.
func TestExamples(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			seen := map[record.Verdict]bool{}
			empty, null, boundary := false, false, false
			for _, e := range k.Examples {
				if problem := e.problem(); problem != "" {
					t.Errorf("%s: %s", e.Position(), problem)
				}
				seen[e.Expect] = true
				empty = empty || len(e.Relation.Rows) == 0
				boundary = boundary || strings.Contains(e.Name, "boundary") || strings.Contains(e.Name, "zero")
				for _, row := range e.Relation.Rows {
					for _, v := range row {
						null = null || v == nil
					}
				}
			}
			if !seen[record.Pass] || !seen[record.Fail] || !empty || !null || !boundary {
				t.Errorf("examples are missing: pass %v, fail %v, no rows %v, null %v, boundary %v", seen[record.Pass], seen[record.Fail], empty, null, boundary)
			}
			if k.Doc == "" || k.Dimension == "" {
				t.Error("doc or dimension is missing")
			}
		})
	}
}

func (e Example) problem() string {
	got := e.Reference()
	if got.Verdict == e.Expect && got.Failed == e.Failed && got.Errored == e.Errored {
		return ""
	}
	return fmt.Sprintf("%s: %s failed=%d errored=%d, want %s failed=%d errored=%d: %s",
		e.Name, got.Verdict, got.Failed, got.Errored, e.Expect, e.Failed, e.Errored, got.Message)
}

// mutations replace one operator or name of a template by another.
var mutations = []struct{ old, new string }{
	{` >= `, ` > `}, {` <= `, ` < `}, {` > `, ` >= `}, {` < `, ` <= `}, {` == `, ` != `}, {` != `, ` == `},
	{` >= `, ` <= `}, {` <= `, ` >= `}, {` > `, ` < `}, {` < `, ` > `},
	{`^!`, ``}, {`\bmean\(`, `max(`}, {`\bsum\(`, `max(`}, {`\bmin\(`, `max(`}, {`\bmax\(`, `min(`},
	{`\bdistinct\(`, `count(`}, {`\bshare\(`, `count(`}, {`\brows\(\)`, `rows() + 1`}, {`\bnow\(\)`, `now() - duration('1s')`},
	{` in `, ` == `}, {`startsWith`, `endsWith`}, {`endsWith`, `startsWith`}, {`contains`, `startsWith`}, {`\babs\(`, `(`},
	{`upperAscii\(\) ==`, `lowerAscii() ==`}, {`lowerAscii\(\) ==`, `upperAscii() ==`}, {` && `, ` || `}, {` \|\| `, ` && `}, {`\^`, ``}, {`\$'`, `'`}, {` - `, ` + `}, {` \+ `, ` - `},
	{`\balike\(`, `1 + alike(`}, {`\bmedian\(`, `min(`}, {`\bstddev\(`, `variance(`}, {`\bvariance\(`, `stddev(`}, {`\bmode\(`, `min(`}, {`\bfalls\(`, `rises(`}, {`\brises\(`, `falls(`}, {`\bstays\(`, `falls(`}, {`\bbeyond\(`, `beyond_iqr(`}, {`\bbeyond_iqr\(`, `beyond(`}, {`\bskewness\(`, `kurtosis(`}, {`\bkurtosis\(`, `skewness(`}, {`\bcorr\(`, `entropy(1.0 * `}, {`>= lag\(`, `>= lag_down(`}, {`<= lag_down\(`, `<= lag(`}, {`\bstddev_pop\(`, `stddev(`}, {`\bvariance_pop\(`, `variance(`}, {`\brank_corr\(`, `0.5 * rank_corr(`}, {`\bgeometryType\(`, `"x" + geometryType(`}, {`\bgeometryArea\(`, `1.0 + geometryArea(`}, {`\bgeometryPoints\(`, `1 + geometryPoints(`}, {`\bgeoDistance\(`, `1.0 + geoDistance(`}, {`\bks\(`, `1.0 - ks(`}, {`\bwasserstein\(`, `1.0 + wasserstein(`}, {`\bcramers_v\(`, `1.0 - cramers_v(`}, {`\bmodes\(`, `1 + modes(`}, {`\bmode_rows\(`, `1 + mode_rows(`}, {`\bnearest_quantile\(`, `quantile(`}, {`\bentropy\(`, `2.0 * entropy(`}, {`\bln\(`, `sqrt(`}, {` \* `, ` / `}, {`\bmissing\(`, `1 + missing(`}, {`\brows_of\(`, `1 + rows_of(`}, {`\bsum_of\(`, `1.0 + sum_of(`}, {`\bmad\(`, `stddev(`}, {`\bnear_pairs\(`, `1 + near_pairs(`}, {`\bmutual_information\(`, `1.0 + mutual_information(`}, {`\bbeyond_moving\(`, `1 + beyond_moving(`}, {`\bnulls\(`, `rows() - nulls(`}, {`\bduplicates\(`, `1 + duplicates(`},
	{`\$op`, `==`},
}

// TestMutations: whatever is turned around in a kind's template, an example sees it.
func TestMutations(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			mutated := 0
			check := func(what string, change func(*Kind)) {
				other := k
				other.Clauses, other.Terms = slices.Clone(k.Clauses), slices.Clone(k.Terms)
				change(&other)
				mutated++
				if !slices.ContainsFunc(k.Examples, func(e Example) bool { return e.with(&other).problem() != "" }) {
					t.Errorf("%s: no example sees it", what)
				}
			}
			turn := func(cel string, put func(o *Kind, cel string)) {
				for _, m := range mutations {
					re := regexp.MustCompile(m.old)
					if loc := re.FindStringIndex(cel); loc != nil {
						text := cel[:loc[0]] + m.new + cel[loc[1]:]
						check(text, func(o *Kind) { put(o, text) })
					}
				}
			}
			for i, t := range k.Terms {
				turn(t.CEL, func(o *Kind, cel string) { o.Terms[i].CEL = cel })
				for join, none := range joins {
					if strings.TrimSpace(t.Join) == join || t.Join == ", " || strings.ContainsAny(join, "&|") != strings.ContainsAny(t.Join, "&|") {
						continue
					}
					check(t.Name+" joined by "+join, func(o *Kind) { o.Terms[i].Join, o.Terms[i].None = " "+join+" ", none })
				}
			}
			for i, c := range k.Clauses {
				turn(c.CEL, func(o *Kind, cel string) { o.Clauses[i].CEL = cel })
				check("not "+c.CEL, func(o *Kind) { o.Clauses[i].CEL = "!(" + c.CEL + ")" })
				if len(k.Clauses) > 1 {
					check("without "+c.CEL, func(o *Kind) { o.Clauses[i].CEL = "true" })
				}
			}
			if k.SkipNulls && len(k.Params) > 0 && k.Scope == "row" && k.Form == "" {
				check("nulls are judged", func(o *Kind) { o.SkipNulls = false })
			}
			if mutated < 2 {
				t.Errorf("%d mutations: add one for this template", mutated)
			}
		})
	}
}

// with is the example with another kind in its place.
func (e Example) with(k *Kind) Example {
	s := *e.suite
	s.Expectations = slices.Clone(s.Expectations)
	c := *s.Expectations[0].call
	c.kind = k
	s.Expectations[0].call = &c
	e.suite = &s
	return e
}

func BenchmarkLoad(b *testing.B) {
	data, err := os.ReadFile("testdata/orders.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse("orders.yaml", data, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
