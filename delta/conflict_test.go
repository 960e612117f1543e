package delta

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

// TestConflicts is the table of what a winner did against what the loser wants:
// the rules of Spark's ConflictChecker, and with dq's two differences. Files a and b are there, of
// days 1 and 2; each holds ids 1 to 10.
func TestConflicts(t *testing.T) {
	file := func(name string) table.File {
		f := dataFile(name)
		day := "1"
		if strings.HasPrefix(name, "b") {
			day = "2"
		}
		f.Partition = map[string]*string{"day": &day}
		return f
	}
	schema := table.Schema{Fields: append(orders.Fields, table.Field{Name: "day", Type: table.Type{Kind: table.Int32}, Nullable: true})}
	type do = func(*Txn)
	add := func(names ...string) do {
		return func(x *Txn) {
			for _, n := range names {
				x.Add(file(n))
			}
		}
	}
	remove := func(name string) do { return func(x *Txn) { x.Remove(file(name)) } }
	optimize := func(from, to string) do {
		return func(x *Txn) { x.Rearrange([]table.File{file(from)}, []table.File{file(to)}) }
	}
	hide := func(name string, rows ...int64) do { return func(x *Txn) { x.Delete(file(name), rows) } }
	both := func(all ...do) do {
		return func(x *Txn) {
			for _, d := range all {
				d(x)
			}
		}
	}
	retag := func(x *Txn) {
		f := file("a")
		f.Tags = map[string]string{"k": "v"}
		x.Retag(f)
	}
	whole := func(x *Txn) { x.Reads(true) }
	reads := func(name string) do { return func(x *Txn) { x.Reads(false, file(name)) } }
	where := func(column string, op Op, value string) do {
		return func(x *Txn) { x.ReadsWhere(Predicate{Path: []string{column}, Op: op, Values: []string{value}}) }
	}
	day := func(n string) do { return where("day", Equal, n) }
	app := func(n int64) do { return func(x *Txn) { x.SetTxn("app", n) } }
	wider := func(x *Txn) {
		x.SetSchema(table.Schema{Fields: append(schema.Fields, table.Field{Name: "x", Type: table.Type{Kind: table.String}, Nullable: true})})
	}
	set := func(key, value string) do {
		return func(x *Txn) { x.SetProperties(map[string]string{key: value}) }
	}
	constraint := func(x *Txn) { x.AddConstraint("c", "id > 0") }
	info := func(x *Txn) { x.Info(map[string]any{"k": 1}) }
	// lines is a winner that another program wrote.
	lines := func(actions ...string) string {
		return `{"commitInfo":{"operation":"MERGE"}}` + "\n" + strings.Join(actions, "\n") + "\n"
	}
	const features = `{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors","appendOnly","invariants"`
	serializable := map[string]string{"delta.isolationLevel": "Serializable"}

	cases := []struct {
		name   string
		props  map[string]string
		winner any // do, or the text of a commit
		loser  do
		want   ConflictKind
	}{
		// Protocol.
		{"protocol, append", nil, lines(features + `]}}`), add("l"), ""},
		{"protocol, protocol", nil, lines(features + `]}}`), set("delta.enableInCommitTimestamps", "true"), ProtocolChanged},
		{"protocol with less, append", map[string]string{"delta.enableDeletionVectors": "true"},
			lines(`{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","invariants"]}}`), add("l"), ProtocolChanged},
		{"protocol with less, deletion", map[string]string{"delta.enableDeletionVectors": "true"},
			lines(`{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`), hide("a", 1), ProtocolChanged},

		// Metadata: of the winner always, of the loser only if rows matter to it.
		{"schema, append", nil, wider, add("l"), MetadataChanged},
		{"schema, schema", nil, wider, wider, MetadataChanged},
		{"property, removal", nil, set("delta.appendOnly", "false"), remove("a"), MetadataChanged},
		{"append, schema", nil, add("w"), wider, ""},
		{"append, schema and append", nil, add("w"), both(wider, add("l")), ""},
		{"append, schema, serializable", serializable, add("w"), wider, ""},
		{"append, schema and removal", nil, add("w"), both(wider, remove("a")), ""},
		{"append, another schema instead of all rows", nil, add("w"), both(wider, remove("a"), remove("b")), ConcurrentAppend},
		{"append, constraint", nil, add("w"), constraint, ConcurrentAppend},
		{"removal, schema", nil, remove("a"), wider, ""},
		{"note, schema", nil, info, wider, ""},

		// Domains: dq writes none, and keeps those of others.
		{"domain, append", nil, lines(`{"domainMetadata":{"domain":"x","configuration":"{}","removed":false}}`), add("l"), ""},

		// Applications.
		{"same application", nil, both(add("w"), app(1)), both(add("l"), app(2)), ConcurrentTransaction},
		{"same application and number", nil, both(add("w"), app(1)), both(add("l"), app(1)), ConcurrentTransaction},
		{"another application", nil, both(add("w"), func(x *Txn) { x.SetTxn("other", 1) }), both(add("l"), app(1)), ""},
		{"an application, none", nil, both(add("w"), app(1)), add("l"), ""},

		// Rows that came. A blind append comes before whoever did not read all.
		{"append, append", nil, add("w"), add("l"), ""},
		{"append, append, serializable", serializable, add("w"), add("l"), ""},
		{"append, removal", nil, add("w"), remove("a"), ""},
		{"append, removal, serializable", serializable, add("w"), remove("a"), ConcurrentAppend},
		{"append, deletion, serializable", map[string]string{"delta.isolationLevel": "Serializable", "delta.enableDeletionVectors": "true"}, add("w"), hide("a", 1), ConcurrentAppend},
		{"append, reader of a file, serializable", serializable, add("w"), both(add("l"), reads("a")), ConcurrentAppend},
		{"append, reader of all", nil, add("w"), both(add("l"), whole), ConcurrentAppend},
		{"append, reader of its part", nil, add("w"), both(add("l"), day("1")), ""},
		{"append, reader of its part, serializable", serializable, add("w"), both(add("l"), day("1")), ConcurrentAppend},
		{"append, reader of another part, serializable", serializable, add("w"), both(remove("b"), day("2")), ""},
		{"rewrite, append", nil, both(add("w"), remove("b")), add("l"), ""},
		{"rewrite, append, serializable", serializable, both(add("w"), remove("b")), add("l"), ""},
		{"rewrite, removal of another file", nil, both(add("w"), remove("b")), remove("a"), ConcurrentAppend},
		{"rewrite, reader of its part", nil, both(add("w"), remove("b")), both(remove("a"), day("1")), ConcurrentAppend},
		{"rewrite, reader of another part", nil, both(add("bb"), remove("b")), both(remove("a"), day("1")), ""},
		{"rewrite, reader of two parts", nil, both(add("bb"), remove("b")), both(remove("a"), day("1"), day("2")), ConcurrentDeleteRead},
		{"rewrite, reader of other ids", nil, both(add("w"), remove("b")), both(remove("a"), where("id", Greater, "10")), ""},
		{"rewrite, reader of its ids", nil, both(add("w"), remove("b")), both(add("l"), where("id", GreaterOrEqual, "10")), ConcurrentDeleteRead},
		{"unknown rows, reader of its ids", nil, lines(`{"add":{"path":"w","partitionValues":{"day":"1"},"size":1,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":1,\"minValues\":{\"id\":1},\"maxValues\":{\"id\":10}}"}}`),
			both(add("l"), where("id", GreaterOrEqual, "10")), ConcurrentAppend},
		{"unknown rows without statistics, reader of other ids", nil,
			lines(`{"add":{"path":"w","partitionValues":{"day":"1"},"size":1,"modificationTime":1,"dataChange":true}}`), both(add("l"), where("id", Greater, "10")), ConcurrentAppend},
		{"unknown rows, removal", nil,
			lines(`{"add":{"path":"w","partitionValues":{"day":"1"},"size":1,"modificationTime":1,"dataChange":true}}`), remove("a"), ConcurrentAppend},

		// Rows that moved: nothing to those who need rows, all to those who need files.
		{"append, optimisation", serializable, add("w"), optimize("a", "l"), ""},
		{"rewrite, optimisation", nil, both(add("w"), remove("b")), optimize("a", "l"), ""},
		{"optimisation, append", nil, optimize("a", "w"), add("l"), ""},
		{"optimisation, reader of all", nil, optimize("a", "w"), both(add("l"), whole), ""},
		{"optimisation, reader of its part", nil, optimize("a", "w"), both(add("l"), day("1")), ""},
		{"optimisation, reader of a file", nil, optimize("a", "w"), both(add("l"), reads("a")), ConcurrentDeleteRead},
		{"optimisation, removal of the file", nil, optimize("a", "w"), remove("a"), ConcurrentDeleteDelete},
		{"optimisation, optimisation", nil, optimize("a", "w"), optimize("a", "l"), ConcurrentDeleteDelete},
		{"removal, optimisation of the file", nil, remove("a"), optimize("a", "l"), ConcurrentDeleteDelete},
		{"retag, removal", nil, retag, remove("a"), ""},
		{"retag, reader of all", nil, retag, both(add("l"), whole), ""},

		// Rows that went.
		{"removal, append", nil, remove("a"), add("l"), ""},
		{"removal, reader of it", nil, remove("a"), both(add("l"), reads("a")), ConcurrentDeleteRead},
		{"removal, reader of another", nil, remove("b"), both(add("l"), reads("a")), ""},
		{"removal, reader of all", nil, remove("b"), both(add("l"), whole), ConcurrentDeleteRead},
		{"removal, reader of its part", nil, remove("b"), both(add("l"), day("2")), ConcurrentDeleteRead},
		{"removal, reader of another part", nil, remove("b"), both(add("l"), day("1")), ""},
		{"removal, removal of the same", nil, remove("a"), remove("a"), ConcurrentDeleteDelete},
		{"removal, removal of another", nil, remove("b"), remove("a"), ""},
		{"removal, retag of it", nil, remove("a"), retag, ConcurrentDeleteRead},
		{"note, removal by a reader of all", nil, info, both(remove("a"), whole), ""},

		// Deletion vectors: by path, whatever rows they are about.
		{"deletion, deletion of other rows", map[string]string{"delta.enableDeletionVectors": "true"}, hide("a", 1), hide("a", 2), ConcurrentDeleteDelete},
		{"deletion, deletion in another file", map[string]string{"delta.enableDeletionVectors": "true"}, hide("b", 1), both(hide("a", 2), day("1")), ""},
		{"deletion, removal", map[string]string{"delta.enableDeletionVectors": "true"}, hide("a", 1), remove("a"), ConcurrentDeleteDelete},
		{"removal, deletion", map[string]string{"delta.enableDeletionVectors": "true"}, remove("a"), hide("a", 1), ConcurrentDeleteDelete},
		{"deletion, optimisation", map[string]string{"delta.enableDeletionVectors": "true"}, hide("a", 1), optimize("a", "l"), ConcurrentDeleteDelete},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			tb := testTable(&memory{})
			x := tb.Create("CREATE TABLE", schema, []string{"day"}, c.props)
			commitOK(t, x)
			x = x.Snapshot().Begin("WRITE")
			add("a", "b")(x)
			commitOK(t, x)
			base := x.Snapshot()
			loser := base.Begin("WRITE")
			c.loser(loser)
			switch w := c.winner.(type) {
			case do:
				winner := base.Begin("MERGE")
				w(winner)
				commitOK(t, winner)
			case string:
				if err := tb.store.PutNew(ctx, commitName(2), []byte(w)); err != nil {
					t.Fatal(err)
				}
			}
			v, err := loser.Commit(ctx)
			if c.want == "" {
				if err != nil || v != 3 {
					t.Fatalf("version %d, %v", v, err)
				}
				if got, want := describe(t, loser.Snapshot()), describe(t, latest(t, tb)); got != want {
					t.Errorf("the commit's snapshot is\n%s, the log says\n%s", got, want)
				}
				return
			}
			var e *ConflictError
			if !errors.As(err, &e) || e.Kind != c.want || e.Version != 2 || e.Operation != "MERGE" || !errors.Is(err, ErrConflict) {
				t.Fatalf("want %s, got %v", c.want, err)
			}
			if got := latest(t, tb).Version(); got != 2 {
				t.Errorf("version %d was written", got)
			}
		})
	}
}

// TestConflictWithUnknown: a winner that makes the table one that this program
// cannot write, such as one that Iceberg reads too, ends the commit.
func TestConflictWithUnknown(t *testing.T) {
	tb := testTable(&memory{})
	x := create(t, tb, nil).Begin("WRITE")
	x.Add(dataFile("l"))
	line := `{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["icebergCompatV1","domainMetadata","appendOnly","invariants"]}}
{"domainMetadata":{"domain":"delta.rowTracking","configuration":"{\"rowIdHighWaterMark\":9}","removed":false}}`
	if err := tb.store.PutNew(context.Background(), commitName(1), []byte(line)); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(context.Background()); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "icebergCompatV1") {
		t.Fatalf("got %v", err)
	}
}

// TestReadsWhere: what was read survives a process, and mistakes are found.
func TestReadsWhere(t *testing.T) {
	ctx := context.Background()
	tb := testTable(&memory{})
	base := appendFiles(t, create(t, tb, nil), "a", "b")
	x := base.Begin("WRITE")
	x.Add(dataFile("l"))
	x.ReadsWhere(Predicate{Path: []string{"id"}, Op: Equal, Values: []string{"5"}})
	prepared, err := x.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	winner := base.Begin("DELETE")
	winner.Remove(dataFile("a"))
	commitOK(t, winner)
	y, err := tb.Resume(prepared)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := y.Commit(ctx); !errors.Is(err, ErrConflict) {
		t.Errorf("got %v", err)
	}
	x = base.Begin("WRITE")
	x.ReadsWhere(Predicate{Path: []string{"idd"}, Op: IsNull})
	if _, err := x.Commit(ctx); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), `"idd"`) {
		t.Errorf("got %v", err)
	}
}
