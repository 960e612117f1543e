package delta

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

	"github.com/dq-dev/dq/table"
)

// TestCheckpointHoldsAll: a table read from its checkpoint is the table read
// from its commits, tombstones included.
func TestCheckpointHoldsAll(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	tb := testTable(Dir(dir))
	schema := table.Schema{Fields: append(slices.Clone(orders.Fields), table.Field{Name: "day", Type: table.Type{Kind: table.Date}, Nullable: true})}
	x := tb.Create("CREATE TABLE", schema, []string{"day"}, map[string]string{"delta.checkpointInterval": "5", "delta.enableInCommitTimestamps": "true", "empty": ""})
	commitOK(t, x)
	s := x.Snapshot()
	for i := range 10 {
		x := s.Begin("WRITE")
		f := dataFile(fmt.Sprintf("day=%d/ü %d.parquet", i, i))
		f.Partition = map[string]*string{"day": nil}
		if i%2 == 0 {
			f.Partition["day"] = new(fmt.Sprintf("2024-01-%02d", i+1))
			f.Tags = map[string]string{"dq.rules": "r", "empty": ""}
		}
		x.Add(f)
		if i%3 == 2 {
			x.Remove(fileList(t, s)[0])
		}
		x.SetTxn(fmt.Sprint("app", i%2), int64(i))
		commitOK(t, x)
		s = x.Snapshot()
	}
	fromCheckpoint := latest(t, tb)
	if h := tb.hint(ctx).version; h != 10 {
		t.Fatalf("_last_checkpoint says %d", h)
	}
	for _, name := range []string{hintName, checkpointName(5), checkpointName(10)} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	again, _, err := tb.readCheckpoint(ctx, 10, []string{checkpointName(10)})
	if err != nil {
		t.Fatal(err)
	}
	if len(again.tombstones) != 3 || len(s.state.tombstones) != 3 {
		t.Errorf("%d tombstones in the checkpoint, %d in the log, want 3", len(again.tombstones), len(s.state.tombstones))
	}
	for _, name := range []string{hintName, checkpointName(5), checkpointName(10)} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	fromLog := latest(t, tb)
	if a, b := describe(t, fromCheckpoint), describe(t, fromLog); a != b {
		t.Errorf("the checkpoint says\n%s, the log\n%s", a, b)
	}
	if a, b := describe(t, s), describe(t, fromLog); a != b {
		t.Errorf("the last commit says\n%s, the log\n%s", a, b)
	}
	if !fromCheckpoint.Time().Equal(fromLog.Time()) || !s.Time().Equal(fromLog.Time()) {
		t.Errorf("times %s, %s, %s", s.Time(), fromCheckpoint.Time(), fromLog.Time())
	}
}

// TestTombstonesExpire: after the retention they leave the checkpoint.
func TestTombstonesExpire(t *testing.T) {
	tb := testTable(&memory{})
	s := appendFiles(t, create(t, tb, map[string]string{"delta.deletedFileRetentionDuration": "interval 2 minutes"}), "a", "b")
	x := s.Begin("DELETE")
	x.Remove(dataFile("a"))
	commitOK(t, x)
	removed := x.Snapshot().Time()
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{time.Minute, 1}, {3 * time.Minute, 0}} {
		n := 0
		for _, a := range x.Snapshot().state.checkpointActions(removed.Add(c.after)) {
			if a.Remove != nil {
				n++
			}
		}
		if n != c.want {
			t.Errorf("after %s: %d tombstones, want %d", c.after, n, c.want)
		}
	}
	for text, want := range map[string]time.Duration{"": 168 * time.Hour, "interval 1 week": 168 * time.Hour, "interval 30 days": 720 * time.Hour,
		"INTERVAL 5 HOURS": 5 * time.Hour, "interval -1 day": 168 * time.Hour, "interval 9999999999 weeks": 168 * time.Hour, "soon": 168 * time.Hour} {
		if got := tombstoneRetention(map[string]string{"delta.deletedFileRetentionDuration": text}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestFailedCheckpoint: the commit stands, and the failure is told.
func TestFailedCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := create(t, testTable(Dir(dir)), map[string]string{"delta.checkpointInterval": "1"})
	if err := os.Mkdir(filepath.Join(dir, filepath.FromSlash(checkpointName(1))), 0o777); err != nil {
		t.Fatal(err)
	}
	var told error
	s.table.Warn = func(err error) { told = err }
	s = appendFiles(t, s, "a")
	if told == nil || !strings.Contains(told.Error(), "checkpoint of version 1") {
		t.Errorf("told %v", told)
	}
	if got := latest(t, testTable(Dir(dir))); got.Version() != 1 || s.Version() != 1 {
		t.Errorf("version %d", got.Version())
	}
}

func TestTimeTravel(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	tb := testTable(Dir(dir))
	s := create(t, tb, nil)
	for i := range 3 {
		s = appendFiles(t, s, fmt.Sprint("f", i))
	}
	// Commits of 10:00, 10:10, 10:05 (a clock stepped back) and 10:30.
	day := time.Date(2024, 1, 1, 10, 0, 0, 0, time.UTC)
	for v, minute := range []int{0, 10, 5, 30} {
		at := day.Add(time.Duration(minute) * time.Minute)
		if err := os.Chtimes(filepath.Join(dir, commitName(int64(v))), at, at); err != nil {
			t.Fatal(err)
		}
	}
	tb.Clock = func() time.Time { return day.Add(time.Hour) }
	for _, c := range []struct {
		at    string
		want  int64
		fails error
	}{
		{"09:59:59Z", 0, ErrNoVersion}, {"10:00:00Z", 0, nil}, {"10:09:59Z", 0, nil}, {"10:10:00Z", 1, nil},
		{"10:10:00.001Z", 2, nil}, {"10:29:59Z", 2, nil}, {"10:30:00Z", 3, nil}, {"11:00:00Z", 3, nil}, {"11:00:01Z", 0, ErrNoVersion},
	} {
		at, err := time.Parse(time.RFC3339Nano, "2024-01-01T"+c.at)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tb.Snapshot(ctx, Time(at))
		if !errors.Is(err, c.fails) || err == nil && got.Version() != c.want {
			t.Errorf("%s: %v, want version %d, %v", c.at, err, c.want, c.fails)
		}
	}
	for v := range int64(4) {
		got, err := tb.Snapshot(ctx, Version(v))
		if err != nil || got.Version() != v || got.NumFiles() != int(v) {
			t.Errorf("version %d: %v", v, err)
		}
	}
	for _, v := range []int64{4, -1} {
		if _, err := tb.Snapshot(ctx, Version(v)); !errors.Is(err, ErrNoVersion) {
			t.Errorf("version %d: %v", v, err)
		}
	}
	h, err := tb.History(ctx, 2)
	if err != nil || len(h) != 2 || h[0].Version != 3 || h[1].Version != 2 || h[1].Operation != "WRITE" || !h[1].Time.Equal(day.Add(10*time.Minute+time.Millisecond)) {
		t.Errorf("history %+v, %v", h, err)
	}
	if h, err = tb.History(ctx, 0); err != nil || len(h) != 4 || h[3].Operation != "CREATE TABLE" {
		t.Errorf("history %+v, %v", h, err)
	}
}

func TestNoTable(t *testing.T) {
	ctx := context.Background()
	tb := Open(Dir(filepath.Join(t.TempDir(), "nowhere")))
	for _, at := range []At{Latest(), Version(3), Time(time.Now())} {
		if _, err := tb.Snapshot(ctx, at); !errors.Is(err, ErrNoTable) {
			t.Errorf("%v: %v", at, err)
		}
	}
	if _, err := tb.History(ctx, 0); !errors.Is(err, ErrNoTable) {
		t.Errorf("history: %v", err)
	}
	if _, _, err := tb.Changes(ctx, 0, 1); !errors.Is(err, ErrNoTable) {
		t.Errorf("changes: %v", err)
	}
}

func TestCleanedLog(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	tb := testTable(Dir(dir))
	s := create(t, tb, nil)
	for i := range 12 {
		s = appendFiles(t, s, fmt.Sprint("f", i))
	}
	for v := range int64(10) {
		if err := os.Remove(filepath.Join(dir, commitName(v))); err != nil {
			t.Fatal(err)
		}
	}
	if got := latest(t, tb); got.Version() != 12 || got.NumFiles() != 12 {
		t.Errorf("version %d with %d files", got.Version(), got.NumFiles())
	}
	if _, err := tb.Snapshot(ctx, Version(4)); !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "begins at version 10") {
		t.Errorf("got %v", err)
	}
	if got, err := tb.Snapshot(ctx, Version(10)); err != nil || got.NumFiles() != 10 {
		t.Errorf("version 10: %v", err)
	}
	if _, _, err := tb.Changes(ctx, 5, 12); !errors.Is(err, ErrGone) {
		t.Errorf("changes: %v", err)
	}
	if added, removed, err := tb.Changes(ctx, 10, 12); err != nil || paths(added) != "f10 f11" || removed != nil {
		t.Errorf("changes: %v %v %v", added, removed, err)
	}
	if err := os.Remove(filepath.Join(dir, checkpointName(10))); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := tb.Snapshot(ctx, Latest()); !errors.As(err, &e) || e.Category != LogGap || !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestChanges(t *testing.T) {
	ctx := context.Background()
	tb := testTable(&memory{})
	s := appendFiles(t, create(t, tb, nil), "a", "b") // 1
	s = appendFiles(t, s, "c")                        // 2
	x := s.Begin("MERGE")                             // 3: c comes and goes, a goes
	x.Remove(dataFile("c"), dataFile("a"))            //
	x.Add(dataFile("d"))                              //
	commitOK(t, x)                                    //
	x = x.Snapshot().Begin("RETAG")                   // 4: no data
	x.Retag(dataFile("b"))                            //
	commitOK(t, x)                                    //
	s = appendFiles(t, x.Snapshot(), "a")             // 5: a is back
	if added, _, err := tb.Changes(ctx, -1, 1); err != nil || paths(added) != "a b" {
		t.Errorf("since the beginning: %v %v", added, err)
	}
	for _, c := range []struct {
		from, to       int64
		added, removed string
	}{{0, 1, "a b", ""}, {1, 2, "c", ""}, {1, 3, "d", "a"}, {2, 3, "d", "a c"}, {3, 4, "", ""}, {1, 5, "d", ""}, {0, 5, "a b d", ""}, {5, 5, "", ""}} {
		added, removed, err := tb.Changes(ctx, c.from, c.to)
		if err != nil || paths(added) != c.added || paths(removed) != c.removed {
			t.Errorf("%d to %d: added %q, removed %q, %v; want %q, %q", c.from, c.to, paths(added), paths(removed), err, c.added, c.removed)
		}
	}
	if _, _, err := tb.Changes(ctx, 3, 9); !errors.Is(err, ErrNoVersion) {
		t.Errorf("got %v", err)
	}
	if _, _, err := tb.Changes(ctx, 3, 2); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if s.NumFiles() != 3 {
		t.Errorf("files %s", paths(fileList(t, s)))
	}
	// A deletion vector that changes shows the file twice.
	dv := Open(Dir("testdata/dat/deletion_vectors/table"))
	n := latest(t, dv).Version()
	added, removed, err := dv.Changes(ctx, n-1, n)
	if err != nil || len(added) != 1 || len(removed) != 1 || added[0].Path != removed[0].Path || added[0].Deleted == nil || removed[0].Deleted != nil || len(added[0].Deleted.Rows) != int(added[0].Deleted.Cardinality) {
		t.Errorf("added %+v, removed %+v, %v", added, removed, err)
	}
}

// TestCommitText: what a commit file may look like, and what it may not.
func TestCommitText(t *testing.T) {
	const protocol = `{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`
	const meta = `{"metaData":{"id":"x","format":{"provider":"parquet"},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[]}}`
	add := func(path string) string {
		return fmt.Sprintf(`{"add":{"path":%q,"partitionValues":{},"size":"12","modificationTime":1,"dataChange":true,"unknown":{"x":1}}}`, path)
	}
	mapped := func(id, name string) string { // a second column, of that id and name in files
		field := func(column, id, name string) string {
			return fmt.Sprintf(`{\"name\":\"%s\",\"type\":\"long\",\"nullable\":true,\"metadata\":{\"delta.columnMapping.id\":%s,\"delta.columnMapping.physicalName\":\"%s\"}}`, column, id, name)
		}
		return `{"metaData":{"id":"x","format":{"provider":"parquet"},"schemaString":"{\"type\":\"struct\",\"fields\":[` + field("x", "1", "a") + "," + field("y", id, name) +
			`]}","partitionColumns":[],"configuration":{"delta.columnMapping.mode":"name"}}}`
	}
	widened := func(changes string) string {
		return `{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["typeWidening"],"writerFeatures":["typeWidening"]}}` +
			strings.Replace(meta, `\"metadata\":{}`, `\"metadata\":{\"delta.typeChanges\":`+changes+`}`, 1)
	}
	cases := []struct {
		name, text string
		want       string   // the files, or
		fails      Category // the error
	}{
		{"plain", protocol + "\n" + meta + "\n" + add("a"), "a", ""},
		{"CR LF, blank lines, no last newline", "\r\n" + protocol + "\r\n\r\n" + meta + "\r\n" + add("a"), "a", ""},
		{"pretty-printed", protocol + "\n" + strings.ReplaceAll(meta, `,"`, ",\n  \"") + add("a"), "a", ""},
		{"escapes decoded once", protocol + meta + add("p=%2520+x/a%20b"), "p=%20+x/a b", ""},
		{"absolute", protocol + meta + add("file:///a/b%20c"), "/a/b c", ""},
		{"another store", protocol + meta + add("s3://bucket/a%20b"), "s3://bucket/a b", ""},
		{"dot segments", protocol + meta + add("./x/../a"), "a", ""},
		{"unknown action", protocol + meta + `{"later":{"x":1}}` + add("a"), "a", ""},
		{"cut off", protocol + meta + `{"add":{"path":`, "", LogCorrupt},
		{"not JSON", "hello", "", LogCorrupt},
		{"not an object", "[1]", "", LogCorrupt},
		{"path out of the table", protocol + meta + add("../a"), "", LogCorrupt},
		{"path with a bad escape", protocol + meta + add("a%2"), "", LogCorrupt},
		{"no path", protocol + meta + `{"add":{"size":1}}`, "", LogCorrupt},
		{"no size", protocol + meta + `{"add":{"path":"a"}}`, "", LogCorrupt},
		{"two adds of one file", protocol + meta + add("a") + add("./a"), "", DuplicateAction},
		{"no text of the schema", protocol + `{"metaData":{"id":"x","format":{"provider":"parquet"},"partitionColumns":[]}}` + add("a"), "", BadSchema},
		{"add and remove of one file", protocol + meta + add("a") + `{"remove":{"path":"a","dataChange":true}}`, "", DuplicateAction},
		{"two protocols", protocol + protocol + meta, "", DuplicateAction},
		{"two schemas", protocol + meta + meta, "", DuplicateAction},
		{"two txns of one application", protocol + meta + `{"txn":{"appId":"a","version":1}}{"txn":{"appId":"a","version":2}}`, "", DuplicateAction},
		{"two actions in one value", protocol + meta + strings.TrimSuffix(add("a"), "}") + `,"txn":{"appId":"a","version":1}}`, "", LogCorrupt},
		{"one action twice in one value", protocol + meta + strings.TrimSuffix(add("a"), "}") + "," + add("b")[1:], "", LogCorrupt},
		{"nulls beside an action", protocol + meta + strings.TrimSuffix(add("a"), "}") + `,"remove":null,"txn":null,"commitInfo":null}`, "a", ""},
		{"two deletion vectors of one file", protocol + meta + add("a") + strings.Replace(add("a"), `"size"`, `"deletionVector":{"storageType":"i","pathOrInlineDv":"","sizeInBytes":0,"cardinality":0},"size"`, 1), "", DuplicateAction},
		{"files that are no Parquet", protocol + strings.Replace(meta, "parquet", "orc", 1), "", UnsupportedFeature},
		{"no protocol", meta, "", NoProtocol},
		{"no schema", protocol, "", NoMetadata},
		{"schema of no type", protocol + strings.ReplaceAll(meta, "long", "quux"), "", BadSchema},
		{"partition column nowhere", protocol + strings.Replace(meta, `"partitionColumns":[]`, `"partitionColumns":["x"]`, 1), "", BadSchema},
		{"partition column of a nested type", protocol + strings.NewReplacer(`"partitionColumns":[]`, `"partitionColumns":["id"]`, `\"long\"`, `{\"type\":\"array\",\"elementType\":\"long\",\"containsNull\":true}`).Replace(meta), "", BadSchema},
		{"partition value of another type", protocol + strings.Replace(meta, `"partitionColumns":[]`, `"partitionColumns":["id"]`, 1) + strings.Replace(add("a"), `"partitionValues":{}`, `"partitionValues":{"id":"1.5"}`, 1), "", LogCorrupt},
		{"no partition value", protocol + strings.Replace(meta, `"partitionColumns":[]`, `"partitionColumns":["id"]`, 1) + add("a"), "", LogCorrupt},
		{"unknown features", `{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["zeta","alpha"],"writerFeatures":["zeta","alpha"]}}` + meta, "", UnsupportedFeature},
		{"writer version to come", `{"protocol":{"minReaderVersion":1,"minWriterVersion":8}}` + meta + add("a"), "a", ""},
		{"reader version to come", `{"protocol":{"minReaderVersion":4,"minWriterVersion":8}}` + meta, "", UnsupportedProtocol},
		{"statistics that are no text", protocol + meta + strings.Replace(add("a"), `"size"`, `"stats":{"numRecords":3},"size"`, 1), "a", ""},
		{"statistics that are a number", protocol + meta + strings.Replace(add("a"), `"size"`, `"stats":3,"size"`, 1), "a", ""},
		{"a type that widened", widened(`[{\"fromType\":\"integer\",\"toType\":\"long\"}]`) + add("a"), "a", ""},
		{"a type that changed otherwise", widened(`[{\"fromType\":\"string\",\"toType\":\"long\"}]`), "", UnsupportedFeature},
		{"type changes that are none", widened(`\"x\"`), "", UnsupportedFeature},
		{"column mapping without names", `{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}` + strings.Replace(meta, `"partitionColumns"`, `"configuration":{"delta.columnMapping.mode":"name"},"partitionColumns"`, 1), "", BadSchema},
		{"column mapping of two to one id", `{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}` + mapped("1", "b"), "", BadSchema},
		{"column mapping of two to one name", `{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}` + mapped("2", "a"), "", BadSchema},
		{"column mapping that is none", `{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}` + strings.Replace(meta, `"partitionColumns"`, `"configuration":{"delta.columnMapping.mode":"x"},"partitionColumns"`, 1), "", BadSchema},
		{"column mapping without protocol", protocol + strings.Replace(meta, `"partitionColumns"`, `"configuration":{"delta.columnMapping.mode":"name"},"partitionColumns"`, 1) + add("a"), "a", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := &memory{}
			if err := store.PutNew(context.Background(), commitName(0), []byte(c.text)); err != nil {
				t.Fatal(err)
			}
			_, s, err := readAll(context.Background(), Open(store))
			if c.fails == "" {
				if err != nil || paths(fileList(t, s)) != c.want {
					t.Fatalf("got %v, want %q", err, c.want)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Category != c.fails || errors.Is(err, ErrCorrupt) == errors.Is(err, ErrUnsupported) {
				t.Fatalf("want %s, got %v", c.fails, err)
			}
			if c.fails == LogCorrupt && e.File == "" {
				t.Errorf("no file in %v", err)
			}
		})
	}
	// Names in files that a mapping left in the schema mean nothing while it is off.
	store := &memory{}
	off := protocol + strings.Replace(mapped("2", "b"), `"name"}}}`, `"none"}}}`, 1)
	if err := store.PutNew(context.Background(), commitName(0), []byte(off)); err != nil {
		t.Fatal(err)
	}
	for _, f := range latest(t, Open(store)).Schema().Fields {
		if f.Meta != nil {
			t.Errorf("column %s has %v", f.Name, f.Meta)
		}
	}
	// A file that is live twice, and a checkpoint with nothing in it beside a whole log.
	one := strings.Replace(add("a"), `"size"`, `"deletionVector":{"storageType":"i","pathOrInlineDv":"","sizeInBytes":0,"cardinality":0},"size"`, 1)
	store = &memory{}
	for name, text := range map[string]string{commitName(0): protocol + meta + add("a"), commitName(1): one,
		logDir + "/00000000000000000000.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json": ""} {
		if err := store.PutNew(context.Background(), name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	var e *Error
	if _, err := Open(store).Snapshot(context.Background(), Latest()); !errors.As(err, &e) || e.Category != DuplicateAction {
		t.Errorf("a file that is live with and without deletion vector: %v", err)
	}
	if s, err := Open(store).Snapshot(context.Background(), Version(0)); err != nil || s.NumFiles() != 1 {
		t.Errorf("behind an empty checkpoint: %v", err)
	}
	all := Error{Category: UnsupportedFeature}
	if err := (&protocolOf{3, 7, "zeta alpha columnMapping"}).check(); err == nil || !strings.Contains(err.Error(), "alpha, zeta") || !errors.As(err, new(*Error)) || !all.Is(ErrUnsupported) {
		t.Errorf("not all features are named: %v", err)
	}
}

// protocolOf is a protocol with the same features for readers and writers.
type protocolOf struct {
	reader, writer int
	features       string
}

func (p *protocolOf) check() error {
	f := strings.Fields(p.features)
	return (&protocol{MinReader: p.reader, MinWriter: p.writer, ReaderFeatures: &f, WriterFeatures: &f}).check()
}

// TestHints: whatever _last_checkpoint says, the table is read.
func TestHints(t *testing.T) {
	for _, hint := range []string{``, `{`, `{"version":null}`, `{"version":-4}`, `{"version":999}`, `{"version":5}`, `{"version":"10"}`, `[]`} {
		store := &memory{}
		tb := testTable(store)
		s := create(t, tb, nil)
		for i := range 11 {
			s = appendFiles(t, s, fmt.Sprint("f", i))
		}
		if err := store.Put(t.Context(), hintName, []byte(hint)); err != nil {
			t.Fatal(err)
		}
		if got := latest(t, tb); got.Version() != 11 || got.NumFiles() != 11 {
			t.Errorf("hint %q: version %d with %d files", hint, got.Version(), got.NumFiles())
		}
		if got, err := tb.Snapshot(context.Background(), Version(3)); err != nil || got.NumFiles() != 3 {
			t.Errorf("hint %q: version 3: %v", hint, err)
		}
	}
}

// TestDir holds what a folder does besides what every store must do.
func TestDir(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	store := Dir(filepath.Join(root, "a", "b"))
	if err := store.PutNew(ctx, "x/1", []byte("x/1")); err != nil {
		t.Fatal(err)
	}
	if data, err := store.Read(ctx, filepath.Join(root, "a", "b", "x", "1")); err != nil || string(data) != "x/1" {
		t.Errorf("read of an absolute name: %q %v", data, err)
	}
	// No file stands where a folder is needed.
	if err := store.PutNew(ctx, "x/1/f", nil); err == nil {
		t.Error("a file below a file")
	}
}

func TestWritable(t *testing.T) {
	for name, want := range map[string]string{
		"spark-gen/part_weird_strings": "", "dat/with_checkpoint": "", "spark-gen/vacuumed": "",
		"dat/deletion_vectors": "", "golden/dv-with-columnmapping": "column mapping by name",
	} {
		err := latest(t, Open(Dir("testdata/"+name+"/table"))).Writable()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrUnsupported)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	s := create(t, testTable(&memory{}), nil)
	s.state.protocol = &protocol{MinReader: 1, MinWriter: 7, WriterFeatures: &[]string{"icebergCompatV2", "checkConstraints", "invariants", "generatedColumns", "identityColumns"}}
	s.state.metaData.Configuration = map[string]string{"delta.constraints.positive": "id > 0"}
	s.schema.Fields[0].Meta = map[string]any{"delta.invariants": "{}"}
	s.schema.Fields[1].Type = table.Type{Kind: table.Array, Elem: &table.Type{Kind: table.Struct, Fields: []table.Field{{Name: "g", Type: table.Type{Kind: table.String}, Meta: map[string]any{"delta.generationExpression": "1"}}}}}
	err := s.Writable()
	for _, part := range []string{"feature icebergCompatV2", "CHECK constraint positive", "invariant of column id", "generated column note.element.g"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
	x := s.Begin("WRITE")
	x.Add(dataFile("a"))
	if _, err := x.Commit(context.Background()); !errors.Is(err, ErrUnsupported) {
		t.Errorf("commit: %v", err)
	}
	s.state.protocol = &protocol{MinReader: 1, MinWriter: 8}
	if err := s.Writable(); err == nil || !strings.Contains(err.Error(), "writer version 8") {
		t.Errorf("writer version 8: %v", err)
	}
	if got := s.Constraints(); got["positive"] != "id > 0" || len(got) != 1 {
		t.Errorf("constraints %v", got)
	}
}

// TestProtocolPlace: what is wrong with a protocol is said with the file that has it.
func TestProtocolPlace(t *testing.T) {
	for text, want := range map[string]string{
		`{"minReaderVersion":0,"minWriterVersion":0}`: "versions are 0 and 0",
		`{}`: "versions are 0 and 0",
		`{"minReaderVersion":"1","minWriterVersion":2}`: "protocol.minReaderVersion is a string",
		`{"minReaderVersion":1.5,"minWriterVersion":2}`: "protocol.minReaderVersion is a number 1.5",
		`{"minReaderVersion":4,"minWriterVersion":7}`:   "reader version 4",
	} {
		store := &memory{}
		create(t, testTable(store), nil)
		if err := store.Put(t.Context(), commitName(1), []byte(`{"protocol":`+text+`}`)); err != nil {
			t.Fatal(err)
		}
		_, err := testTable(store).Snapshot(t.Context(), Latest())
		var e *Error
		if !errors.As(err, &e) || e.File != commitName(1) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
