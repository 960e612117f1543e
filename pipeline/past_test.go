package pipeline_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
)

// observed is what a rule of bronze.orders saw.
func observed(t *testing.T, rec *record.Run, id string) string {
	t.Helper()
	if rec.Layers[0].Tables[0].Check == nil {
		t.Fatalf("%s: bronze.orders was not audited: %s", rec.Outcome, rec.Message)
	}
	for _, e := range rec.Layers[0].Tables[0].Check.Expectations {
		if e.ID == id {
			return fmt.Sprint(e.Verdict, " ", e.Observed)
		}
	}
	t.Fatalf("no expectation %s", id)
	return ""
}

func day(n int) (name, text string) {
	return fmt.Sprintf("in/%d.csv", n), fmt.Sprintf("id,customer,city,seen,amount\n%d,ann,Oslo,2024-01-0%d 10:00:00+00,5.00\n", n+10, n)
}

func TestHistoryOfSeveralVersions(t *testing.T) {
	f := newFixture(t)
	suite := strings.Replace(shop["suites/bronze/orders.yaml"], "{filled: {row: id != null}}", "\n  trend: {table: 'double(rows()) >= mean(history(rows(), 3))'}", 1)
	f.put("suites/bronze/orders.yaml", suite)
	if got := observed(t, f.run(), "trend"); got != "skipped map[rows():2]" {
		t.Errorf("version 0: %s", got)
	}
	for i, want := range []string{"[2]", "[3 2]", "[4 3 2]", "[5 4 3]"} {
		f.put(day(i + 2))
		if got := observed(t, f.run(), "trend"); !strings.Contains(got, "history(rows(), 3):"+want) {
			t.Errorf("version %d: %s, want %s", i+1, got, want)
		}
	}

	// What was not kept is measured on the versions before; a version that is
	// judged again is not its own past.
	f.put("suites/bronze/orders.yaml", suite+"  oslo: {table: 'double(count(city == \"Oslo\")) >= mean(history(count(city == \"Oslo\"), 2))'}\n")
	if got := observed(t, f.run(), "oslo"); !strings.Contains(got, `:[4 3]`) {
		t.Errorf("judged again: %s", got)
	}
	f.put(day(6))
	if got := observed(t, f.run(), "oslo"); !strings.Contains(got, `:[5 4]`) {
		t.Errorf("version 5: %s", got)
	}

	// Versions that a restore skipped are no past; their files come again.
	orders := delta.Open(delta.Dir(filepath.Join(f.dir, "warehouse/bronze/orders")))
	if _, err := orders.Restore(context.Background(), delta.Version(2), delta.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	f.put(day(7))
	rec, err := f.try(pipeline.Options{Resume: pipeline.ResumeRestored})
	if err != nil {
		t.Fatal(err)
	}
	if got := observed(t, rec, "trend"); !strings.Contains(got, "history(rows(), 3):[4 3 2]") || !strings.Contains(got, "rows():8") {
		t.Errorf("after the restore: %s", got)
	}
}
