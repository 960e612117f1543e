package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// findAltered finds what others have made of a table since the last version that the
// pipeline published or judged: other columns, properties, constraints. Policies judge
// what this run makes of the table as it is now; without a word of this, nobody would
// hear that it was changed, and maybe changed back.
//
// Cost: none for a table that only the pipeline writes to; else a list of its log, a
// read of each commit since, and its snapshot as it was. Of one whose shape is another, a
// read of its whole log.
func (t *tableRun) findAltered(ctx context.Context) error {
	if t.snap == nil || t.ledger.last == nil || t.ledger.last.Judged >= t.snap.Version() {
		return nil
	}
	since := t.ledger.last.Judged
	commits, err := t.delta.History(ctx, int(t.snap.Version()-since))
	if err != nil {
		return err
	}
	for _, c := range commits { // a batch may have come behind what others wrote meanwhile
		if note, ok := commitNote(c); ok && note.App == t.app && c.Version > since {
			since = c.Version
		}
	}
	if since == t.snap.Version() {
		return nil
	}
	was, err := t.delta.Snapshot(ctx, delta.Version(since))
	if errors.Is(err, delta.ErrGone) {
		t.altered = &policies.Altered{Since: since, Versions: []record.Alteration{}, Diff: []policies.Change{}}
		return nil
	}
	if err != nil {
		return err
	}
	diff := policies.Diff(policies.ShapeOf(was), policies.ShapeOf(t.snap), table.Diff(was.Schema(), t.snap.Schema(), nil))
	if len(diff) == 0 {
		return nil
	}
	t.altered = &policies.Altered{Since: since, Diff: diff}
	by := map[int64]string{}
	for _, c := range commits {
		by[c.Version] = writer(c)
	}
	for s, err := range t.delta.Shapes(ctx) {
		if err != nil {
			return err
		}
		if v := s.Version(); v > since && v <= t.snap.Version() {
			t.altered.Versions = append(t.altered.Versions, record.Alteration{Version: v, At: s.Time(), Operation: s.Operation(), By: by[v]})
		}
	}
	return nil
}

// writer is who made a commit, as its log says: "" when it does not.
func writer(c delta.Commit) string {
	if note, ok := commitNote(c); ok {
		return "pipeline " + note.Pipeline
	}
	var info struct {
		EngineInfo string `json:"engineInfo"`
		UserName   string `json:"userName"`
		UserID     string `json:"userId"`
	}
	if json.Unmarshal(c.Info, &info) != nil {
		return ""
	}
	user := info.UserName
	if user == "" {
		user = info.UserID
	}
	switch {
	case user == "":
		return info.EngineInfo
	case info.EngineInfo == "":
		return user
	}
	return user + " with " + info.EngineInfo
}

// noteAltered says in the record what others have made of the table, once it is known
// what this run makes of that.
func (t *tableRun) noteAltered(next []policies.Change) {
	a := t.altered
	if a == nil {
		return
	}
	t.rec.Altered = &record.Altered{Since: a.Since, Versions: a.Versions, Changes: []table.Change{}}
	if len(a.Versions) == 0 {
		t.note("altered", "warn", "others have written to the table since version %d, of which the log is gone: whether they changed what it is, nobody can tell", a.Since)
		return
	}
	for _, c := range a.Diff {
		t.rec.Altered.Changes = append(t.rec.Altered.Changes, c.Change)
	}
	var made []string
	for _, v := range a.Versions {
		who := v.By
		if who == "" {
			who = "a writer that the log does not name"
		}
		made = append(made, strings.TrimSpace(fmt.Sprintf("version %d (%s", v.Version, v.Operation))+" by "+who+")")
	}
	becomes, stay := "the pipeline leaves it so", ""
	if len(next) > 0 {
		becomes, stay = "the pipeline makes of that: "+changesText(next), "if it is to stay, say so in the model or the suite; "
	}
	t.note("altered", "warn", "%s changed what the table is since version %d: %s; %s", strings.Join(made, ", "), a.Since, changesText(a.Diff), becomes)
	t.hint("%scompare them: dq table diff %s@%d %[2]s@%[4]d", stay, t.current.where, a.Since, t.snap.Version())
}

// fewChanges is how many changes a finding names.
const fewChanges = 5

// changesText names changes in a line.
func changesText(changes []policies.Change) string {
	var parts []string
	for i, c := range changes {
		if i == fewChanges {
			parts = append(parts, fmt.Sprintf("%d more", len(changes)-fewChanges))
			break
		}
		text := strings.TrimSpace(c.Op + " " + c.Path)
		switch {
		case c.From != nil && c.To != nil:
			text += fmt.Sprintf(" (%v to %v)", c.From, c.To)
		case c.To != nil:
			text += fmt.Sprintf(" (%v)", c.To)
		case c.From != nil:
			text += fmt.Sprintf(" (it was %v)", c.From)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}
