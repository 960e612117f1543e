package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/reports"
)

// TestEveryRuleHasAMutation holds the example's suites and policies against its
// cases: one that stops no change of the inputs, and sends no row of one to
// quarantine, should not be there.
func TestEveryRuleHasAMutation(t *testing.T) {
	needed := map[string]bool{}
	for _, m := range mutations(t) {
		if m.effect == "refused" || m.effect == "quarantined" {
			needed[m.table+" "+m.by] = true
			needed[m.by] = true
		}
	}
	rego, err := filepath.Glob(filepath.Join(example(t), "policies", "*.rego"))
	if err != nil || len(rego) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	for _, file := range rego {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		id := regexp.MustCompile(`(?m)^#\s+id: (\S+)`).FindSubmatch(text)
		if id == nil && !strings.HasSuffix(file, "_test.rego") || id != nil && !needed[string(id[1])] {
			t.Errorf("%s: no case of testdata/mutations.yaml is refused by it", file)
		}
	}
	files, err := filepath.Glob(filepath.Join(example(t), "suites", "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no suites: %v", err)
	}
	for _, file := range files {
		suite, err := expectations.Load(file, expectations.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range suite.Expectations {
			if !needed[suite.Table+" "+e.ID] {
				t.Errorf("%s: no case of testdata/mutations.yaml needs %s of %s", e.Position, e.ID, suite.Table)
			}
		}
	}
}

// TestMutations applies each case of the example's testdata/mutations.yaml to a
// project whose earlier days are published. What is refused must not be seen by
// any reader, and be forgotten once the input is mended.
func TestMutations(t *testing.T) {
	cases := mutations(t)
	bases := map[string]*base{}
	for _, m := range cases {
		for _, days := range [][]string{m.after, m.mended()} {
			if key := fmt.Sprint(days); bases[key] == nil {
				bases[key] = newBase(t, days)
			}
		}
	}
	for _, m := range cases {
		t.Run(m.table+"/"+m.name, func(t *testing.T) {
			t.Parallel()
			m.check(t, bases[fmt.Sprint(m.after)], bases[fmt.Sprint(m.mended())])
		})
	}
}

// TestUnknownCountry: sales to a country that no list knows are of the unknown
// member, until the alias table has its spelling.
func TestUnknownCountry(t *testing.T) {
	cases := mutations(t)
	m := cases[slices.IndexFunc(cases, func(m mutation) bool { return m.name == "a misspelt country" })]
	p := project(t, m.after...)
	mustRun(t, p)
	if _, err := m.apply(p); err != nil {
		t.Fatal(err)
	}
	unknown := func() string {
		mustRun(t, p)
		out, code := dq(t, p, "table", "query", "warehouse/gold/fact_sales", "--format", "csv", "SELECT count(*) AS n FROM t WHERE country_key = 0")
		if code != 0 {
			t.Fatal(out)
		}
		return strings.TrimSpace(strings.TrimPrefix(out, "n"))
	}
	if n := unknown(); n != "3" {
		t.Errorf("%s facts without a country, want 3", n)
	}
	aliases := filepath.Join(p, "data", "reference", "country_aliases.csv")
	data, err := os.ReadFile(aliases)
	if err != nil {
		t.Fatal(err)
	}
	put(t, aliases, append(data, "Untied Kingdom,GB,a slip\n"...))
	if n := unknown(); n != "0" {
		t.Errorf("%s facts without a country after the alias came, want none", n)
	}
}

// base is a project in which days are published.
type base struct {
	dir      string
	record   *record.Run
	contents map[string]string
}

func newBase(t *testing.T, days []string) *base {
	dir := project(t, days...)
	// Other tests look at the reports; here they would only take time.
	edited(t, filepath.Join(dir, "pipeline.yaml"), "\nreports: ", "\n# reports: ")
	rec, out, code := recordedRun(t, dir)
	if code != 0 {
		t.Fatalf("days %v: exit code %d:\n%s", days, code, out)
	}
	return &base{dir, rec, contents(t, warehouse(dir))}
}

// edited replaces a text that is in a file once.
func edited(t *testing.T, file, old, text string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), old); n != 1 {
		t.Fatalf("%s has %q %d times", file, old, n)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, text, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recordedRun runs a project and returns the run's record, output and exit code.
func recordedRun(t *testing.T, project string) (*record.Run, string, int) {
	t.Helper()
	out, code := dq(t, project, "run", "--threads", "1", "--out", "json=run.json")
	f, err := os.Open(filepath.Join(project, "run.json"))
	if err != nil {
		t.Fatalf("exit code %d without a record:\n%s", code, out)
	}
	defer f.Close()
	rec, err := record.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return rec, out, code
}

// mended lists the days that are published once the case's input is mended.
func (m mutation) mended() []string {
	days := slices.Clone(m.after)
	if day := strings.TrimSuffix(m.as, ".csv.gz"); m.day != "" && m.effect == "refused" && !slices.Contains(days, day) {
		days = append(days, day)
	}
	return days
}

func (m mutation) layer() string { return m.table[:strings.Index(m.table, ".")] }

func (m mutation) check(t *testing.T, before, mended *base) {
	p := filepath.Join(t.TempDir(), "project")
	copyTree(t, before.dir, p)
	mend, err := m.apply(p)
	if err != nil {
		t.Fatal(err)
	}
	was := versions(t, warehouse(p))
	rec, out, code := recordedRun(t, p)
	tab := tableOf(t, rec, m.table, out)
	said := complaintOf(tab, m.by)
	if m.by != "" && !strings.Contains(out, m.by) {
		t.Errorf("the output does not name %s:\n%s", m.by, out)
	}
	wantCode, wantOutcome := 0, "published"
	if m.effect == "refused" {
		wantCode, wantOutcome = 1, "refused"
	}
	if code != wantCode || tab.Outcome != wantOutcome {
		t.Fatalf("exit code %d and %s is %s, want %d and %s:\n%s", code, m.table, tab.Outcome, wantCode, wantOutcome, out)
	}
	switch m.effect {
	case "refused":
		m.checkRefused(t, p, rec, said, out)
		if sameVersions(t, p, was, m.layer()); t.Failed() {
			return
		}
		if err := mend(); err != nil {
			t.Fatal(err)
		}
		if out, code := dq(t, p, "run", "--threads", "1"); code != 0 {
			t.Fatalf("after mending, exit code %d:\n%s", code, out)
		}
		sameContents(t, contents(t, warehouse(p)), mended.contents)
	case "quarantined":
		if said.verdict != record.Warn {
			t.Errorf("%s has the verdict %q, want warn", m.by, said.verdict)
		}
		m.checkQuarantine(t, p, rec.ID, tab)
	case "warned":
		if said.verdict != record.Warn {
			t.Errorf("%s has the verdict %q, want warn:\n%s", m.by, said.verdict, out)
		}
		if old := complaintOf(tableOf(t, before.record, m.table, ""), m.by); old.verdict == record.Warn {
			t.Errorf("%s warns about the unchanged input, too", m.by)
		}
	case "published":
		if v := verdictOf(tab); v != record.Pass {
			t.Errorf("%s has the verdict %s, want pass:\n%s", m.table, v, out)
		}
	}
}

// checkRefused holds that the rule is a reason why the gate closed, and that a row
// that broke it is shown, or what the case says stands in its place.
func (m mutation) checkRefused(t *testing.T, project string, rec *record.Run, said complaint, out string) {
	t.Helper()
	if said.verdict != record.Fail {
		t.Errorf("%s has the verdict %q, want fail", m.by, said.verdict)
	}
	kept, err := pipeline.RefusedBatches(context.Background(), warehouse(project))
	if err != nil || len(kept) != 1 || kept[0].Layer != m.layer() {
		t.Fatalf("refused batches: %v, %v", kept, err)
	}
	if !slices.ContainsFunc(kept[0].Reasons, func(r string) bool { return strings.HasPrefix(r, m.table+": "+m.by) }) {
		t.Errorf("the gate did not close because of %s of %s, but of %q", m.by, m.table, kept[0].Reasons)
	}
	reached := false
	for _, l := range rec.Layers {
		want := "not_run"
		switch {
		case l.Name == m.layer():
			want, reached = "refused", true
		case !reached:
			continue
		}
		if l.Outcome != want {
			t.Errorf("layer %s is %s, want %s", l.Name, l.Outcome, want)
		}
	}
	var page strings.Builder
	if err := reports.Write(&page, "html", rec); err != nil {
		t.Fatal(err)
	}
	media := map[string]string{"output": out, "page": html.UnescapeString(page.String())}
	if m.shows != "" {
		if len(said.sample) > 0 && !inGroups(tableOf(t, rec, m.table, out), m.by) {
			t.Errorf("rows can be shown, and so need not be replaced by %q: %v", m.shows, said.sample)
		}
		for name, text := range media {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), m.shows) {
				t.Errorf("the %s does not show %q:\n%s", name, m.shows, out)
			}
		}
		return
	}
	for name, text := range media {
		if !slices.ContainsFunc(said.sample, func(row map[string]any) bool { return showsRow(text, row) }) {
			t.Errorf("the %s shows no row of %v:\n%s", name, said.sample, out)
		}
	}
	if again := complaintOf(tableOf(t, &record.Run{Layers: []record.Layer{kept[0].Record}}, m.table, out), m.by); len(again.sample) != len(said.sample) {
		t.Errorf("the refused batch has the rows %v, the record %v", again.sample, said.sample)
	}
}

// inGroups reports whether a rule is judged in groups: then it shows these when it
// has no rows to show.
func inGroups(tab *record.Table, rule string) bool {
	return tab.Check != nil && slices.ContainsFunc(tab.Check.Expectations, func(e record.Expectation) bool { return e.ID == rule && len(e.Groups) > 0 })
}

// showsRow reports whether a line has two values of a row, or all if there are
// fewer: not where it lies, what is hidden, or what was counted of a group.
func showsRow(text string, row map[string]any) bool {
	var values []string
	for name, v := range row {
		seen, _, _ := strings.Cut(fmt.Sprint(v), "[redacted]")
		place := slices.Contains([]string{"_file", "_line", "_loaded_at", "file", "record", "problem", "_change_type"}, name)
		if seen = strings.TrimSpace(seen[:min(len(seen), 20)]); v != nil && seen != "" && !place && !strings.Contains(name, "(") {
			values = append(values, seen)
		}
	}
	if len(values) == 0 {
		return false
	}
	for line := range strings.Lines(text) {
		found := 0
		for _, v := range values {
			if strings.Contains(line, v) {
				found++
			}
		}
		if found >= min(2, len(values)) {
			return true
		}
	}
	return false
}

// sameVersions holds that no table of a layer or after it, nor its quarantine, is other than it was.
func sameVersions(t *testing.T, project string, was map[string]int64, layer string) {
	t.Helper()
	order := []string{"bronze", "silver", "gold"}
	closed := order[slices.Index(order, layer):]
	now := versions(t, warehouse(project))
	for _, name := range slices.Sorted(maps.Keys(now)) {
		of, _, _ := strings.Cut(strings.TrimPrefix(name, "quarantine/"), "/")
		old, existed := was[name]
		if slices.Contains(closed, of) && (!existed || now[name] != old) {
			t.Errorf("%s went from version %d to %d although layer %s was refused", name, old, now[name], layer)
		}
	}
}

// checkQuarantine counts the rows that the quarantine table holds because of the rule.
func (m mutation) checkQuarantine(t *testing.T, project, run string, tab *record.Table) {
	t.Helper()
	if tab.Quarantine == nil || tab.Quarantine.ByRule[m.by] != m.rows {
		t.Fatalf("the record has the quarantine %+v, want %d rows by %s", tab.Quarantine, m.rows, m.by)
	}
	where := filepath.Join("warehouse", "quarantine", strings.Replace(m.table, ".", "/", 1))
	out, code := dq(t, project, "table", "query", where, "--format", "json",
		"SELECT count(*) AS n FROM t WHERE list_contains(dq_reasons, '"+m.by+"') AND dq_run = '"+run+"'")
	var counted []struct{ N int64 }
	if err := json.Unmarshal([]byte(out), &counted); err != nil || code != 0 || len(counted) != 1 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if counted[0].N != m.rows {
		t.Errorf("%s holds %d rows by %s, want %d", where, counted[0].N, m.by, m.rows)
	}
	if c := tab.Counts; c.Returned != c.Published+c.Quarantined+c.Dropped+c.Unchanged || c.Quarantined < m.rows {
		t.Errorf("the counts do not add up: %+v", c)
	}
}

func tableOf(t *testing.T, rec *record.Run, name, out string) *record.Table {
	t.Helper()
	for _, l := range rec.Layers {
		for i := range l.Tables {
			if l.Tables[i].Name == name {
				return &l.Tables[i]
			}
		}
	}
	t.Fatalf("the record has no table %s:\n%s", name, out)
	return nil
}

// complaint is what a record says about one rule, be it an expectation, a
// finding about the source, or a policy.
type complaint struct {
	verdict record.Verdict
	sample  []map[string]any
}

func complaintOf(tab *record.Table, rule string) complaint {
	severity := map[string]record.Verdict{"error": record.Fail, "deny": record.Fail, "warn": record.Warn}
	if tab.Check != nil {
		for _, e := range tab.Check.Expectations {
			if e.ID == rule {
				return complaint{e.Verdict, e.Sample}
			}
		}
	}
	for _, f := range tab.Findings {
		if f.Rule == rule {
			return complaint{severity[f.Severity], f.Sample}
		}
	}
	for _, d := range tab.Decisions {
		if d.Policy == rule {
			return complaint{severity[d.Effect], nil}
		}
	}
	return complaint{}
}

func verdictOf(tab *record.Table) record.Verdict {
	worst := record.Pass
	if tab.Check != nil {
		worst = record.Worst(worst, tab.Check.Verdict)
	}
	for _, f := range tab.Findings {
		worst = record.Worst(worst, complaintOf(tab, f.Rule).verdict)
	}
	for _, d := range tab.Decisions {
		worst = record.Worst(worst, complaintOf(tab, d.Policy).verdict)
	}
	return worst
}
