package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/expectations/kindtest"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/interop/gx"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// gxCase is one of Great Expectations' own test cases.
type gxCase struct {
	ID          string
	Expectation string
	Kwargs      json.RawMessage
	Expect      struct {
		Success    *bool
		Unexpected []any `json:"unexpected_list"`
		Indexes    []any `json:"unexpected_index_list"`
	}
	Error   map[string]any
	OnlyFor []string `json:"only_for"`
	Schemas map[string]json.RawMessage
	Data    json.RawMessage

	raw map[string]any // of expect
}

// TestGreatExpectationsCases runs the cases of interop/gx/testdata, and those in the
// folder DQ_GX_CASES (*.jsonl), through the kinds that stand for their expectations. Each must end as in Great
// Expectations, with as many bad rows where those are told, or be listed in
// interop/gx/deviations.yaml with the reason.
func TestGreatExpectationsCases(t *testing.T) {
	notRun, deviations := gxDeviations(t)
	e, err := duckdb.Open(duckdb.Config{Threads: 2, MemoryLimit: "1GB", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	session, err := e.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	var files []string
	for _, dir := range []string{"../../interop/gx/testdata", os.Getenv("DQ_GX_CASES")} {
		found, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
		if len(found) == 0 && dir != "" {
			t.Fatalf("no cases in %s", dir)
		}
		files = append(files, found...)
	}
	agreed, listed, skipped := 0, 0, 0
	seen := map[string]bool{}
	for _, file := range files {
		for _, c := range readGXCases(t, file) {
			seen[c.ID], seen[c.Expectation] = true, true
			if notRun[c.Expectation] != "" || notRun[c.ID] != "" {
				skipped++
				continue
			}
			problem := c.run(t, session, e.Dialect())
			reason, ok := deviations[c.ID]
			if !ok {
				reason, ok = deviations[c.Expectation]
			}
			switch {
			case problem == "":
				agreed++
				if ok && deviations[c.ID] != "" {
					t.Errorf("%s agrees, and is listed as a deviation: %s", c.ID, reason)
				}
			case ok:
				listed++
			default:
				problem, _, _ = strings.Cut(problem, "\n")
				t.Errorf("%s: %s\n\t%s", c.ID, problem, c.Kwargs)
			}
		}
	}
	for id := range deviations {
		if !seen[id] {
			t.Logf("%s is listed as a deviation, and is no case here", id)
		}
	}
	runnable := agreed + listed
	if !t.Failed() {
		t.Logf("%d of %d runnable cases agree (%.1f %%), %d deviate for a listed reason, %d cannot run", agreed, runnable, 100*float64(agreed)/float64(runnable), listed, skipped)
	}
}

// TestGreatExpectationsKinds: what expectations become is in the catalogue.
func TestGreatExpectationsKinds(t *testing.T) {
	known := map[string]bool{"row": true, "table": true, "sql": true}
	for _, k := range expectations.Kinds() {
		known[k.Name] = true
	}
	for _, name := range gx.Types() {
		for _, kind := range gx.Kinds(name) {
			if !known[kind] {
				t.Errorf("%s becomes %s, which is no kind", name, kind)
			}
		}
	}
}

func gxDeviations(t *testing.T) (notRun, deviations map[string]string) {
	t.Helper()
	const file = "../../interop/gx/deviations.yaml"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	f := doc.Root.Map("deviations", "not_run", "deviations")
	read := func(n *yamlpos.Node) map[string]string {
		out := map[string]string{}
		for _, e := range n.Pairs("cases") {
			out[e.Key.Text] = e.Value.String()
		}
		return out
	}
	notRun, deviations = read(f["not_run"]), read(f["deviations"])
	if err := doc.Err(); err != nil {
		t.Fatal(err)
	}
	return notRun, deviations
}

// infinity is what Python's JSON has, and JSON has not.
var infinity = regexp.MustCompile(`([\[:, ])(-?)Infinity\b`)

func readGXCases(t *testing.T, file string) []gxCase {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var cases []gxCase
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := infinity.ReplaceAll(lines.Bytes(), []byte(`$1"$2.inf"`))
		line = regexp.MustCompile(`([\[:, ])NaN\b`).ReplaceAll(line, []byte(`$1".nan"`))
		var c gxCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var whole struct{ Expect map[string]any }
		_ = json.Unmarshal(line, &whole)
		c.raw = whole.Expect
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

// run says how the case ends otherwise than it should; "" is agreement.
func (c gxCase) run(t *testing.T, s engine.Session, d engine.Dialect) string {
	t.Helper()
	var kwargs map[string]any
	if err := json.Unmarshal(c.Kwargs, &kwargs); err != nil {
		return "its arguments have no names"
	}
	wantError := c.Error != nil || c.raw["traceback_substring"] != nil
	rel, err := c.relation()
	if err != nil {
		return err.Error()
	}
	check, err := c.check(s, d, kwargs, rel)
	switch {
	case err != nil && wantError:
		return ""
	case err != nil:
		return "refused: " + err.Error()
	case wantError:
		verdicts := []string{}
		for _, e := range check {
			if e.Verdict == record.Error {
				return ""
			}
			verdicts = append(verdicts, string(e.Verdict))
		}
		return "an error is expected, not " + strings.Join(verdicts, ", ")
	}
	success := true
	bad := int64(0)
	for _, e := range check {
		switch e.Verdict {
		case record.Pass, record.Warn:
		case record.Fail:
			success = false
		default:
			return fmt.Sprintf("the verdict is %s: %s", e.Verdict, e.Message)
		}
		bad += e.Failed + e.Errored
	}
	if c.Expect.Success != nil && success != *c.Expect.Success {
		return fmt.Sprintf("success is %v, not %v: %s", success, *c.Expect.Success, check[0].Message)
	}
	want := max(len(c.Expect.Unexpected), len(c.Expect.Indexes))
	if (c.raw["unexpected_list"] != nil || c.raw["unexpected_index_list"] != nil) && len(check) > 0 && check[0].Scope == "row" && int64(want) != bad {
		return fmt.Sprintf("%d bad rows, not %d", bad, want)
	}
	return ""
}

// check judges the rules of the case on its data.
func (c gxCase) check(s engine.Session, d engine.Dialect, kwargs map[string]any, rel expectations.Relation) ([]record.Expectation, error) {
	rules, err := gx.Convert(gx.Expectation{Type: c.Expectation, Kwargs: kwargs})
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	all := map[string]any{}
	for i, r := range rules {
		body := map[string]any{}
		if slices.Contains([]string{"row", "table", "sql"}, r.Kind) {
			body = r.Params
		} else {
			body[r.Kind] = r.Params
		}
		all[fmt.Sprintf("rule_%d", i)] = body
	}
	text, err := json.Marshal(map[string]any{"version": 1, "expectations": all})
	if err != nil {
		return nil, err
	}
	suite, err := expectations.Parse("case.yaml", text, expectations.Options{})
	if err != nil {
		return nil, err
	}
	plan, err := suite.Plan(rel.Schema, nil)
	if err != nil {
		return nil, err
	}
	const name = "gx.rows"
	if _, err := s.Attach(context.Background(), engine.Input{Name: name, SQL: kindtest.SQL(d, rel), Materialise: true}); err != nil {
		return nil, err
	}
	res, err := plan.Audit(context.Background(), s, expectations.Target{Dialect: d, Parts: []expectations.Part{{Relation: name, New: true}},
		New: name, Table: name, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return nil, err
	}
	return res.Check.Expectations, nil
}

// relation is the data of the case with the types that it states, or that its
// values have.
func (c gxCase) relation() (expectations.Relation, error) {
	data := c.Data
	var tables []struct{ Data json.RawMessage }
	if json.Unmarshal(data, &tables) == nil && len(tables) > 0 {
		data = tables[0].Data
	}
	columns := map[string][]any{}
	if err := json.Unmarshal(data, &columns); err != nil {
		return expectations.Relation{}, errors.New("its data are no columns")
	}
	var names []string
	decoder := json.NewDecoder(strings.NewReader(string(data))) // in the order of the file
	_, _ = decoder.Token()
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return expectations.Relation{}, err
		}
		names = append(names, fmt.Sprint(key))
		var skip any
		if err := decoder.Decode(&skip); err != nil {
			return expectations.Relation{}, err
		}
	}
	var rel expectations.Relation
	for _, name := range names {
		values := columns[name]
		typ := c.typeOf(name, values)
		rel.Schema.Fields = append(rel.Schema.Fields, table.Field{Name: name, Type: typ, Nullable: true})
		for i, v := range values {
			if i >= len(rel.Rows) {
				rel.Rows = append(rel.Rows, map[string]any{})
			}
			rel.Rows[i][name] = gxValue(v, typ)
		}
	}
	return rel, nil
}

func (c gxCase) typeOf(column string, values []any) table.Type {
	stated := c.statedType(column)
	inferred := inferType(values)
	switch {
	case inferred.Kind == table.Void && stated.Kind != table.Void:
		return stated
	case inferred.Kind == table.Void && c.wantsNumbers():
		return table.Type{Kind: table.Double}
	case inferred.Kind == table.Void:
		return table.Type{Kind: table.String}
	case stated.Kind == table.Timestamp && inferred.Kind == table.String && slices.ContainsFunc(values, func(v any) bool { return gxTime(v) != nil }):
		return stated
	case stated.Kind == table.Int32 && inferred.Kind == table.Int64:
		return stated
	case stated.Kind == table.Double || stated.Kind == table.Float:
		if inferred.Kind == table.Int64 || inferred.Kind == table.Double {
			return stated
		}
	case stated.Kind == table.String:
		return stated
	}
	return inferred
}

// wantsNumbers reports whether the arguments bound numbers.
func (c gxCase) wantsNumbers() bool {
	var bounds struct {
		Min any `json:"min_value"`
		Max any `json:"max_value"`
	}
	_ = json.Unmarshal(c.Kwargs, &bounds)
	_, low := bounds.Min.(float64)
	_, high := bounds.Max.(float64)
	return low || high
}

// statedType is that of the system that the case is for, or of Spark, or Void.
func (c gxCase) statedType(column string) table.Type {
	known := map[string]table.Kind{"int": table.Int64, "integer": table.Int64, "float": table.Double, "double": table.Double, "str": table.String, "object": table.String,
		"varchar": table.String, "text": table.String, "string": table.String, "bool": table.Bool, "boolean": table.Bool, "datetime": table.Timestamp, "timestamp": table.Timestamp}
	of := func(raw json.RawMessage) table.Type {
		var types map[string]any
		_ = json.Unmarshal(raw, &types)
		name := strings.ToLower(fmt.Sprint(types[column]))
		if name == "integertype" {
			return table.Type{Kind: table.Int32}
		}
		name = strings.TrimSuffix(name, "type")
		for _, cut := range []string{"[", "_", "(", "64"} {
			name, _, _ = strings.Cut(name, cut)
		}
		if k, ok := known[name]; ok {
			return table.Type{Kind: k}
		}
		return table.Type{Kind: table.Void}
	}
	for _, system := range append(slices.Clone(c.OnlyFor), "pandas", "spark", "sqlite", "postgresql") {
		if raw, ok := c.Schemas[system]; ok && string(raw) != "null" {
			if t := of(raw); t.Kind != table.Void {
				return t
			}
		}
	}
	if raw, err := json.Marshal(c.Schemas); err == nil && len(c.Schemas) > 0 { // one schema for all systems
		return of(raw)
	}
	return table.Type{Kind: table.Void}
}

func inferType(values []any) table.Type {
	kinds := map[table.Kind]bool{}
	for _, v := range values {
		switch v := v.(type) {
		case nil:
		case bool:
			kinds[table.Bool] = true
		case float64:
			if v == math.Trunc(v) && math.Abs(v) < 1e18 {
				kinds[table.Int64] = true
			} else {
				kinds[table.Double] = true
			}
		default:
			kinds[table.String] = true
		}
	}
	var found []table.Kind
	for k := range kinds {
		found = append(found, k)
	}
	sort.Slice(found, func(i, j int) bool { return found[i] < found[j] })
	switch {
	case len(found) == 0:
		return table.Type{Kind: table.Void}
	case len(found) == 1:
		return table.Type{Kind: found[0]}
	case len(found) == 2 && kinds[table.Int64] && kinds[table.Double]:
		return table.Type{Kind: table.Double}
	}
	return table.Type{Kind: table.String}
}

func gxTime(v any) any {
	text, _ := v.(string)
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "Jan 02 2006 15:04:05", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return nil
}

func gxValue(v any, t table.Type) any {
	if v == nil {
		return nil
	}
	switch t.Kind {
	case table.Int64, table.Int32:
		return int64(v.(float64))
	case table.Double, table.Float:
		return v
	case table.Bool:
		return v
	case table.Timestamp:
		return gxTime(v)
	}
	if text, ok := v.(string); ok {
		return text
	}
	text, _ := json.Marshal(v)
	return string(text)
}
