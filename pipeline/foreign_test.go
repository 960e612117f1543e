package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
)

// foreign is a table that another writer has made of one of the shop's: what its log
// has, and what a run must make of that.
type foreign struct {
	table      string            // silver/orders if none is named
	features   []string          // of writers
	reader     []string          // of readers
	properties map[string]string // beside its own
	columns    string            // more columns, as JSON
	edit       func(name string, column map[string]any)
	models     map[string]string // other models
	refused    string            // in the error of a run that reads nothing
	finding    string            // that closes the gate, in the second run
	check      func(t *testing.T, f *fixture)
}

// makeForeign writes the first version of a table's log, with the columns that it
// has in a shop that has run.
func (f *fixture) makeForeign(c foreign, was *delta.Snapshot) {
	f.t.Helper()
	var columns []any
	for _, field := range was.Schema().Fields {
		kind := map[string]string{"int64": "long", "string": "string", "timestamp": "timestamp", "bool": "boolean", "decimal(12,2)": "decimal(12,2)", "decimal(38,2)": "decimal(38,2)"}[field.Type.String()]
		column := map[string]any{"name": field.Name, "type": kind, "nullable": true, "metadata": map[string]any{}}
		if c.edit != nil {
			c.edit(field.Name, column)
		}
		columns = append(columns, column)
	}
	if c.columns != "" {
		var more []any
		if err := json.Unmarshal([]byte(c.columns), &more); err != nil {
			f.t.Fatal(err)
		}
		columns = append(columns, more...)
	}
	text := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			f.t.Fatal(err)
		}
		return string(out)
	}
	protocol := map[string]any{"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": append(append([]string{}, c.features...), c.reader...)}
	if len(c.reader) > 0 {
		protocol["minReaderVersion"], protocol["readerFeatures"] = 3, c.reader
	}
	properties := c.properties
	if properties == nil {
		properties = map[string]string{}
	}
	entry := text(map[string]any{"protocol": protocol}) + "\n" +
		text(map[string]any{"metaData": map[string]any{"id": "x", "format": map[string]any{"provider": "parquet"}, "partitionColumns": []string{},
			"schemaString": text(map[string]any{"type": "struct", "fields": columns}), "configuration": properties}}) + "\n"
	if slices.Contains(c.features, "domainMetadata") {
		entry += `{"domainMetadata":{"domain":"app.theirs","configuration":"{\"x\":1}","removed":false}}` + "\n"
	}
	if slices.Contains(c.features, "clustering") {
		entry += `{"domainMetadata":{"domain":"delta.clustering","configuration":"{\"clusteringColumns\":[[\"amount\"]]}","removed":false}}` + "\n"
	}
	if slices.Contains(c.features, "inCommitTimestamp") {
		entry = `{"commitInfo":{"inCommitTimestamp":1767225600000,"timestamp":1767225600000,"operation":"CREATE TABLE"}}` + "\n" + entry
	}
	f.put("warehouse/"+c.table+"/_delta_log/00000000000000000000.json", entry)
}

// column edits one column of the log.
func column(name string, edit func(c map[string]any)) func(string, map[string]any) {
	return func(n string, c map[string]any) {
		if n == name {
			edit(c)
		}
	}
}

func meta(name string, pairs map[string]any) func(string, map[string]any) {
	return column(name, func(c map[string]any) { c["metadata"] = pairs })
}

// keepsMeta holds that a column of the table still has the metadata.
func keepsMeta(table, column, key string, want any) func(*testing.T, *fixture) {
	return func(t *testing.T, f *fixture) {
		c, _ := f.snapshot(table).Schema().Field(column)
		if got := c.Meta[key]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("column %s has lost %s: %v", column, key, c.Meta)
		}
	}
}

// keepsIDs holds which rows of a table that tracks them have ids of its first two, and the
// version that each was last changed in.
func keepsIDs(name, column, want string) func(*testing.T, *fixture) {
	return func(t *testing.T, f *fixture) {
		ctx := context.Background()
		where, err := location.Open(filepath.Join(f.dir, "warehouse", name), os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.eng.Session(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		snap, d := f.snapshot(name), f.eng.Dialect()
		kept, err := operations.TrackingOf(snap)
		if err != nil {
			t.Fatal(err)
		}
		in := engine.Input{Name: "stored", Schema: kept.With(snap.Schema()), Provenance: true}
		if in.Root, err = where.Dir(); err != nil {
			t.Fatal(err)
		}
		for file, err := range snap.Files(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			in.Files = append(in.Files, file)
		}
		if _, err := s.Attach(ctx, in); err != nil {
			t.Fatal(err)
		}
		sql, err := kept.Rows(d, snap, "stored", []string{column}, in.Files)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Query(ctx, fmt.Sprintf("SELECT CAST(%s AS VARCHAR), _row_id, _row_commit FROM (%s) q ORDER BY ALL", d.Ident(column), sql))
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		ids := map[any]bool{}
		for _, row := range rows.Values {
			since := "later"
			if id, _ := row[1].(int64); id < 2 {
				since = "first"
			}
			if ids[row[1]] {
				t.Errorf("the id %v is there twice", row[1])
			}
			ids[row[1]] = true
			fmt.Fprintln(&got, row[0], since, row[2])
		}
		if got.String() != want {
			t.Errorf("%s has\n%swant\n%s", name, got.String(), want)
		}
	}
}

// TestForeignTables: whatever the log of a table asks of writers, a run sees to it or
// says that it cannot; no feature is passed over.
func TestForeignTables(t *testing.T) {
	const orders = "silver/orders"
	model := func(items string) map[string]string {
		return map[string]string{"models/silver/orders.sql": "SELECT CAST(id AS BIGINT) AS id, customer, city, CAST(seen AS TIMESTAMPTZ) AS seen, CAST(amount AS DECIMAL(12,2)) AS amount" + items + " FROM bronze.orders"}
	}
	cases := map[string]foreign{
		"appendOnly": {features: []string{"appendOnly"}, properties: map[string]string{"delta.appendOnly": "true"},
			finding: "1 row would be changed or go, and rows may only be added to the table (delta.appendOnly)"},
		"appendOnly not in use": {features: []string{"appendOnly"}},
		"invariants": {features: []string{"invariants"}, edit: meta("id", map[string]any{"delta.invariants": `{"expression":{"expression":"id < 3"}}`}),
			finding: "2 rows break the invariant of column id: id < 3"},
		"not null": {edit: column("city", func(c map[string]any) { c["nullable"] = false }), finding: "column city must not be null, and 1 row has no value"},
		"checkConstraints": {features: []string{"checkConstraints"}, properties: map[string]string{"delta.constraints.small": "amount < 100"},
			finding: "1 row breaks the constraint small: amount < 100"},
		"checkConstraints upheld": {features: []string{"checkConstraints"}, properties: map[string]string{"delta.constraints.small": "amount < 1000"}},
		"checkConstraints of another engine": {features: []string{"checkConstraints"}, properties: map[string]string{"delta.constraints.odd": "city RLIKE '[A-Z]'"},
			refused: "RLIKE is beyond what dq keeps of a table's SQL"},
		"checkConstraints of no column": {features: []string{"checkConstraints"}, properties: map[string]string{"delta.constraints.gone": "state = 'x'"},
			refused: "constraint gone (state = 'x')"},
		"generatedColumns": {features: []string{"generatedColumns"}, columns: `[{"name":"day","type":"date","nullable":true,"metadata":{"delta.generationExpression":"CAST(seen AS DATE)"}}]`,
			models: model(", DATE '2024-01-01' AS day"), finding: "rows break the generated column day: CAST(seen AS DATE)"},
		"generatedColumns upheld": {features: []string{"generatedColumns"}, columns: `[{"name":"day","type":"date","nullable":true,"metadata":{"delta.generationExpression":"CAST(seen AS DATE)"}}]`,
			models: model(", CAST(CAST(seen AS TIMESTAMPTZ) AS DATE) AS day"), check: keepsMeta(orders, "day", "delta.generationExpression", "CAST(seen AS DATE)")},
		"generatedColumns that the model lacks": {features: []string{"generatedColumns"}, columns: `[{"name":"day","type":"date","nullable":true,"metadata":{"delta.generationExpression":"CAST(seen AS DATE)"}}]`,
			refused: "column day: the table makes its values by itself"},
		"allowColumnDefaults": {features: []string{"allowColumnDefaults"}, edit: meta("city", map[string]any{"CURRENT_DEFAULT": "'Oslo'"}),
			check: keepsMeta(orders, "city", "CURRENT_DEFAULT", "'Oslo'")},
		"allowColumnDefaults that the model lacks": {features: []string{"allowColumnDefaults"}, columns: `[{"name":"state","type":"string","nullable":true,"metadata":{"CURRENT_DEFAULT":"'new'"}}]`,
			refused: "column state: the table makes its values by itself"},
		"allowColumnDefaults of a source": {table: "bronze/orders", features: []string{"allowColumnDefaults"}, edit: meta("city", map[string]any{"CURRENT_DEFAULT": "'Oslo'"}),
			refused: "column city: the table makes its values by itself"},
		"identityColumns": {features: []string{"identityColumns"}, edit: meta("id", map[string]any{"delta.identity.start": 1, "delta.identity.step": 1, "delta.identity.allowExplicitInsert": false}),
			refused: "column id is GENERATED ALWAYS AS IDENTITY"},
		"identityColumns that take values": {features: []string{"identityColumns"}, edit: meta("id", map[string]any{"delta.identity.start": 1, "delta.identity.step": 1, "delta.identity.highWaterMark": 7, "delta.identity.allowExplicitInsert": true}),
			check: keepsMeta(orders, "id", "delta.identity.highWaterMark", 7)},
		"identityColumns that the model lacks": {features: []string{"identityColumns"}, columns: `[{"name":"key","type":"long","nullable":true,"metadata":{"delta.identity.start":1,"delta.identity.step":1,"delta.identity.allowExplicitInsert":false}}]`,
			refused: "column key: the table makes its values by itself"},
		"rowTracking": {features: []string{"rowTracking", "domainMetadata"}, properties: map[string]string{"delta.enableRowTracking": "true",
			"delta.rowTracking.materializedRowIdColumnName": "_row_id", "delta.rowTracking.materializedRowCommitVersionColumnName": "_row_commit"},
			// Of the first two orders one has changed since, and two came.
			check: keepsIDs(orders, "id", "1 first 2\n2 first 1\n3 later 2\n4 later 2\n")},
		"rowTracking of intervals": {table: "silver/customers", features: []string{"rowTracking", "domainMetadata"}, properties: map[string]string{"delta.enableRowTracking": "true",
			"delta.rowTracking.materializedRowIdColumnName": "_row_id", "delta.rowTracking.materializedRowCommitVersionColumnName": "_row_commit"},
			check: keepsIDs("silver/customers", "customer", "ann first 2\nann later 2\nbob first 1\ndan later 2\n")},
		"rowTracking without columns for ids": {features: []string{"rowTracking", "domainMetadata"}, properties: map[string]string{"delta.enableRowTracking": "true"},
			finding: "lose their ids: the table tracks its rows (delta.enableRowTracking), and its properties"},
		"rowTracking of files": {table: "bronze/orders", features: []string{"rowTracking", "domainMetadata"}, properties: map[string]string{"delta.enableRowTracking": "true",
			"delta.rowTracking.materializedRowIdColumnName": "_row_id", "delta.rowTracking.materializedRowCommitVersionColumnName": "_row_commit"},
			check: func(t *testing.T, f *fixture) {
				keepsIDs("bronze/orders", "id", "1 later 2\n2 later 2\n3 later 2\n4 later 2\n")(t, f)
				// Rows of both files are now in one of the table.
				f.put("in/2.csv", "id,customer,city,seen,amount\n3,ann,Oslo,2024-01-03 10:00:00+00,2.00\n")
				if rec := f.run(); rec.Outcome != "refused" || !strings.Contains(findings(rec), "would move to new files of the table, and lose the ids that it keeps for them (delta.enableRowTracking)") {
					t.Errorf("%s: %s", rec.Outcome, findings(rec))
				}
			}},
		"rowTracking, all rows anew": {table: "gold/totals", features: []string{"rowTracking", "domainMetadata"}, properties: map[string]string{"delta.enableRowTracking": "true",
			"delta.rowTracking.materializedRowIdColumnName": "_row_id", "delta.rowTracking.materializedRowCommitVersionColumnName": "_row_commit"},
			check: func(t *testing.T, f *fixture) {
				s := f.snapshot("gold/totals")
				for file := range s.Files(context.Background()) {
					if first, _, ok := s.RowIDs(file); !ok || first < 2 {
						t.Errorf("the rows of %s begin with id %d, %v", file.Path, first, ok)
					}
				}
			}},
		"changeDataFeed": {features: []string{"changeDataFeed"}, properties: map[string]string{"delta.enableChangeDataFeed": "true"},
			check: func(t *testing.T, f *fixture) {
				f.wantChanges(orders, 2, "id, city, amount", "insert 3 <nil> 1.00\ninsert 4 Rome 500.00\nupdate_postimage 1 Bergen 5.00\nupdate_preimage 1 Oslo 5.00\n")
			}},
		"changeDataFeed of intervals": {table: "silver/customers", features: []string{"changeDataFeed"}, properties: map[string]string{"delta.enableChangeDataFeed": "true"},
			check: func(t *testing.T, f *fixture) {
				f.wantChanges("silver/customers", 2, "customer, city", "insert ann <nil>\ninsert dan Rome\nupdate_postimage ann Bergen\nupdate_preimage ann Oslo\n")
			}},
		"changeDataFeed of files": {table: "bronze/orders", features: []string{"changeDataFeed"}, properties: map[string]string{"delta.enableChangeDataFeed": "true"},
			check: func(t *testing.T, f *fixture) {
				f.put("in/2.csv", "id,customer,city,seen,amount\n3,ann,Oslo,2024-01-03 10:00:00+00,2.00\n")
				f.run()
				f.wantChanges("bronze/orders", 3, "id, amount", "delete 3 1.00\ndelete 4 500.00\ninsert 3 2.00\n")
			}},
		"columnMapping":        {reader: []string{"columnMapping"}, properties: map[string]string{"delta.columnMapping.mode": "none"}},
		"deletionVectors":      {reader: []string{"deletionVectors"}, properties: map[string]string{"delta.enableDeletionVectors": "true"}},
		"domainMetadata":       {features: []string{"domainMetadata"}, check: func(t *testing.T, f *fixture) { f.wantLog(orders, "app.theirs") }},
		"inCommitTimestamp":    {features: []string{"inCommitTimestamp"}, properties: map[string]string{"delta.enableInCommitTimestamps": "true"}, check: func(t *testing.T, f *fixture) { f.wantLog(orders, `"inCommitTimestamp":1767`) }},
		"vacuumProtocolCheck":  {reader: []string{"vacuumProtocolCheck"}},
		"v2Checkpoint":         {reader: []string{"v2Checkpoint"}, properties: map[string]string{"delta.checkpointPolicy": "v2"}},
		"timestampNtz":         {reader: []string{"timestampNtz"}},
		"checkpointProtection": {features: []string{"checkpointProtection"}},
		"typeWidening": {reader: []string{"typeWidening"}, properties: map[string]string{"delta.enableTypeWidening": "true"},
			edit:  meta("id", map[string]any{"delta.typeChanges": []any{map[string]any{"fromType": "integer", "toType": "long"}}}),
			check: keepsMeta(orders, "id", "delta.typeChanges", "[map[fromType:integer toType:long]]")},
		"typeWidening-preview": {reader: []string{"typeWidening-preview"}},
		"clustering": {features: []string{"clustering", "domainMetadata"}, properties: map[string]string{"delta.dataSkippingNumIndexedCols": "1"},
			check: func(t *testing.T, f *fixture) {
				for file := range f.snapshot(orders).Files(context.Background()) {
					if file.Stats == nil || len(file.Stats.Columns) != 2 {
						t.Errorf("%s lacks statistics of the column that it is clustered by: %+v", file.Path, file.Stats)
					}
				}
			}},
		"icebergCompatV1":          {features: []string{"icebergCompatV1"}, refused: "does not uphold: feature icebergCompatV1"},
		"icebergCompatV2":          {features: []string{"icebergCompatV2"}, refused: "does not uphold: feature icebergCompatV2"},
		"variantType":              {reader: []string{"variantType"}, refused: "does not uphold: feature variantType"},
		"variantShredding":         {reader: []string{"variantType", "variantShredding"}, refused: "does not uphold: feature variantShredding, feature variantType"},
		"catalogManaged":           {reader: []string{"catalogManaged"}, refused: "features that this program does not read: catalogManaged"},
		"catalogOwned-preview":     {reader: []string{"catalogOwned-preview"}, refused: "features that this program does not read: catalogOwned-preview"},
		"a feature of some future": {features: []string{"fromTheFuture"}, refused: "does not uphold: feature fromTheFuture"},
	}
	known, err := os.ReadFile("../docs/delta.md")
	if err != nil {
		t.Fatal(err)
	}
	features, _, _ := strings.Cut(string(known), "\n## ")
	for _, line := range strings.Split(features, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				if _, ok := cases[m[1]]; !ok {
					t.Errorf("no case has the feature %s", m[1])
				}
			}
		}
	}

	plain := newFixture(t)
	plain.run()
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			c := cases[name]
			if c.table == "" {
				c.table = orders
			}
			f := newFixture(t)
			f.eng = plain.eng
			f.makeForeign(c, plain.snapshot(c.table))
			for path, text := range c.models {
				f.put(path, text)
			}
			rec, err := f.try(pipeline.Options{})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("got %v, want: %s", err, c.refused)
				}
				if wrong := (*pipeline.ConfigError)(nil); !errors.As(err, &wrong) && !errors.Is(err, delta.ErrUnsupported) {
					t.Errorf("%T: %v", err, err)
				}
				return
			}
			if err == nil && rec.Outcome == "published" {
				// One row changes, one comes, and one is refused by its own suite.
				f.put("in/2.csv", "id,customer,city,seen,amount\n3,ann,,2024-01-03 10:00:00+00,1.00\n4,dan,Rome,2024-01-03 10:00:00+00,500.00\n")
				f.put("in/1.csv", "id,customer,city,seen,amount\n1,ann,Bergen,2024-01-01 10:00:00+00,5.00\n2,bob,Rome,2024-01-01 11:00:00+00,7.50\n")
				rec, err = f.try(pipeline.Options{})
			}
			switch {
			case err != nil:
				t.Fatal(err)
			case c.finding == "" && rec.Outcome != "published":
				t.Fatalf("%s: %s", rec.Outcome, rec.Message)
			case c.finding != "":
				if rec.Outcome != "refused" || !strings.Contains(findings(rec), c.finding) {
					t.Fatalf("%s: %s", rec.Outcome, findings(rec))
				}
				return
			}
			if problems, err := delta.Open(delta.Dir(filepath.Join(f.dir, "warehouse", c.table))).Fsck(context.Background()); err != nil || len(problems.Problems) > 0 {
				t.Errorf("%v, %v", problems, err)
			}
			if c.check != nil {
				c.check(t, f)
			}
		})
	}
}

// TestFilesWithoutStatistics: rows that others bring without a word of how many they
// are in the log flow on, and can be changed.
func TestFilesWithoutStatistics(t *testing.T) {
	plain, f := newFixture(t), newFixture(t)
	silent := func(table string) {
		logs, err := filepath.Glob(filepath.Join(f.dir, "warehouse", table, "_delta_log/*.json"))
		if err != nil || len(logs) == 0 {
			t.Fatal(logs, err)
		}
		for _, name := range logs {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			data = regexp.MustCompile(`,?"stats":"(?:[^"\\]|\\.)*"`).ReplaceAll(data, nil)
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	tables := []string{"bronze/orders", "silver/orders", "silver/customers", "gold/totals"}
	plain.run()
	f.run()
	for n := range days {
		for _, name := range tables {
			silent(name)
			snap := f.snapshot(name)
			if _, ok := snap.Rows(); ok {
				t.Fatalf("%s has statistics", name)
			}
		}
		plain.day(n)
		f.day(n)
	}
	f.sameAs(plain)
}

// TestFeedOfRefused: files of the change data feed go with the batch that was refused.
func TestFeedOfRefused(t *testing.T) {
	plain := newFixture(t)
	plain.run()
	f := newFixture(t)
	f.makeForeign(foreign{table: "silver/orders", features: []string{"changeDataFeed"}, properties: map[string]string{"delta.enableChangeDataFeed": "true"}}, plain.snapshot("silver/orders"))
	f.run()
	f.put("in/2.csv", "id,customer,city,seen,amount\n1,ann,Bergen,2024-01-01 10:00:00+00,5.00\n3,ann,Oslo,2024-01-03 10:00:00+00,-1.00\n4,ann,Oslo,2024-01-03 10:00:00+00,-1.00\n")
	if rec := f.run(); rec.Outcome != "refused" {
		t.Fatalf("%s: %s", rec.Outcome, rec.Message)
	}
	changes := filepath.Join(f.dir, "warehouse/silver/orders/_change_data/*/*")
	first, err := filepath.Glob(changes)
	if err != nil || len(first) != 1 {
		t.Fatalf("%v, %v", first, err)
	}
	f.now = f.now.AddDate(0, 0, 8)
	f.run() // which is refused for the same reason
	if now, err := filepath.Glob(changes); err != nil || len(now) != 1 || now[0] == first[0] {
		t.Errorf("%v, %v, %v", first, now, err)
	}
}

// findings are the messages of a run, a line each.
func findings(rec *record.Run) string {
	var b strings.Builder
	for _, l := range rec.Layers {
		for _, t := range l.Tables {
			for _, f := range t.Findings {
				fmt.Fprintln(&b, f.Rule, f.Message, f.Hint)
			}
		}
	}
	return b.String()
}

func (f *fixture) wantLog(table, text string) {
	f.t.Helper()
	logs, err := filepath.Glob(filepath.Join(f.dir, "warehouse", table, "_delta_log/*.json"))
	if err != nil {
		f.t.Fatal(err)
	}
	var all string
	for _, name := range logs {
		data, err := os.ReadFile(name)
		if err != nil {
			f.t.Fatal(err)
		}
		all += string(data)
	}
	if !strings.Contains(all, text) {
		f.t.Errorf("the log of %s has no %s", table, text)
	}
}

// wantChanges holds what the change data feed says of one version.
func (f *fixture) wantChanges(table string, version int64, columns, want string) {
	f.t.Helper()
	ctx := context.Background()
	where, err := location.Open(filepath.Join(f.dir, "warehouse", table), os.Getenv)
	if err != nil {
		f.t.Fatal(err)
	}
	s, err := f.eng.Session(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	defer s.Close()
	tb := &operations.Table{Where: where, Delta: delta.Open(where.Store()), Session: s, Dialect: f.eng.Dialect()}
	if err := tb.Changes(ctx, "feed", version, version); err != nil {
		f.t.Fatal(err)
	}
	rows, err := s.Query(ctx, "SELECT _change_type, "+columns+" FROM feed ORDER BY ALL")
	if err != nil {
		f.t.Fatal(err)
	}
	var got strings.Builder
	for _, row := range rows.Values {
		fmt.Fprintln(&got, strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
	}
	if got.String() != want {
		f.t.Errorf("%s, version %d: got\n%swant\n%s", table, version, got.String(), want)
	}
}
