package operations_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// TestUpdateOfUnsuitedFiles: files that are tried by columns, and turn out to store
// a column otherwise than the engine does, are written as a whole, all of them. The
// older files of a column that was widened are such; those that other writers made
// are, too.
func TestUpdateOfUnsuitedFiles(t *testing.T) {
	ctx := context.Background()
	for _, where := range []string{"", "id % 100 = 0"} {
		operations.SpliceFrom(t, 0)
		tb := open(t)
		schema := table.Schema{Fields: []table.Field{
			{Name: "id", Type: table.Type{Kind: table.Int64}, Nullable: true},
			{Name: "n", Type: table.Type{Kind: table.Int32}, Nullable: true},
			{Name: "text", Type: table.Type{Kind: table.String}, Nullable: true},
			{Name: "word", Type: table.Type{Kind: table.String}, Nullable: true},
		}}
		if _, err := tb.Delta.Create("CREATE TABLE", schema, nil, map[string]string{"delta.enableTypeWidening": "true"}).Commit(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			sql := fmt.Sprintf("SELECT i::BIGINT AS id, 1::INTEGER AS n, md5(i::VARCHAR) AS text, md5((i + 1)::VARCHAR) AS word FROM range(%d, %d) q(i)", i*1000, i*1000+1000)
			if _, err := tb.Append(ctx, sql, operations.Write{}); err != nil {
				t.Fatal(err)
			}
		}
		snap, err := tb.Delta.Snapshot(ctx, delta.Latest())
		if err != nil {
			t.Fatal(err)
		}
		wider := snap.Schema()
		wider.Fields[1].Type.Kind = table.Int64
		x := snap.Begin("CHANGE COLUMN")
		x.SetSchema(wider)
		if _, err := x.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := tb.Update(ctx, map[string]string{"n": "n + 1"}, where); err != nil {
			t.Fatal(err)
		}
		ones, twos := 0, 0
		for _, row := range rows(t, tb) {
			switch strings.Fields(row)[1] {
			case "1":
				ones++
			case "2":
				twos++
			}
		}
		want := [2]int{0, 3000}
		if where != "" {
			want = [2]int{2970, 30}
		}
		if got := [2]int{ones, twos}; got != want {
			t.Errorf("where %q: %v rows have the old and the new value, want %v", where, got, want)
		}
	}
}
