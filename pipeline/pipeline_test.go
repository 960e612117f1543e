package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// shop is a small pipeline: a source, a merge, a history and a sum.
var shop = map[string]string{
	"pipeline.yaml": `
version: 1
pipeline: shop
layers:
  bronze:
    tables:
      orders: {source: {files: 'in/*.csv', on_rewrite: replace}}
  silver:
    tables:
      orders: {mode: merge, keys: [id], incremental: bronze.orders}
      customers: {mode: scd2, keys: [customer], track: [city], effective: seen, order: [id], surrogate: customer_key, incremental: silver.orders}
  gold:
    tables:
      totals: {mode: overwrite}
`,
	"models/silver/orders.sql": `SELECT CAST(id AS BIGINT) AS id, customer, city, CAST(seen AS TIMESTAMPTZ) AS seen,
  CAST(amount AS DECIMAL(12,2)) AS amount FROM bronze.orders`,
	"models/silver/customers.sql": `SELECT customer, city, seen, id FROM silver.orders`,
	"models/gold/totals.sql":      `SELECT customer, sum(amount) AS amount, count(*) AS orders FROM silver.orders GROUP BY customer`,
	"suites/bronze/orders.yaml": `
version: 1
owner: shop
columns: {id: {type: string}, customer: {type: string}, city: {type: string}, seen: {type: string}, amount: {type: string}}
expectations: {filled: {row: id != null}}
`,
	"suites/silver/orders.yaml": `
version: 1
owner: shop
columns: {id: {unique: true}, amount: {type: 'decimal(12,2)', positive: true, on_fail: quarantine, mostly: 0.4}}
`,
	"suites/silver/customers.yaml": `
version: 1
owner: shop
columns: {customer_key: {unique: true}}
`,
	"suites/gold/totals.yaml": `
version: 1
owner: shop
expectations: {none_lost: {table: 'rows() >= previous(rows())'}}
`,
	"in/1.csv": "id,customer,city,seen,amount\n1,ann,Oslo,2024-01-01 10:00:00+00,5.00\n2,bob,Rome,2024-01-01 11:00:00+00,7.50\n",
}

type fixture struct {
	t   *testing.T
	dir string
	eng engine.Engine
	now time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	eng, err := duckdb.Open(duckdb.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eng.Close() })
	f := &fixture{t: t, dir: t.TempDir(), eng: eng, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for name, text := range shop {
		f.put(name, text)
	}
	return f
}

func (f *fixture) put(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// run runs the pipeline an hour after the last time.
func (f *fixture) run() *record.Run {
	f.t.Helper()
	rec, err := f.try(pipeline.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	return rec
}

func (f *fixture) try(opt pipeline.Options) (*record.Run, error) {
	f.t.Helper()
	p, err := pipeline.Load(filepath.Join(f.dir, "pipeline.yaml"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.now = f.now.Add(time.Hour)
	opt.Engine, opt.Clock = f.eng, func() time.Time { return f.now }
	return p.Run(context.Background(), opt)
}

// rows reads a table, columns in alphabetical order, rows sorted, one a line.
func (f *fixture) rows(table, columns string) string {
	f.t.Helper()
	ctx := context.Background()
	root := filepath.Join(f.dir, "warehouse", table)
	snap, err := delta.Open(delta.Dir(root)).Snapshot(ctx, delta.Latest())
	if err != nil {
		f.t.Fatal(err)
	}
	in := engine.Input{Name: "t", Schema: snap.Schema(), Root: root, ByFieldID: snap.ColumnMapping() == "id"}
	for file, err := range snap.Files(ctx) {
		if err != nil {
			f.t.Fatal(err)
		}
		in.Files = append(in.Files, file)
	}
	s, err := f.eng.Session(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Attach(ctx, in); err != nil {
		f.t.Fatal(err)
	}
	rows, err := s.Query(ctx, "SELECT "+columns+" FROM t ORDER BY ALL")
	if err != nil {
		f.t.Fatal(err)
	}
	var b strings.Builder
	for _, row := range rows.Values {
		for i, v := range row {
			if i > 0 {
				b.WriteByte(' ')
			}
			if at, ok := v.(time.Time); ok {
				v = at.Format("01-02T15")
			}
			fmt.Fprint(&b, v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (f *fixture) want(table, columns, want string) {
	f.t.Helper()
	if got := f.rows(table, columns); got != want {
		f.t.Errorf("%s:\n%swant\n%s", table, got, want)
	}
}

func TestLateRowsSplitIntervals(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.put("in/3.csv", "id,customer,city,seen,amount\n5,ann,Bergen,2024-03-01 10:00:00+00,1.00\n")
	f.run()
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,ann,Paris,2024-02-01 10:00:00+00,1.00\n4,ann,Oslo,2024-02-15 10:00:00+00,1.00\n")
	f.run()
	f.want("silver/customers", "customer, city, valid_from, valid_to, is_current", `ann Bergen 03-01T10 <nil> true
ann Oslo 01-01T10 02-01T10 false
ann Oslo 02-15T10 03-01T10 false
ann Paris 02-01T10 02-15T10 false
bob Rome 01-01T11 <nil> true
`)
	f.want("gold/totals", "customer, amount, orders", "ann 8.00 4\nbob 7.50 1\n")
}

func TestSameTimeLaterRowHolds(t *testing.T) {
	f := newFixture(t)
	f.put("in/1.csv", "id,customer,city,seen,amount\n2,ann,Rome,2024-01-01 10:00:00+00,1.00\n1,ann,Oslo,2024-01-01 10:00:00+00,1.00\n")
	rec := f.run()
	f.want("silver/customers", "customer, city", "ann Rome\n")
	for _, l := range rec.Layers {
		for _, table := range l.Tables {
			for _, finding := range table.Findings {
				if finding.Rule == "scd2.contradiction" && finding.Rows == 1 {
					return
				}
			}
		}
	}
	t.Error("the contradiction is no finding")
}

func TestRewrittenFileReplacesItsRowsEverywhere(t *testing.T) {
	f := newFixture(t)
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,9.00\n")
	f.run()
	f.put("in/1.csv", "id,customer,city,seen,amount\n1,ann,Oslo,2024-01-01 10:00:00+00,6.00\n")
	rec := f.run()
	if rec.Outcome != "refused" {
		t.Fatalf("a total was lost, and the outcome is %s: %s", rec.Outcome, rec.Message)
	}
	f.want("gold/totals", "customer, amount", "ann 5.00\nbob 7.50\ncid 9.00\n")
	f.want("bronze/orders", "id, amount", "1 6.00\n3 9.00\n")
	f.want("silver/orders", "id, amount", "1 6.00\n3 9.00\n")
	f.want("silver/customers", "customer", "ann\ncid\n")
}

func TestQuarantineHoldsRefusedRowsWithReasons(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,-9.00\n4,dan,Lyon,2024-01-02 10:00:00+00,2.00\n")
	rec := f.run()
	if rec.Verdict != record.Warn || rec.Outcome != "published" {
		t.Fatalf("verdict %s, outcome %s", rec.Verdict, rec.Outcome)
	}
	f.want("quarantine/silver/orders", "id, amount, dq_reasons", "3 -9.00 [amount.positive]\n")
	f.want("silver/orders", "id", "1\n2\n4\n")
	before := rec.Layers[1].Tables[0].Counts
	if rec, err := f.try(pipeline.Options{FullRefresh: true}); err != nil || rec.Verdict == record.Fail {
		t.Fatalf("%v: %s", err, rec.Message)
	}
	f.want("quarantine/silver/orders", "id, amount, dq_reasons", "3 -9.00 [amount.positive]\n")
	counts := before
	if counts.Returned != 2 || counts.Published != 1 || counts.Quarantined != 1 {
		t.Errorf("counts %+v", counts)
	}
}

func TestRefusedBatchesAreForgottenAfterAWeek(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.put("in/2.csv", "id,customer,city,seen,amount\n,cid,Lyon,2024-01-02 10:00:00+00,9.00\n")
	if rec := f.run(); rec.Outcome != "refused" {
		t.Fatalf("outcome %s", rec.Outcome)
	}
	warehouse := filepath.Join(f.dir, "warehouse")
	list, err := pipeline.RefusedBatches(context.Background(), warehouse)
	if err != nil || len(list) != 1 || len(list[0].Folders) == 0 {
		t.Fatalf("%d refused batches, %v", len(list), err)
	}
	staged := filepath.Join(warehouse, list[0].Folders[0])
	if err := os.Remove(filepath.Join(f.dir, "in/2.csv")); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(6 * 24 * time.Hour)
	f.run()
	if _, err := os.Stat(staged); err != nil {
		t.Fatalf("staged files are gone after six days: %v", err)
	}
	f.now = f.now.Add(2 * 24 * time.Hour)
	f.run()
	if _, err := os.Stat(staged); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("staged files are still there after eight days: %v", err)
	}
	if list, _ := pipeline.RefusedBatches(context.Background(), warehouse); len(list) != 0 {
		t.Errorf("%d refused batches after eight days", len(list))
	}
	f.want("bronze/orders", "id", "1\n2\n")
}

// deleteAll is another writer that deletes all rows of a table.
func (f *fixture) deleteAll(table string) {
	f.t.Helper()
	ctx := context.Background()
	snap, err := delta.Open(delta.Dir(filepath.Join(f.dir, "warehouse", table))).Snapshot(ctx, delta.Latest())
	if err != nil {
		f.t.Fatal(err)
	}
	x := snap.Begin("DELETE")
	for file, err := range snap.Files(ctx) {
		if err != nil {
			f.t.Fatal(err)
		}
		x.Remove(file)
	}
	if _, err := x.Commit(ctx); err != nil {
		f.t.Fatal(err)
	}
}

func TestAnotherWritersCommitConflicts(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,9.00\n")
	rec, err := f.try(pipeline.Options{Progress: func(step string) {
		if step == "prepared gold" {
			f.deleteAll("gold/totals")
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if rec.Outcome != "partial" || rec.Verdict != record.Fail {
		t.Errorf("outcome %s, verdict %s", rec.Outcome, rec.Verdict)
	}
	f.want("gold/totals", "customer", "")
	f.want("silver/orders", "id", "1\n2\n3\n")
	if left, _ := os.Stat(filepath.Join(f.dir, "warehouse/gold/totals", rec.ID)); left != nil {
		t.Errorf("what was staged for the commit that lost is still there: %s", left.Name())
	}
}

// TestQuarantineConflicts: when the quarantine cannot be committed, the table is not
// either, since the batch would not come again and its refused rows be nowhere.
func TestQuarantineConflicts(t *testing.T) {
	f := newFixture(t)
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,-9.00\n4,dan,Lyon,2024-01-02 10:00:00+00,4.00\n")
	f.run()
	f.want("quarantine/silver/orders", "id", "3\n")
	f.put("in/3.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-03 10:00:00+00,9.00\n5,eve,Lyon,2024-01-03 10:00:00+00,-5.00\n")
	rec, err := f.try(pipeline.Options{Progress: func(step string) {
		if step == "prepared silver" {
			f.deleteAll("quarantine/silver/orders")
		}
	}})
	if err != nil || rec.Outcome != "partial" || rec.Verdict != record.Fail {
		t.Fatalf("outcome %s, verdict %s, %v", rec.Outcome, rec.Verdict, err)
	}
	f.want("silver/orders", "id", "1\n2\n4\n")
	f.run()
	f.want("silver/orders", "id", "1\n2\n3\n4\n")
	f.want("quarantine/silver/orders", "id", "5\n")
}

// TestQuarantineOfABatchThatIsNone: rows were refused of a batch that the table does not
// have, for another writer came between or because it was restored. It comes again, and
// they are not there twice.
func TestQuarantineOfABatchThatIsNone(t *testing.T) {
	f := newFixture(t)
	f.put("pipeline.yaml", `
version: 1
pipeline: shop
layers:
  bronze: {tables: {orders: {source: {files: 'in/*.csv'}}}}
  silver: {tables: {orders: {mode: append, incremental: bronze.orders}}}
`)
	f.run()
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,-9.00\n4,dan,Lyon,2024-01-02 10:00:00+00,4.00\n")
	rec, err := f.try(pipeline.Options{Progress: func(step string) {
		if step == "committed quarantine.silver.orders" {
			f.deleteAll("silver/orders")
		}
	}})
	if err != nil || rec.Outcome != "partial" {
		t.Fatalf("outcome %s, %v", rec.Outcome, err)
	}
	f.want("quarantine/silver/orders", "id", "3\n")
	f.run()
	f.want("silver/orders", "id", "4\n")
	f.want("quarantine/silver/orders", "id", "3\n")

	// Of its versions 0 to 2, the last is the batch.
	orders := delta.Open(delta.Dir(filepath.Join(f.dir, "warehouse/silver/orders")))
	if _, err := orders.Restore(context.Background(), delta.Version(1), delta.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	f.run()
	f.want("silver/orders", "id", "4\n")
	f.want("quarantine/silver/orders", "id", "3\n")
}

// TestQuarantineThatCannotBeWritten: what another writer did to it is found before
// anything is decided.
func TestQuarantineThatCannotBeWritten(t *testing.T) {
	f := newFixture(t)
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,-9.00\n4,dan,Lyon,2024-01-02 10:00:00+00,4.00\n")
	f.run()
	f.put("warehouse/quarantine/silver/orders/_delta_log/00000000000000000001.json",
		`{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["fromTheFuture"]}}`)
	f.put("in/3.csv", "id,customer,city,seen,amount\n5,eve,Lyon,2024-01-03 10:00:00+00,-5.00\n6,flo,Lyon,2024-01-03 10:00:00+00,6.00\n")
	decided := false
	_, err := f.try(pipeline.Options{Progress: func(step string) { decided = decided || step == "prepared silver" || step == "decided silver" }})
	if err == nil || !strings.Contains(err.Error(), "fromTheFuture") || !errors.Is(err, delta.ErrUnsupported) || decided {
		t.Fatalf("decided %t, %v", decided, err)
	}
	f.want("silver/orders", "id", "1\n2\n4\n")
}

func TestAFullRefreshNeedsNoLedger(t *testing.T) {
	f := newFixture(t)
	f.run()
	want := f.rows("gold/totals", "*")
	if err := os.RemoveAll(filepath.Join(f.dir, "warehouse/_dq/ledger")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.try(pipeline.Options{}); err == nil || !strings.Contains(err.Error(), "--full-refresh") {
		t.Fatalf("without a ledger: %v", err)
	}
	rec, err := f.try(pipeline.Options{FullRefresh: true})
	if err != nil || rec.Verdict != record.Warn {
		t.Fatalf("a full refresh: %v, verdict %s", err, rec.Verdict)
	}
	if said := rec.Layers[1].Tables[0].Findings; !slices.ContainsFunc(said, func(f record.Finding) bool {
		return f.Rule == "declared" && strings.Contains(f.Message, "_dq/ledger/silver.customers is gone") || strings.Contains(f.Message, "_dq/ledger/silver.orders is gone")
	}) {
		t.Errorf("what was promised before is not known, and the run does not say so: %+v", said)
	}
	f.want("gold/totals", "*", want)
	if rec := f.run(); rec.Outcome != "unchanged" {
		t.Errorf("after it: %s", rec.Outcome)
	}
}

func TestSecondRunWaitsOrLeaves(t *testing.T) {
	f := newFixture(t)
	var inner error
	_, err := f.try(pipeline.Options{Progress: func(step string) {
		if step == "begin" {
			f.now = f.now.Add(-time.Hour) // the lease of a process that lives has not run out
			_, inner = f.try(pipeline.Options{})
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(inner, pipeline.ErrBusy) {
		t.Errorf("the second run ended with %v", inner)
	}
}

func TestAChangedRuleJudgesTheWholeTableOnce(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.put("suites/bronze/orders.yaml", strings.Replace(shop["suites/bronze/orders.yaml"], "id != null", "id != '2'", 1))
	rec := f.run()
	if rec.Verdict != record.Fail {
		t.Fatalf("verdict %s: %s", rec.Verdict, rec.Message)
	}
	if check := rec.Layers[0].Tables[0].Check; check == nil || check.Expectations[0].Failed != 1 || check.Expectations[0].Evaluated != 2 {
		t.Errorf("check %+v", check)
	}
}

func TestANewRuleKnowsThePast(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.put("suites/silver/orders.yaml", shop["suites/silver/orders.yaml"]+"expectations: {tenfold: {table: 'rows() > 10 * previous(rows())'}}\n")
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,9.00\n")
	if rec := f.run(); rec.Outcome != "refused" || !strings.Contains(rec.Message, "tenfold") {
		t.Errorf("outcome %s: %s", rec.Outcome, rec.Message)
	}
}

// TestHistory: history(e, n) sees the last n published versions, and not the refused one.
func TestHistory(t *testing.T) {
	f := newFixture(t)
	f.put("suites/silver/orders.yaml", shop["suites/silver/orders.yaml"]+
		"expectations: {young: {table: 'size(history(rows(), 3)) < 3 || rows() in history(rows(), 3)'}}\n")
	day := func(n int) string {
		return fmt.Sprintf("id,customer,city,seen,amount\n%d,cid,Lyon,2024-01-%02d 10:00:00+00,9.00\n", n+3, n)
	}
	for n, want := range []string{"published", "published", "published", "refused", "refused"} {
		if n > 0 {
			f.put(fmt.Sprintf("in/%d.csv", n+1), day(n+1))
		}
		if rec := f.run(); rec.Outcome != want {
			t.Fatalf("run %d: outcome %s, want %s: %s", n+1, rec.Outcome, want, rec.Message)
		}
	}
}

func TestPoliciesAreAskedWhenNothingCame(t *testing.T) {
	f := newFixture(t)
	bundle, err := policies.Load(context.Background(), policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if rec, err := f.try(pipeline.Options{Policies: bundle}); err != nil || rec.Outcome != "published" {
		t.Fatalf("%v: %s", err, rec.Message)
	}
	f.put("suites/gold/totals.yaml", strings.Replace(shop["suites/gold/totals.yaml"], "owner: shop", "", 1))
	rec, err := f.try(pipeline.Options{Policies: bundle})
	if err != nil || rec.Outcome != "refused" || !strings.Contains(rec.Message, "DQ-O001") {
		t.Errorf("%v, outcome %s: %s", err, rec.Outcome, rec.Message)
	}
}

func TestARunThatWaitedLooksAgain(t *testing.T) {
	f := newFixture(t)
	p, err := pipeline.Load(filepath.Join(f.dir, "pipeline.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := p.Run(context.Background(), pipeline.Options{Engine: f.eng, Clock: func() time.Time { return f.now }, Progress: func(step string) {
		if step == "bound" { // another run comes and goes before this one has the lease
			f.run()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if rec.Outcome != "unchanged" || rec.Verdict != record.Pass {
		t.Errorf("outcome %s, verdict %s: %s", rec.Outcome, rec.Verdict, rec.Message)
	}
}

func TestAppendFollowsRemovals(t *testing.T) {
	f := newFixture(t)
	f.put("pipeline.yaml", strings.Replace(shop["pipeline.yaml"], "{mode: merge, keys: [id], incremental: bronze.orders}", "{mode: append, incremental: bronze.orders}", 1))
	f.put("suites/gold/totals.yaml", "version: 1\nowner: shop\ncolumns: {customer: {not_null: true}}\n")
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,9.00\n")
	f.run()
	f.put("in/2.csv", "id,customer,city,seen,amount\n3,cid,Lyon,2024-01-02 10:00:00+00,8.00\n4,dan,Lyon,2024-01-02 10:00:00+00,1.00\n")
	f.run()
	f.want("silver/orders", "id, amount", "1 5.00\n2 7.50\n3 8.00\n4 1.00\n")
}

func TestAColumnThatBeginsLater(t *testing.T) {
	later := "id,customer,city,seen,amount,channel\n3,cid,Lyon,2024-01-02 10:00:00+00,9.00,web\n"
	bundle, err := policies.Load(context.Background(), policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, daily := range []bool{true, false} {
		f := newFixture(t)
		if daily {
			if _, err := f.try(pipeline.Options{Policies: bundle}); err != nil {
				t.Fatal(err)
			}
		}
		f.put("in/2.csv", later)
		for _, refresh := range []bool{false, true} {
			rec, err := f.try(pipeline.Options{Policies: bundle, FullRefresh: refresh})
			if err != nil || rec.Outcome != "published" {
				t.Fatalf("daily %t, refresh %t: %v, %s: %s", daily, refresh, err, rec.Outcome, rec.Message)
			}
			f.want("bronze/orders", "id, channel", "1 <nil>\n2 <nil>\n3 web\n")
		}
		f.put("in/3.csv", "id,customer,city,seen,amount\n4,cid,Lyon,2024-01-03 10:00:00+00,9.00\n")
		if rec, err := f.try(pipeline.Options{Policies: bundle}); err != nil || rec.Outcome != "published" {
			t.Errorf("daily %t: %v, %s: %s", daily, err, rec.Outcome, rec.Message)
		}
		f.want("bronze/orders", "id, channel", "1 <nil>\n2 <nil>\n3 web\n4 <nil>\n")
	}
}

// TestManySmallFilesBecomeOne runs a batch at a time until the small files are
// put together: no row changes, each run is one version, and nothing that reads
// changes sees any.
func TestManySmallFilesBecomeOne(t *testing.T) {
	f := newFixture(t)
	f.run()
	want := "1 5.00\n2 7.50\n"
	for i := 10; i < 46; i++ {
		f.put(fmt.Sprintf("in/%d.csv", i), fmt.Sprintf("id,customer,city,seen,amount\n%d,c%d,Oslo,2024-02-01 10:00:00+00,1.00\n", i, i))
		want += fmt.Sprintf("%d 1.00\n", i)
		rec := f.run()
		if rec.Outcome != "published" {
			t.Fatalf("%d: %s", i, rec.Message)
		}
		if c := rec.Layers[1].Tables[0].Counts; c.Published != 1 || c.Unchanged != 0 {
			t.Fatalf("%d: a batch of one row counts %+v", i, c)
		}
	}
	f.want("silver/orders", "id, amount", want)
	for _, name := range []string{"bronze/orders", "silver/orders"} {
		snap, err := delta.Open(delta.Dir(filepath.Join(f.dir, "warehouse", name))).Snapshot(context.Background(), delta.Latest())
		if err != nil {
			t.Fatal(err)
		}
		if snap.NumFiles() > 33 || snap.Version() != 36 {
			t.Errorf("%s: %d files in version %d", name, snap.NumFiles(), snap.Version())
		}
	}
	if rec := f.run(); rec.Outcome != "unchanged" {
		t.Errorf("outcome %s", rec.Outcome)
	}
}
