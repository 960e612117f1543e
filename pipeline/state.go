package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// state is what a pipeline remembers beside its tables, under <warehouse>/_dq:
//
//	lease/<pipeline>.json           who is running; only avoids wasted work
//	journal/open/<run>.json         a run under way: the folders it may leave staged files in
//	journal/<run>/<layer>.json      the prepared commits of a layer: the versions that belong together
//	journal/<run>/<layer>.decision  publish or abort; the first writer wins
//	ledger/<table>/<n>-<run>.json   what batch n of a table consumed
//	tables/<pipeline>.json          the tables that the pipeline has published and still has
//	declared/<table>/<digest>.json  what suite and pipeline declare of a version of a table
//	gate/<run>-<layer>.json         a refused batch, kept to be looked at
//	runs/<run>.json                 the run record
//	begun/<run>.json                a run whose end the listener was not told yet
//
// Correctness rests on decisions and on the txn of each commit, never on the lease.
type state struct {
	store    delta.Store
	pipeline string
}

func (s *state) readJSON(ctx context.Context, name string, into any) error {
	data, err := s.store.Read(ctx, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("_dq/%s: %w", name, err)
	}
	return nil
}

func (s *state) writeJSON(ctx context.Context, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("_dq/%s: %w", name, err)
	}
	return s.store.Put(ctx, name, data)
}

// ledgerEntry says what batch N of a table consumed. It counts only when the
// table's log holds the commit of the same run for that N.
type ledgerEntry struct {
	N     int64     `json:"n"`
	Run   string    `json:"run"`
	Table string    `json:"table"`
	At    time.Time `json:"at"`
	// Files are the source files of this batch, or of all batches up to N when All is set.
	Files []ledgerFile `json:"files,omitempty"`
	All   bool         `json:"all,omitempty"`
	// Inputs are the versions of the upstream tables that this batch brought the table up to.
	Inputs map[string]int64 `json:"inputs,omitempty"`
	// Model and Suite are digests of what made and judged the batch.
	Model string `json:"model,omitempty"`
	Suite string `json:"suite,omitempty"`
	// Judged is the version of the table in which the suite judged every file.
	Judged int64 `json:"judged"`
	// Ruled is a digest of what policies said last, if it was anything; it is in the decision log.
	Ruled string `json:"ruled,omitempty"`
	// Declared names what suite and pipeline declare of the version; see [declared].
	Declared string `json:"declared,omitempty"`
	// Exposed are the exposures that read the version.
	Exposed []policies.Downstream `json:"exposed,omitempty"`
	// Keys are the keys of merge and scd2.
	Keys []string `json:"keys,omitempty"`
	// Seen is the latest time of all observations of a table of mode scd2, for as
	// long as no rule has refused one of its rows: up to it, the table says all.
	Seen *time.Time `json:"seen,omitempty"`
	// Columns are those that the batch gave the table.
	Columns []string `json:"columns,omitempty"`
	// Metrics are the numbers that the suite saw, for previous(e) and history(e, n).
	Metrics map[string]metric `json:"metrics,omitempty"`
}

// ledgerFile is a source file that was consumed.
type ledgerFile struct {
	Path       string `json:"path"`
	SHA256     string `json:"sha256"`
	Size       int64  `json:"size"`
	ModifiedNS int64  `json:"modified_ns"`
	Records    int64  `json:"records"`
	N          int64  `json:"n"` // the batch that consumed it; 0 in ledgers that did not say
	// Begins are the columns that no file before it, by name, has.
	Begins []string `json:"begins,omitempty"`
}

// ledgerStride is how often an entry repeats all files, so that reading the
// ledger stays cheap after any number of batches.
const ledgerStride = 50

func ledgerName(table string, n int64, run string) string {
	return fmt.Sprintf("ledger/%s/%020d-%s.json", table, n, run)
}

// ledger is what a table has consumed, up to the batch that its log names.
type ledger struct {
	last  *ledgerEntry          // nil before the first batch
	files map[string]ledgerFile // every source file consumed, by path
}

// readLedger reads a table's ledger up to batch n: the last entry and, for a
// table that is landed from files, those before it up to one that repeats all
// files. When several runs wrote an entry for one batch, the one that the log
// names counts; runOf asks the log.
func (s *state) readLedger(ctx context.Context, table string, n int64, landed bool, runOf func(n int64) (string, error)) (*ledger, error) {
	led := &ledger{files: map[string]ledgerFile{}}
	first := n // the batches before it are not looked at
	if landed {
		first = n / ledgerStride * ledgerStride
	}
	byBatch, err := s.ledgerNames(ctx, table, first, n)
	if err != nil {
		return nil, err
	}
	for k := n; k >= 1; k-- {
		entry, err := s.ledgerEntry(ctx, table, k, byBatch[k], runOf)
		if err != nil {
			return nil, err
		}
		if led.last == nil {
			led.last = entry
		}
		for _, f := range entry.Files {
			if _, newer := led.files[f.Path]; !newer {
				led.files[f.Path] = f
			}
		}
		if entry.All || !landed {
			break
		}
	}
	return led, nil
}

// ledgerNames lists the entries of batches first to last.
func (s *state) ledgerNames(ctx context.Context, table string, first, last int64) (map[int64][]string, error) {
	byBatch := map[int64][]string{}
	if last == 0 {
		return byBatch, nil
	}
	names, err := s.store.List(ctx, "ledger/"+table, fmt.Sprintf("%020d", first))
	if err != nil {
		return nil, fmt.Errorf("ledger of %s: %w", table, err)
	}
	for _, info := range names {
		num, _, ok := strings.Cut(path.Base(info.Name), "-")
		if k, err := strconv.ParseInt(num, 10, 64); ok && err == nil && k <= last {
			byBatch[k] = append(byBatch[k], info.Name)
		}
	}
	return byBatch, nil
}

func (s *state) ledgerEntry(ctx context.Context, table string, n int64, names []string, runOf func(int64) (string, error)) (*ledgerEntry, error) {
	var found *ledgerEntry
	for _, name := range names {
		var e ledgerEntry
		if err := s.readJSON(ctx, name, &e); err != nil {
			return nil, fmt.Errorf("ledger of %s: %w", table, err)
		}
		if len(names) > 1 {
			run, err := runOf(n)
			if err != nil {
				return nil, fmt.Errorf("ledger of %s: %w", table, err)
			}
			if e.Run != run {
				continue
			}
		}
		found = &e
	}
	if found == nil {
		return nil, fmt.Errorf("ledger of %s: batch %d is in the table's log but not in the ledger; restore _dq/ledger/%s from a backup, or run with --full-refresh", table, n, table)
	}
	return found, nil
}

// decision is the one word that settles what becomes of a staged layer.
type decision string

const (
	publish decision = "publish"
	abort   decision = "abort"
)

// decide writes the decision unless there is one already, and returns the one that holds.
func (s *state) decide(ctx context.Context, run, layer string, d decision) (decision, error) {
	name := "journal/" + run + "/" + layer + ".decision"
	err := s.store.PutNew(ctx, name, []byte(d))
	if err == nil {
		return d, nil
	}
	if !errors.Is(err, delta.ErrExists) {
		return "", fmt.Errorf("decision on %s of run %s: %w", layer, run, err)
	}
	data, err := s.store.Read(ctx, name)
	if err != nil {
		return "", fmt.Errorf("decision on %s of run %s: %w", layer, run, err)
	}
	return decision(strings.TrimSpace(string(data))), nil
}

// journalBegin is written before a run stages anything, and removed when there
// is nothing left to finish or undo.
type journalBegin struct {
	Run     string    `json:"run"`
	At      time.Time `json:"at"`
	Layers  []string  `json:"layers"`
	Folders []string  `json:"folders"` // under the warehouse: <table>/<run>
}

func openName(run string) string        { return "journal/open/" + run + ".json" }
func planName(run, layer string) string { return "journal/" + run + "/" + layer + ".json" }

// journalPlan holds the prepared commits of one layer, in the order in which they are made.
type journalPlan struct {
	Run     string          `json:"run"`
	Layer   string          `json:"layer"`
	Commits []plannedCommit `json:"commits"`
	// Record is the run's record as it is when all of these are made, but for their versions.
	Record *record.Run `json:"record,omitempty"`
}

// plannedCommit is one commit of a layer: enough to make it in another process.
type plannedCommit struct {
	Table  string          `json:"table"`  // silver.orders
	Folder string          `json:"folder"` // under the warehouse
	App    string          `json:"app"`
	N      int64           `json:"n"`
	Txn    json.RawMessage `json:"txn"`
	Ledger *ledgerEntry    `json:"ledger,omitempty"` // nil for quarantine tables
}

// unfinished lists the runs that were begun and not ended, oldest first.
func (s *state) unfinished(ctx context.Context) ([]journalBegin, error) {
	files, err := s.store.List(ctx, "journal/open", "")
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	runs := make([]journalBegin, 0, len(files))
	for _, f := range files {
		var b journalBegin
		if err := s.readJSON(ctx, f.Name, &b); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		runs = append(runs, b)
	}
	return runs, nil
}
