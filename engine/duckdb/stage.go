package duckdb

import (
	"context"
	"crypto/rand"
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// keepColumn carries the verdict into the path of a written file. A name that
// begins with _ would be no partition column to DuckDB.
const keepColumn = "dq_keep"

// refusedDir is the folder, beside the partitions of kept files, for the others.
const refusedDir = "refused"

// written is one file that COPY reports.
type written struct {
	path  string
	rows  int64
	size  int64
	stats driver.OrderedMap
	keys  driver.OrderedMap // partition column to text, nil is null
}

// Stage writes the rows of a SELECT as Parquet (zstd, statistics, timestamps in
// microseconds) in one pass, split by the verdict and by the partition columns.
// Kept files lie under Dir, in folders column=value as Delta and Hive write them;
// the others under Dir/refused. When Stage returns, all are on the disk (fsync);
// when it fails, none of them is left. A folder without files goes, too.
//
// Without Split and PartitionBy the order of rows is that of the SELECT; with
// them it is nearly so. TargetBytes has effect without them only: DuckDB cannot
// do both.
func (s *session) Stage(ctx context.Context, req engine.StageRequest) ([]engine.Staged, int64, error) {
	doing := "duckdb: stage " + filepath.Join(req.Root, filepath.FromSlash(req.Dir))
	if err := checkStage(req); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", doing, err)
	}
	if err := s.loadText(ctx); err != nil {
		return nil, 0, err
	}
	query, err := s.stageQuery(ctx, req, doing)
	if err != nil {
		return nil, 0, err
	}
	dir := filepath.Join(req.Root, filepath.FromSlash(req.Dir))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, 0, diskError(err, doing)
	}
	defer func() { _ = os.Remove(dir) }() // one in which something was written stays
	work := dir
	if req.Split != "" || len(req.PartitionBy) > 0 || req.TargetBytes > 0 {
		// Several files are written into a folder of their own: COPY refuses one that
		// is not empty, and what a failure leaves is then easily removed.
		if work, err = os.MkdirTemp(dir, "writing-"); err != nil {
			return nil, 0, diskError(err, doing)
		}
		defer func() { _ = os.RemoveAll(work) }()
	}
	files, returned, err := s.copyTo(ctx, req, query, work, doing)
	if err != nil {
		return nil, 0, err
	}
	staged, err := settle(req, files)
	if err != nil {
		for _, st := range staged {
			_ = os.Remove(filepath.Join(req.Root, filepath.FromSlash(st.File.Path)))
		}
		return nil, 0, diskError(err, doing)
	}
	return staged, returned, nil
}

func checkStage(req engine.StageRequest) error {
	if len(req.Schema.Fields) == 0 {
		return fmt.Errorf("the schema has no columns")
	}
	if req.Dir == "" || !filepath.IsLocal(filepath.FromSlash(req.Dir)) {
		return fmt.Errorf("the folder %q is not below the table's", req.Dir)
	}
	if dup := duplicate(req.Schema.Names()); dup != "" {
		return fmt.Errorf("column %q is there twice (names are compared without case)", dup)
	}
	for _, f := range req.Schema.Fields {
		switch {
		case strings.EqualFold(f.Name, keepColumn):
			return fmt.Errorf("column %q: dq needs this name for itself while it writes; call the column something else", f.Name)
		case f.Type.Kind == table.Void:
			return fmt.Errorf("column %q has no type, only nulls; cast it to the type it will have", f.Name)
		}
	}
	for i, p := range req.PartitionBy {
		f, ok := req.Schema.Field(p)
		if !ok {
			return fmt.Errorf("partition column %q is not in the schema (%s)", p, strings.Join(req.Schema.Names(), ", "))
		}
		if f.Type.Elem != nil || f.Type.Fields != nil || f.Type.Kind == table.Binary {
			return fmt.Errorf("partition column %q is %s; a partition value is a text, a number, a bool or a time", p, f.Type)
		}
		if slices.Contains(req.PartitionBy[:i], p) {
			return fmt.Errorf("partition column %q is named twice", p)
		}
	}
	if len(req.PartitionBy) == len(req.Schema.Fields) {
		return fmt.Errorf("all columns are partition columns; one must be left for the files")
	}
	return nil
}

// stageQuery composes the SELECT whose rows are stored: the request's columns by
// name, cast, under their names in files, and the verdict.
func (s *session) stageQuery(ctx context.Context, req engine.StageRequest, doing string) (string, error) {
	given, source, err := s.stageSource(ctx, req.SQL, doing)
	if err != nil {
		return "", err
	}
	from := map[string]table.Field{}
	for _, f := range given.Fields {
		from[strings.ToLower(f.Name)] = f
	}
	var casts, stored []string
	for _, f := range req.Schema.Fields {
		g, ok := from[strings.ToLower(f.Name)]
		if !ok {
			return "", fmt.Errorf("%s: the SELECT has no column %q; it has %s", doing, f.Name, strings.Join(given.Names(), ", "))
		}
		if g.Type.Kind == "" {
			return "", fmt.Errorf("%s: column %q has a type that no table can have; cast it to %s", doing, f.Name, f.Type)
		}
		casts = append(casts, cast("q."+ident(g.Name), g.Type, f.Type, f.Name)+" AS "+ident(f.Name))
		e := renamed("r."+ident(f.Name), f.Type, logical, physical, 0)
		if slices.Contains(req.PartitionBy, f.Name) {
			e = partitionText(e, f.Type)
		}
		stored = append(stored, e+" AS "+ident(physical(f)))
		delete(from, strings.ToLower(f.Name))
	}
	for _, g := range given.Fields { // Split may look at them
		if _, rest := from[strings.ToLower(g.Name)]; rest {
			casts = append(casts, "q."+ident(g.Name))
		}
	}
	if req.Split != "" {
		stored = append(stored, "coalesce(("+req.Split+"\n), false) AS "+keepColumn)
	}
	return "SELECT " + strings.Join(stored, ", ") + " FROM (SELECT " + strings.Join(casts, ", ") + " FROM " + source + " q) r", nil
}

// stageSource gives the columns of a SELECT, and the SELECT as what stands behind
// FROM. What was bound last is known already.
func (s *session) stageSource(ctx context.Context, query, doing string) (table.Schema, string, error) {
	if s.stubs != nil && s.stubs.last.query == query && s.stubs.last.plan.Tree != nil {
		if err := s.stubs.follow(ctx, s.relations); err != nil {
			return table.Schema{}, "", err
		}
		if last := s.stubs.last; last.query == query && !strings.Contains(query, ";") {
			return last.plan.Schema, "(" + query + "\n)", nil
		}
	}
	// The user's SELECT becomes a view, so that its end (a comment, a semicolon)
	// and its names are its own affair.
	view := s.catalog + ".main.dq_staging"
	if err := s.create(ctx, "CREATE OR REPLACE VIEW "+view, query, doing); err != nil {
		return table.Schema{}, "", err
	}
	given, err := s.typeOf(ctx, "SELECT * FROM "+view, doing)
	return given, view, err
}

// partitionText writes a partition value as Delta does ("Partition Value Serialization").
func partitionText(e string, t table.Type) string {
	switch t.Kind {
	case table.Timestamp:
		return "CAST(" + e + " AT TIME ZONE 'UTC' AS VARCHAR)"
	case table.String:
		return e
	}
	return "CAST(" + e + " AS VARCHAR)"
}

// copyTo runs the COPY and returns the files that hold rows, and how many rows
// came to it.
func (s *session) copyTo(ctx context.Context, req engine.StageRequest, query, dir, doing string) (files []written, returned int64, err error) {
	target, options := dir, "FORMAT parquet, COMPRESSION zstd, RETURN_STATS"
	var by []string
	if req.Split != "" {
		by = append(by, keepColumn)
	}
	for _, p := range req.PartitionBy {
		f, _ := req.Schema.Field(p)
		by = append(by, ident(physical(f)))
	}
	const pattern = ", FILENAME_PATTERN 'part-{uuid}'"
	switch {
	case len(by) > 0:
		options += pattern + ", PARTITION_BY (" + strings.Join(by, ", ") + ")"
	case req.TargetBytes > 0:
		options += pattern + fmt.Sprintf(", FILE_SIZE_BYTES %d", req.TargetBytes)
	default: // one file, in order
		if req.GroupRows > 0 {
			options += fmt.Sprintf(", ROW_GROUP_SIZE %d", req.GroupRows)
		}
		target = filepath.Join(dir, newName())
		defer flushWhile(target)()
		defer func() {
			if len(files) == 0 {
				_ = os.Remove(target)
			}
		}()
	}
	if ids := fieldIDs(req.Schema.Fields, req.PartitionBy); ids != "" {
		options += ", FIELD_IDS " + ids
	}
	if err := s.countRows(ctx, true); err != nil {
		return nil, 0, err
	}
	err = prepared(ctx, s.conn, "COPY ("+query+") TO "+literal(target)+" ("+options+")", doing, func(stmt *driver.Stmt) error {
		result, err := stmt.QueryContext(ctx, nil)
		if err != nil {
			return wrap(ctx, err, doing)
		}
		defer func() { _ = result.Close() }()
		row := make([]sqldriver.Value, 6)
		for {
			if err := result.Next(row); err == io.EOF {
				return nil
			} else if err != nil {
				return wrap(ctx, err, doing)
			}
			w := written{path: row[0].(string), rows: int64(row[1].(uint64)), size: int64(row[2].(uint64))}
			w.stats, _ = row[4].(driver.OrderedMap)
			w.keys, _ = row[5].(driver.OrderedMap)
			if w.rows > 0 {
				files = append(files, w)
			}
		}
	})
	if err == nil {
		returned, err = s.returned(doing)
	}
	if off := s.countRows(context.WithoutCancel(ctx), false); err == nil {
		err = off
	}
	if err != nil {
		return nil, 0, err
	}
	return files, returned, nil
}

// newName is a name for a file that no other has: part-<random UUID>.parquet.
func newName() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("part-%x-%x-%x-%x-%x.parquet", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// fieldIDs are the ids that column mapping gives to columns, at every level, as
// COPY wants them; "" when there are none.
func fieldIDs(fields []table.Field, partitionBy []string) string {
	var ids []string
	for _, f := range fields {
		if slices.Contains(partitionBy, f.Name) {
			continue
		}
		own, ok := fieldID(f)
		if inner := fieldIDsWithin(f.Type, own); inner != "" {
			own, ok = "{"+inner+"}", true
		}
		if ok {
			ids = append(ids, literal(physical(f))+": "+own)
		}
	}
	if ids == nil {
		return ""
	}
	return "{" + strings.Join(ids, ", ") + "}"
}

// fieldIDsWithin are the ids within a column of that type and id; "" when no
// struct is in it.
func fieldIDsWithin(t table.Type, own string) string {
	var inner []string
	add := func(name string, t table.Type) {
		if ids := fieldIDsWithin(t, ""); ids != "" {
			inner = append(inner, name+": {"+ids+"}")
		}
	}
	switch t.Kind {
	case table.Struct:
		if ids := fieldIDs(t.Fields, nil); ids != "" {
			inner = append(inner, strings.TrimSuffix(strings.TrimPrefix(ids, "{"), "}"))
		}
	case table.Array:
		add("element", *t.Elem)
	case table.Map:
		add("key", *t.Key)
		add("value", *t.Elem)
	}
	if inner == nil {
		return ""
	}
	if own != "" {
		inner = append([]string{"__duckdb_field_id: " + own}, inner...)
	}
	return strings.Join(inner, ", ")
}

// settle moves the written files to their final places, makes them durable and
// describes them. What it returns with an error has been moved already.
func settle(req engine.StageRequest, files []written) ([]engine.Staged, error) {
	staged, folders := make([]engine.Staged, 0, len(files)), map[string]bool{}
	for _, w := range files {
		st := engine.Staged{Kept: true}
		keys := map[string]*string{}
		names, values := w.keys.Keys(), w.keys.Values()
		for i := range names {
			if v, ok := values[i].(string); ok {
				keys[names[i].(string)] = &v
			}
		}
		in := req.Dir
		if req.Split != "" {
			keep := keys[keepColumn]
			st.Kept = keep != nil && *keep == "true"
			if !st.Kept {
				in = path.Join(in, refusedDir)
			}
		}
		for _, p := range req.PartitionBy {
			f, _ := req.Schema.Field(p)
			v := keys[physical(f)]
			if v != nil && *v == "" {
				return staged, fmt.Errorf("partition column %q holds an empty text, which a Delta table cannot tell from null; write null or another text", p)
			}
			if st.File.Partition == nil {
				st.File.Partition = map[string]*string{}
			}
			st.File.Partition[p] = v
			in = path.Join(in, partitionFolder(physical(f), v))
		}
		to := filepath.Join(req.Root, filepath.FromSlash(in))
		if err := os.MkdirAll(to, 0o777); err != nil {
			return staged, err
		}
		for d := to; !folders[d]; d = filepath.Dir(d) { // up to the table's: any may be new
			folders[d] = true
			if d == filepath.Clean(req.Root) || d == filepath.Dir(d) {
				break
			}
		}
		st.File.Path = path.Join(in, filepath.Base(w.path))
		st.File.Size = w.size
		st.File.Stats = fileStats(req, w)
		final := filepath.Join(to, filepath.Base(w.path))
		if final != w.path {
			if err := os.Rename(w.path, final); err != nil {
				return staged, err
			}
		}
		staged = append(staged, st)
		info, err := syncToDisk(final)
		if err != nil {
			return staged, err
		}
		if info.Size() != w.size {
			return staged, fmt.Errorf("%s has %d bytes, but %d were written to it", final, info.Size(), w.size)
		}
		staged[len(staged)-1].File.Modified = info.ModTime().UTC().Truncate(1e6)
	}
	for d := range folders {
		if _, err := syncToDisk(d); err != nil {
			return staged, err
		}
	}
	slices.SortFunc(staged, func(a, b engine.Staged) int { return strings.Compare(a.File.Path, b.File.Path) })
	return staged, nil
}

// syncToDisk makes a file, or the names in a folder, durable.
func syncToDisk(name string) (os.FileInfo, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return f.Stat()
}

// flushWhile has a file that is being written go to the disk meanwhile, so that
// little is left to wait for at its end. It goes on until what it returns is called.
// What it meets does not matter: the last sync says whether the file is there.
func flushWhile(name string) (stop func()) {
	const often, enough = 100 * time.Millisecond, 16 << 20
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(often)
		defer tick.Stop()
		flushed := int64(0)
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if info, err := os.Stat(name); err == nil && info.Size() >= flushed+enough {
				_, _ = syncToDisk(name)
				flushed = info.Size()
			}
		}
	}()
	return func() { close(done); <-ended }
}

// partitionFolder is column=value, escaped as Hive, Spark and Delta do.
func partitionFolder(column string, value *string) string {
	if value == nil {
		return escape(column) + "=__HIVE_DEFAULT_PARTITION__"
	}
	return escape(column) + "=" + escape(*value)
}

func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c < 0x20 || c == 0x7f || strings.IndexByte(`"#%'*/:=?\{}[]^`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
