package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/record"
)

// keepRefused is how long the staged files of a refused batch are kept.
const keepRefused = 7 * 24 * time.Hour

// Refused is a layer's batch that the gate refused. Its staged files are still
// there, so that somebody can look at them; no log names them.
type Refused struct {
	ID       string `json:"id"` // <run>-<layer>
	Run      string `json:"run"`
	Pipeline string `json:"pipeline"`
	// Environment is that of the run, Tool and Engine are what it ran with; DurationMS
	// is how long it took until the gate had ruled.
	Environment string            `json:"environment,omitempty"`
	Tool        record.Tool       `json:"tool"`
	Engine      record.EngineInfo `json:"engine"`
	DurationMS  int64             `json:"duration_ms"`
	Layer       string            `json:"layer"`
	At          time.Time         `json:"at"`
	Expires     time.Time         `json:"expires"`
	Reasons     []string          `json:"reasons"`
	Folders     []string          `json:"folders"` // under the warehouse
	Record      record.Layer      `json:"record"`
	// SupersededBy is the run that has published since what this batch was to
	// bring, mended or judged anew; "" is none. It is found when the list is made.
	SupersededBy string `json:"superseded_by,omitempty"`
}

// refuse decides that the layer's batch is not published, and keeps it.
func (r *run) refuse(ctx context.Context, l *Layer, rec *record.Layer, reasons []string) error {
	d, err := r.state.decide(ctx, r.id, l.Name, abort)
	if err != nil {
		return err
	}
	if d != abort {
		return fmt.Errorf("layer %s: another process decided to publish run %s", l.Name, r.id)
	}
	r.profiles.Wait()
	kept := Refused{ID: r.id + "-" + l.Name, Run: r.id, Pipeline: r.Name, Environment: r.rec.Environment, Tool: r.rec.Tool, Engine: r.rec.Engine,
		DurationMS: r.opt.Clock().Sub(r.rec.StartedAt).Milliseconds(), Layer: l.Name, At: r.now, Expires: r.now.Add(keepRefused),
		Reasons: reasons, Record: *rec}
	for _, t := range r.of(l) {
		for _, where := range []string{t.folder + "/" + r.id, quarantineFolder(t.Name) + "/" + r.id} {
			some, err := r.holds(ctx, where)
			if err != nil {
				return err
			}
			if some {
				kept.Folders = append(kept.Folders, where)
			}
		}
		if t.staged != nil || t.refusedShape() {
			t.rec.Outcome = "refused"
		}
		was := *t.rec
		was.Profile = t.profile
		kept.Record.Tables = append(kept.Record.Tables, was)
	}
	if err := r.state.writeJSON(ctx, "gate/"+kept.ID+".json", kept); err != nil {
		return err
	}
	r.step("refused %s", l.Name)
	return nil
}

// RefusedBatches lists the refused batches that a warehouse keeps, newest first.
func RefusedBatches(ctx context.Context, warehouse string) ([]Refused, error) {
	where, err := location.Open(warehouse, os.Getenv)
	if err != nil {
		return nil, err
	}
	s := &state{store: where.Sub("_dq").Store()}
	files, err := s.store.List(ctx, "gate", "")
	if err != nil {
		return nil, err
	}
	var out []Refused
	for _, f := range files {
		var kept Refused
		if err := s.readJSON(ctx, f.Name, &kept); err != nil {
			return nil, err
		}
		if kept.SupersededBy, err = s.supersedes(ctx, kept); err != nil {
			return nil, err
		}
		out = append(out, kept)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID > out[j].ID })
	return out, nil
}

// supersedes finds the run that published a refused batch's layer afterwards: all
// source files of the batch, whatever their content then, or, in a layer that is
// made from tables, one of its tables, since a layer is published as a whole.
func (s *state) supersedes(ctx context.Context, kept Refused) (string, error) {
	latest := ""
	for _, t := range kept.Record.Tables {
		if t.Outcome != "refused" {
			continue
		}
		missing := map[string]bool{}
		if t.Source != nil {
			for _, f := range t.Source.Files {
				missing[f.Path] = true
			}
		}
		entries, err := s.store.List(ctx, "ledger/"+t.Name, "")
		if err != nil {
			return "", err
		}
		for _, info := range entries {
			_, run, _ := strings.Cut(strings.TrimSuffix(path.Base(info.Name), ".json"), "-")
			if run <= kept.Run {
				continue
			}
			latest = max(latest, run)
			if len(missing) == 0 {
				break
			}
			var entry ledgerEntry
			if err := s.readJSON(ctx, info.Name, &entry); err != nil {
				return "", err
			}
			for _, f := range entry.Files {
				delete(missing, f.Path)
			}
		}
		if len(missing) > 0 {
			return "", nil
		}
	}
	return latest, nil
}

// recallRefused says in the record of a run that found nothing new that a refused
// batch is kept that no later one supersedes: its file may be gone.
func (r *run) recallRefused(ctx context.Context) error {
	files, err := r.state.store.List(ctx, "gate", "")
	if err != nil {
		return err
	}
	for i := len(files) - 1; i >= 0; i-- { // the newest first
		var kept Refused
		if err := r.state.readJSON(ctx, files[i].Name, &kept); err != nil {
			return err
		}
		here := slices.ContainsFunc(r.Layers, func(l *Layer) bool { return l.Name == kept.Layer })
		if kept.Pipeline != r.Name || !here {
			continue
		}
		some, err := r.keeps(ctx, kept)
		if err != nil {
			return err
		}
		if !some {
			continue
		}
		since, err := r.state.supersedes(ctx, kept)
		if err != nil {
			return err
		}
		if since == "" {
			r.rec.Message += fmt.Sprintf("; what layer %s refused on %s was not mended and is kept until %s: dq gate show %s",
				kept.Layer, kept.At.Format(time.DateOnly), kept.Expires.Format(time.DateOnly), kept.ID)
		}
		return nil
	}
	return nil
}

// keeps reports whether a refused batch still has something to be looked at or mended:
// source files, or staged ones. One that policies refused before a row was read has
// neither, and what they say now stands in the record.
func (r *run) keeps(ctx context.Context, kept Refused) (bool, error) {
	for _, t := range kept.Record.Tables {
		if t.Outcome == "refused" && t.Source != nil && len(t.Source.Files) > 0 {
			return true, nil
		}
	}
	for _, where := range kept.Folders {
		if some, err := r.holds(ctx, where); some || err != nil {
			return some, err
		}
	}
	return false, nil
}

// keptFolders are the folders of refused batches.
func (s *state) keptFolders(ctx context.Context) (map[string]bool, error) {
	files, err := s.store.List(ctx, "gate", "")
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, f := range files {
		var b Refused
		if err := s.readJSON(ctx, f.Name, &b); err != nil {
			return nil, err
		}
		for _, where := range b.Folders {
			kept[where] = true
		}
	}
	return kept, nil
}

// forget removes refused batches whose time is over.
func (r *run) forget(ctx context.Context) error {
	files, err := r.state.store.List(ctx, "gate", "")
	if err != nil {
		return err
	}
	for _, f := range files {
		// The name begins with the run id, which begins with its time: no need to open young ones.
		at, err := time.Parse("20060102T150405000Z", strings.SplitN(path.Base(f.Name), "-", 2)[0])
		if err == nil && r.now.Before(at.Add(keepRefused)) {
			continue
		}
		var kept Refused
		if err := r.state.readJSON(ctx, f.Name, &kept); err != nil {
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			return err
		}
		if r.now.Before(kept.Expires) {
			continue
		}
		for _, where := range kept.Folders {
			if err := r.removeStaged(ctx, where); err != nil {
				return err
			}
		}
		if err := r.state.store.Delete(ctx, f.Name); err != nil {
			return err
		}
	}
	return nil
}
