package policies

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
)

// What policies say of a change does not depend on how they are shared out.
func TestSharesSayWhatTheWholeSays(t *testing.T) {
	ctx := context.Background()
	b, err := Load(ctx, Options{Owners: write(t, "owners.yaml", ownersFile), Waivers: write(t, "waivers.yaml", waiversFile),
		Modes: []Mode{{Policy: "DQ-S003", Mode: "dry_run"}, {Policy: "DQ-S008", Mode: "off"}, {Policy: "privacy", Mode: "warn"}}})
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := b.compiler()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := b.prepare(ctx, compiler, b.catalog)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := b.queries()
	if err != nil {
		t.Fatal(err)
	}
	over := change(10, 8, 5)
	over.Time = today.AddDate(0, 3, 0)
	dropped := changed(orders(), shape(field("id", "int64")), change(1, 1, 1).Diff[0].Change)
	for i, in := range []Input{change(20, 15, 6), over, dropped} {
		doc, err := in.document()
		if err != nil {
			t.Fatal(err)
		}
		want, err := b.answer(ctx, in.Table.Name, []rego.PreparedEvalQuery{whole}, doc.value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.answer(ctx, in.Table.Name, shared, doc.value)
		if err != nil {
			t.Fatal(err)
		}
		if got.allow != want.allow || len(want.findings) == 0 || len(got.findings) != len(want.findings) {
			t.Fatalf("change %d: %t and %d findings, not %t and %d", i, got.allow, len(got.findings), want.allow, len(want.findings))
		}
		for _, f := range want.findings {
			if !slices.ContainsFunc(got.findings, func(g finding) bool { return reflect.DeepEqual(f, g) }) {
				t.Errorf("change %d: %+v is missing", i, f)
			}
		}
	}
}
