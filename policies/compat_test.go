package policies

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/dq-dev/dq/table"
)

// columns reads a schema: "id int64!; name string", where ! is not null.
func columns(t *testing.T, text string) table.Schema {
	t.Helper()
	var s table.Schema
	for part := range strings.SplitSeq(text, "; ") {
		name, typ, _ := strings.Cut(part, " ")
		typ, required := strings.CutSuffix(typ, "!")
		f := field(name, typ)
		f.Nullable = !required
		s.Fields = append(s.Fields, f)
	}
	return s
}

// TestCompatibility has histories of schemas, the last of them the new one, and the
// violations of each mode.
func TestCompatibility(t *testing.T) {
	for _, c := range []struct {
		name     string
		versions []string
		renamed  map[string]string
		want     map[string]string // mode to violations; modes that are not named have none
	}{
		{"nothing", []string{"a int64", "a int64"}, nil, nil},
		{"column added", []string{"a int64", "a int64; b string"}, nil, nil},
		// Registries' own examples: backward may delete and add optional fields, forward add
		// fields and delete optional ones, full both with optional ones alone.
		{"column added that needs a value", []string{"a int64", "a int64; b string!"}, nil, map[string]string{
			"backward": "0 column_added b backward", "backward_transitive": "0 column_added b backward",
			"full": "0 column_added b backward", "full_transitive": "0 column_added b backward"}},
		{"optional column dropped", []string{"a int64; b string", "a int64"}, nil, nil},
		{"required column dropped", []string{"a int64; b string!", "a int64"}, nil, map[string]string{
			"forward": "0 column_dropped b forward", "forward_transitive": "0 column_dropped b forward",
			"full": "0 column_dropped b forward", "full_transitive": "0 column_dropped b forward"}},
		{"one that becomes required", []string{"a int64", "a int64!"}, nil, map[string]string{
			"backward": "0 column_nullability_changed a backward", "backward_transitive": "0 column_nullability_changed a backward",
			"full": "0 column_nullability_changed a backward", "full_transitive": "0 column_nullability_changed a backward"}},
		{"one that may be null", []string{"a int64!", "a int64"}, nil, map[string]string{
			"forward": "0 column_nullability_changed a forward", "forward_transitive": "0 column_nullability_changed a forward",
			"full": "0 column_nullability_changed a forward", "full_transitive": "0 column_nullability_changed a forward"}},
		{"column renamed", []string{"a int64", "b int64"}, map[string]string{"b": "a"}, map[string]string{
			"backward": "0 column_renamed b backward", "backward_transitive": "0 column_renamed b backward",
			"forward": "0 column_renamed b forward", "forward_transitive": "0 column_renamed b forward",
			"full": "0 column_renamed b backward,forward", "full_transitive": "0 column_renamed b backward,forward"}},
		{"type widened", []string{"a int32", "a int64"}, nil, map[string]string{
			"forward": "0 column_type_changed a forward", "forward_transitive": "0 column_type_changed a forward",
			"full": "0 column_type_changed a forward", "full_transitive": "0 column_type_changed a forward"}},
		{"type narrowed", []string{"a int64", "a int32"}, nil, map[string]string{
			"backward": "0 column_type_changed a backward", "backward_transitive": "0 column_type_changed a backward",
			"full": "0 column_type_changed a backward", "full_transitive": "0 column_type_changed a backward"}},
		// What an earlier change broke is not held against this one.
		{"dropped long ago", []string{"a int64; b string", "a int64", "a int64; c string"}, nil, nil},
		// A column that comes back as something else fits the last version, but not the first.
		{"back with another type", []string{"a int64; b string", "a int64", "a int64; b date"}, nil, map[string]string{
			"backward_transitive": "0 column_type_changed b backward", "forward_transitive": "0 column_type_changed b forward",
			"full_transitive": "0 column_type_changed b backward,forward"}},
		{"back as it was", []string{"a int64; b string", "a int64", "a int64; b string"}, nil, nil},
		// Of several versions the newest is named.
		{"back after two", []string{"a int64; b string", "a int64; b string; c string", "a int64; c string", "a int64; c string; b date"}, nil, map[string]string{
			"backward_transitive": "1 column_type_changed b backward", "forward_transitive": "1 column_type_changed b forward",
			"full_transitive": "1 column_type_changed b backward,forward"}},
	} {
		var r Replacement
		n := len(c.versions) - 1
		r.Version, r.Old, r.Next, r.Renamed = int64(n-1), columns(t, c.versions[n-1]), columns(t, c.versions[n]), c.renamed
		r.Diff = Diff(shape(r.Old.Fields...), shape(r.Next.Fields...), table.Diff(r.Old, r.Next, c.renamed))
		for v := range n - 1 {
			r.Earlier = append(r.Earlier, Earlier{Version: int64(v), Schema: columns(t, c.versions[v])})
		}
		for _, mode := range []string{"backward", "forward", "full", "none", "backward_transitive", "forward_transitive", "full_transitive"} {
			var got []string
			for _, v := range Compatibility(mode, r).Violations {
				got = append(got, fmt.Sprintf("%d %s %s %s", v.Version, v.Op, v.Path, strings.Join(v.Breaks, ",")))
				if direct := v.Version == r.Version; direct != slices.ContainsFunc(r.Diff, func(d Change) bool { return d.ID == v.DiffID }) {
					t.Errorf("%s, %s: %+v has the wrong diff id", c.name, mode, v)
				}
			}
			if strings.Join(got, "\n") != c.want[mode] {
				t.Errorf("%s, %s: %v, want %s", c.name, mode, got, c.want[mode])
			}
		}
		if Compatibility("", r) != nil {
			t.Error("a compatibility that nobody promised")
		}
	}
}

// TestBreaking holds what Go calls breaking against data.dq.lib.breaking.
func TestBreaking(t *testing.T) {
	query, err := rego.New(rego.Query("x := [d | some d in data.dq.lib.breaking]"), rego.Module("lib.rego", string(mustRead(t, "builtin/lib/lib.rego")))).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range table.Ops {
		for _, class := range []string{"", table.WideningLossless, table.WideningLossy, table.Narrowing, table.Incompatible} {
			for _, breaks := range [][]string{nil, {table.Backward}, {table.Forward}} {
				c := Change{ID: "d", Change: table.Change{Op: op, Class: class, Breaks: breaks}}
				results, err := query.Eval(t.Context(), rego.EvalInput(map[string]any{"diff": []Change{c}}))
				if err != nil {
					t.Fatal(err)
				}
				if want := len(results[0].Bindings["x"].([]any)) == 1; Breaking([]Change{c}) != want {
					t.Errorf("%s: breaking %t, and data.dq.lib says %t", line(c), !want, want)
				}
			}
		}
	}
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
