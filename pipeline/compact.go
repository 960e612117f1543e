package pipeline

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/table"
)

// A table that grows by small files gets slow to open. When there are manySmall
// of them, the commit that comes anyway writes their rows into one new file, as
// a change that moves no data.
const (
	manySmall  = 32
	smallBytes = 16 << 20
	mostBytes  = 256 << 20 // taken together at once
)

// alikeSmall are the most small files of about one size (within a factor of 16) that
// the same rules have judged.
func alikeSmall(files []table.File) []table.File {
	groups := map[string][]table.File{}
	var most []table.File
	for _, f := range files {
		if f.Size >= smallBytes || f.Deleted != nil {
			continue
		}
		alike := fmt.Sprintf("%d %s", bits.Len64(uint64(f.Size))/4, f.Tags[tagRules])
		groups[alike] = append(groups[alike], f)
		if len(groups[alike]) > len(most) {
			most = groups[alike]
		}
	}
	return most
}

// compact stages the rows of small files that stay as new files, if there are
// many and no row has an id that it would lose. Only files that the same rules have judged go together, so that their
// counts add up and no row is judged again; and only files of about one size
// (within a factor of 16), so that a row moves but a few times in a table's life.
func (r *run) compact(ctx context.Context, t *tableRun, s engine.Session, st *staged) error {
	if t.snap == nil || len(t.PartitionBy) > 0 || t.snap.Properties()["delta.enableRowTracking"] == "true" {
		return nil
	}
	from := alikeSmall(without(t.current.files, st.removes))
	if len(from) < manySmall {
		return nil
	}
	var bytes int64
	sum := expectations.Counts{}
	for i, f := range from {
		if bytes += f.Size; bytes > mostBytes {
			from = from[:i]
			break
		}
		for digest, c := range parseCounts(f) {
			all := sum[digest]
			sum[digest] = expectations.Count{Rows: all.Rows + c.Rows, Evaluated: all.Evaluated + c.Evaluated, Failed: all.Failed + c.Failed, Errored: all.Errored + c.Errored}
		}
	}
	if err := attach(ctx, s, relSmall, t.holds(from), false); err != nil {
		return err
	}
	files, _, err := r.write(ctx, s, t.current.where, engine.StageRequest{SQL: "SELECT * FROM " + relSmall, Schema: t.schema})
	if err != nil {
		return fmt.Errorf("compacting %d small files: %w", len(from), err)
	}
	for _, f := range files {
		to := f.File
		if len(files) == 1 {
			to = t.tagged(to, nil, sum)
		}
		st.compacted = append(st.compacted, to)
	}
	st.small = from
	return nil
}
