package duckdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/enginetest"
	"github.com/dq-dev/dq/table"
)

// FuzzBind: any text is bound or refused as a [engine.BindError].
func FuzzBind(f *testing.F) {
	for _, sql := range []string{
		"SELECT a FROM t", "SELECT 1;;", "SELECT $$ x", "/* ", "SELECT 'é\x00'", "FROM t SELECT a ORDER BY ALL", "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT * FROM r",
		"PIVOT t ON a USING count(*)", "SELECT * FROM t, LATERAL (SELECT a)", "SELECT COLUMNS('(x') FROM t", "SELECT UNNEST([a]) FROM t", "EXECUTE x", "\xff\xfe",
	} {
		f.Add(sql)
	}
	e, err := openFuzz(f)
	if err != nil {
		f.Fatal(err)
	}
	s := session(f, e)
	if _, err := s.Attach(context.Background(), engine.Input{Name: "t", Schema: table.Schema{Fields: []table.Field{{Name: "a", Type: table.Type{Kind: table.Int64}}}}}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		plan, err := s.Bind(context.Background(), sql)
		var bind *engine.BindError
		if err != nil {
			if !errors.As(err, &bind) {
				t.Errorf("%q: %T %v", sql, err, err)
			} else if bind.Offset > len(sql) {
				t.Errorf("%q: offset %d", sql, bind.Offset)
			}
			return
		}
		for _, r := range plan.Reads {
			if r != "t" {
				t.Errorf("%q reads %s", sql, r)
			}
		}
	})
}

// FuzzCSV: whatever the bytes, each record is a row or a reject, and has one number.
func FuzzCSV(f *testing.F) {
	for _, content := range []string{"a,b\n1,2\n", "a,b\n\n1\n\n\"x\ny\",2\n", "a,b\r\n1,2,3\r\n\r\n4,5", "a,b\n\"", "a,b\n\"x\"y,1\n2,3\n", "\xef\xbb\xbfa,b\n\xff,1\n", "a,b\n1,2\r3,4\n"} {
		f.Add(content)
	}
	e, err := openFuzz(f)
	if err != nil {
		f.Fatal(err)
	}
	s := session(f, e)
	f.Fuzz(func(t *testing.T, content string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.csv"), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		in := engine.Input{Name: "x", Format: engine.CSV, Root: dir, Files: []table.File{{Path: "x.csv"}}, Provenance: true,
			CSV: &engine.CSVOptions{Columns: []string{"a", "b"}, Header: true, Delimiter: ",", Quote: `"`}}
		if _, err := s.Attach(context.Background(), in); err != nil {
			t.Fatal(err)
		}
		r, err := s.Query(context.Background(), "SELECT dq_line FROM x ORDER BY dq_line")
		if err != nil {
			return // said; what matters is that nothing is lost silently
		}
		rejects, n, err := s.(engine.Rejecter).Rejects(context.Background(), "x", 1<<20)
		if err != nil || int(n) != len(rejects) {
			t.Fatalf("%d rejects, %d listed, %v", n, len(rejects), err)
		}
		seen := map[int64]string{}
		for _, line := range enginetest.Lines(r) {
			var at int64
			if _, err := fmt.Sscan(line, &at); err != nil {
				t.Fatal(err)
			}
			if seen[at] != "" {
				t.Errorf("%q: two rows have number %d", content, at)
			}
			seen[at] = "row"
		}
		for _, reject := range rejects {
			if seen[reject.Line] != "" {
				t.Errorf("%q: %d is a rejected record and a %s", content, reject.Line, seen[reject.Line])
			}
			seen[reject.Line] = "reject"
		}
	})
}
