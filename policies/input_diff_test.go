package policies

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// A document that says what its shapes say is read, whatever they are; one whose diff
// lacks an entry, has one too many, or says another thing in one, is not.
func TestDiffOfDocuments(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	read := func(in Input) yamlpos.Errors {
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadInput("change.json", text)
		var problems yamlpos.Errors
		if err != nil && !errors.As(err, &problems) {
			t.Fatal(err)
		}
		return problems
	}
	forged := 0
	for range 500 {
		in := orders()
		var was, is table.Schema
		in.Old, was = randomShape(r)
		in.New, is = randomShape(r)
		for i, name := range []string{"a", "b"} { // mapped columns keep their ids
			for _, s := range []table.Schema{was, is} {
				for k := range s.Fields {
					if s.Fields[k].Name == name {
						s.Fields[k].Meta = map[string]any{"delta.columnMapping.id": int64(i), "comment": []string{"x", "y"}[r.IntN(2)]}
					}
				}
			}
		}
		for i, s := range []*Shape{in.Old, in.New} {
			for k, c := range Columns([]table.Schema{was, is}[i]) {
				s.Columns[k].ID, s.Columns[k].Comment = c.ID, c.Comment
			}
		}
		in.Diff = Diff(in.Old, in.New, table.Diff(was, is, nil))
		in.Diff = append(in.Diff, Change{Change: table.Change{Op: table.OwnerChanged, From: "a", To: "b"}})
		if problems := read(in); len(in.Old.Columns)+len(in.New.Columns) > 0 && len(problems) > 0 {
			t.Fatal(problems)
		}
		if len(in.Old.Columns)+len(in.New.Columns) == 0 || len(in.Diff) == 1 {
			continue
		}
		forged++
		whole := in.Diff
		at := r.IntN(len(whole) - 1)
		in.Diff = slices.Delete(slices.Clone(whole), at, at+1)
		if problems := read(in); len(problems) != 1 || !strings.Contains(problems[0].Message, "old and new say "+whole[at].named()) {
			t.Fatalf("without %s: %v", line(whole[at]), problems)
		}
		in.Diff = slices.Clone(whole)
		in.Diff[at].DataRisk = map[string]string{table.LossRisk: table.NoRisk}[in.Diff[at].DataRisk]
		if in.Diff[at].DataRisk == "" {
			in.Diff[at].DataRisk = table.LossRisk
		}
		if problems := read(in); len(problems) != 1 || !strings.Contains(problems[0].Message, "of "+whole[at].named()+" old and new say another thing") {
			t.Fatalf("another risk of %s: %v", line(whole[at]), problems)
		}
		in.Diff = append(slices.Clone(whole), Change{Change: table.Change{Op: table.ColumnDropped, Path: "nowhere", From: "string"}})
		if problems := read(in); len(problems) != 1 || !strings.Contains(problems[0].Message, "the diff has column_dropped nowhere") {
			t.Fatalf("one too many: %v", problems)
		}
	}
	if forged < 300 {
		t.Errorf("%d documents had something to forge", forged)
	}
}

// A rename is what somebody says; a document without columns says nothing of them.
func TestDiffOfDocumentsThatIsSaid(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"renamed", `{"old": {"columns": [{"path": "mail", "type": "string"}]}, "new": {"columns": [{"path": "email", "type": "string"}]},
			"diff": [{"op": "column_renamed", "path": "email", "from": "mail", "to": "email", "breaks": ["backward", "forward"], "data_risk": "rewrite"}]}`, ""},
		{"renamed from nowhere", `{"old": {"columns": [{"path": "mail", "type": "string"}]}, "new": {"columns": [{"path": "mail", "type": "string"}]},
			"diff": [{"op": "column_renamed", "path": "email", "from": "post", "to": "email"}]}`, "2:13: the diff has column_renamed email, and old and new do not say so"},
		{"no shapes", `{"diff": [{"op": "column_dropped", "path": "email"}]}`, ""},
		{"no columns", `{"old": {"columns": []}, "diff": [{"op": "column_dropped", "path": "email"}]}`, ""},
		{"no old", `{"new": {"columns": [{"path": "a", "type": "string"}]}}`, "1:1: old and new say table_created, and the diff does not have it"},
		{"created", `{"new": {"columns": [{"path": "a", "type": "string"}]}, "diff": [{"op": "table_created"}]}`, ""},
		{"promised", `{"old": {"columns": [{"path": "a", "type": "string"}]}, "new": {"columns": [{"path": "a", "type": "string"}]}, "diff": [{"op": "table_created"}]}`, ""},
		{"not created", `{"table": {"version_from": 1}, "old": {"columns": [{"path": "a", "type": "string"}]}, "new": {"columns": [{"path": "a", "type": "string"}]}, "diff": [{"op": "table_created"}]}`,
			"the diff has table_created, and old and new do not say so"},
		{"no type", `{"old": {"columns": [{"path": "a"}]}, "new": {"columns": [{"path": "a", "type": "string"}]}, "diff": []}`, `cannot be held against old: column a: type ""`},
		{"two types", `{"old": {"columns": [{"path": "a", "type": "struct<b: string>"}, {"path": "a.b", "type": "int64"}]}, "diff": [{"op": "table_dropped"}]}`,
			"a.b is int64, and the column that it is part of says string"},
	} {
		_, err := ReadInput("c.json", []byte(c.text))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, not %s", c.name, err, c.want)
		}
	}
}
