package operations

import (
	"context"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Changes makes the rows that the versions from and to, and those between, changed
// readable as the relation name: the table's columns at to, then _change_type
// (insert, delete, update_preimage, update_postimage), _commit_version (int64) and
// _commit_timestamp (UTC). The table must keep a change data feed over the whole
// range ([delta.ErrNoChangeFeed]). Errors are those of [delta.Table.ChangeFeed].
//
// Cost: a relation for each kind of change of each version; the positions of rows
// that a deletion vector changed are in memory.
func (t *Table) Changes(ctx context.Context, name string, from, to int64) error {
	var err error
	if t.dir, err = t.Where.Dir(); err != nil {
		return err
	}
	end, err := t.Delta.Snapshot(ctx, delta.Version(to))
	if err != nil {
		return err
	}
	c := &changes{Table: t, end: end, schema: end.Schema()}
	for v, err := range t.Delta.ChangeFeed(ctx, from, to) {
		if err != nil {
			return err
		}
		if err := c.version(ctx, v); err != nil {
			return fmt.Errorf("changes of version %d: %w", v.Version, err)
		}
	}
	if len(c.parts) == 0 {
		if err := t.attach(ctx, end, c.relation(), c.schema, nil, true); err != nil {
			return err
		}
		c.add(delta.Inserted, to, end.Time().UTC().Format("2006-01-02 15:04:05.999999Z07:00"), "")
	}
	_, err = t.Session.Attach(ctx, engine.Input{Name: name, SQL: strings.Join(c.parts, "\nUNION ALL\n")})
	return err
}

// changes collects the SELECTs of changed rows.
type changes struct {
	*Table
	end    *delta.Snapshot
	schema table.Schema
	parts  []string
	count  int
}

// relation names the next relation of files.
func (c *changes) relation() string { return fmt.Sprintf("dq_changes_%d", c.count) }

func (c *changes) version(ctx context.Context, v delta.VersionChanges) error {
	at := v.Time.UTC().Format("2006-01-02 15:04:05.999999Z07:00")
	whole := map[delta.ChangeKind][]table.File{}
	for _, f := range v.Files {
		if f.Rows == nil {
			whole[f.Kind] = append(whole[f.Kind], f.File)
			continue
		}
		file := f.File
		file.Deleted = nil
		if err := c.attach(ctx, c.end, c.relation(), c.schema, []table.File{file}, true); err != nil {
			return err
		}
		lines := make([]string, len(f.Rows))
		for i, n := range f.Rows {
			lines[i] = fmt.Sprint(n)
		}
		c.add(f.Kind, v.Version, at, " WHERE "+c.Dialect.Ident(engine.LineColumn)+" IN ("+strings.Join(lines, ", ")+")")
	}
	for _, kind := range []delta.ChangeKind{delta.Recorded, delta.Inserted, delta.Deleted} {
		if len(whole[kind]) == 0 {
			continue
		}
		schema, mapped := c.schema, c.end
		if kind == delta.Recorded {
			// _change_type has no id to be found by. Writers name the columns of these
			// files by their physical names under every mapping (PROTOCOL.md, column
			// mapping, writer requirements).
			schema, mapped = recorded(schema), nil
		}
		if err := c.attach(ctx, mapped, c.relation(), schema, whole[kind], true); err != nil {
			return err
		}
		c.add(kind, v.Version, at, "")
	}
	return nil
}

// add writes the SELECT of the relation that was attached last.
func (c *changes) add(kind delta.ChangeKind, version int64, at, where string) {
	what := "'" + string(kind) + "'"
	if kind == delta.Recorded {
		what = changeType
	}
	c.parts = append(c.parts, fmt.Sprintf("SELECT %s, %s AS %s, CAST(%d AS BIGINT) AS _commit_version, TIMESTAMP WITH TIME ZONE '%s' AS _commit_timestamp FROM %s%s",
		c.idents("", c.schema.Names()), what, changeType, version, at, c.relation(), where))
	c.count++
}
