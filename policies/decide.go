package policies

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// deadline stops a policy that does not come to an end.
const deadline = 5 * time.Second

// ErrEvaluation is what errors of [Bundle.Decide] are when the change could not
// be judged, so that it must not go ahead: a policy failed or ran too long, or
// the input is not complete.
var ErrEvaluation = errors.New("policies: could not be evaluated")

// Ruling is what all policies together said about one change of one table.
type Ruling struct {
	ID    string `json:"id"` // of this evaluation: policies, configuration and input
	Table string `json:"table"`
	// VersionFrom is the version of the table that is to be replaced; nil for a new table.
	VersionFrom *int64 `json:"version_from"`
	Op          string `json:"op"`
	// Time is that of the input.
	Time time.Time `json:"time"`
	// Decisions are the findings with their effects, worst first; of these the cause
	// before what follows from it ([Policy.Rank]), then by policy and column.
	Decisions []record.Decision `json:"decisions"`
	// Blocking says that a decision denies the change.
	Blocking bool `json:"blocking"`
	// InputSHA256 is the digest of the input's canonical JSON (keys sorted).
	InputSHA256  string `json:"input_sha256"`
	BundleDigest string `json:"bundle_digest"`
	ConfigDigest string `json:"config_digest"`

	input   document // what was judged, the bundle that did, and how long it took, for the log
	bundle  *Bundle
	metrics map[string]int64
}

// Decide judges one change. It fills what Input leaves to it (see there). The
// id of a decision names policy, table, version, column and words: the same
// finding has the same id when the change is judged again.
//
// The error is ErrEvaluation, or that of ctx when it ended. Cost: about a
// millisecond when nothing changes, some 4 for 100 columns, 20 changes and 50 readers,
// 22 for 500, 200 and 500 (two cores); it grows with columns, changes and readers together.
func (b *Bundle) Decide(ctx context.Context, in Input) (*Ruling, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch {
	case in.Time.IsZero():
		return nil, fmt.Errorf("%w: the input has no time", ErrEvaluation)
	case in.Table.Name == "":
		return nil, fmt.Errorf("%w: the input names no table", ErrEvaluation)
	}
	for _, c := range in.Diff {
		if !table.KnownOp(c.Op) {
			return nil, fmt.Errorf("%w: the diff of %s has an operation %q that policies do not know; known are %s", ErrEvaluation, in.Table.Name, c.Op, strings.Join(table.Ops, ", "))
		}
	}
	began := time.Now()
	doc, err := in.document()
	if err != nil {
		return nil, fmt.Errorf("%w: input of %s: %w", ErrEvaluation, in.Table.Name, err)
	}
	made := time.Since(began)
	r, err := b.decide(ctx, in, doc)
	if err == nil {
		r.metrics["timer_rego_input_parse_ns"] = made.Nanoseconds()
	}
	return r, err
}

// decide judges a document; in is what it was made of.
func (b *Bundle) decide(ctx context.Context, in Input, doc document) (*Ruling, error) {
	queries := []rego.PreparedEvalQuery{b.quiet}
	if len(in.Diff) > 0 {
		var err error
		if queries, err = b.queries(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEvaluation, err)
		}
	}
	began := time.Now()
	answer, err := b.answer(ctx, in.Table.Name, queries, doc.value)
	metrics := map[string]int64{"timer_rego_query_eval_ns": time.Since(began).Nanoseconds()}
	if err != nil {
		return nil, err
	}
	r := &Ruling{Table: in.Table.Name, VersionFrom: in.Table.VersionFrom, Op: in.Op, Time: in.Time.UTC(), InputSHA256: doc.sum, Decisions: []record.Decision{},
		BundleDigest: b.digest, ConfigDigest: b.configDigest, ID: short(b.digest, b.configDigest, doc.sum), input: doc, bundle: b, metrics: metrics}
	for _, f := range answer.findings {
		d := b.decision(in, f)
		r.Blocking = r.Blocking || d.Effect == "deny"
		r.Decisions = append(r.Decisions, d)
	}
	if r.Blocking == answer.allow {
		return nil, fmt.Errorf("%w: %s: allow is %t, which the findings contradict", ErrEvaluation, in.Table.Name, answer.allow)
	}
	rank := map[string]int{"deny": 0, "warn": 1, "waived": 2, "dry_run": 3}
	slices.SortStableFunc(r.Decisions, func(a, c record.Decision) int {
		return cmp.Or(cmp.Compare(rank[a.Effect], rank[c.Effect]), cmp.Compare(b.byID[a.Policy].Rank, b.byID[c.Policy].Rank),
			cmp.Compare(a.Policy, c.Policy), cmp.Compare(a.Path, c.Path), cmp.Compare(a.ID, c.ID))
	})
	return r, nil
}

func (b *Bundle) decision(in Input, f finding) record.Decision {
	p := b.byID[f.ID]
	if f.Msg == "" {
		f.Msg = p.Title
	}
	return record.Decision{
		ID:     b.findingID(in, f.ID, f),
		Policy: f.ID, Title: p.Title, Severity: f.Severity, Category: p.Category, Table: in.Table.Name, Path: f.Path,
		Effect: f.Effect, Message: f.Msg, Remediation: p.Remediation, Evidence: f.Evidence, Waiver: f.Waiver,
	}
}

// answer asks the queries side by side, and is what they say together.
func (b *Bundle) answer(ctx context.Context, table string, queries []rego.PreparedEvalQuery, input ast.Value) (*answer, error) {
	// The deadline is for policies, not for compiling them at the first change.
	limited, cancel := context.WithTimeout(ctx, b.deadline)
	defer cancel()
	answers, failures := make([]*answer, len(queries)), make([]error, len(queries))
	var asked sync.WaitGroup
	for i, query := range queries {
		asked.Go(func() {
			results, err := query.Eval(limited, rego.EvalParsedInput(input))
			if err != nil {
				failures[i] = b.failed(table, err)
				return
			}
			if answers[i], err = readAnswer(results); err != nil {
				failures[i] = fmt.Errorf("%w: %s: %w", ErrEvaluation, table, err)
			}
		})
	}
	asked.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	whole := &answer{allow: true}
	for i, part := range answers {
		if failures[i] != nil {
			return nil, failures[i]
		}
		whole.allow = whole.allow && part.allow
		whole.findings = append(whole.findings, part.findings...)
	}
	return whole, nil
}

// failed says in which policy an evaluation failed.
func (b *Bundle) failed(name string, err error) error {
	var e *topdown.Error
	switch {
	case !errors.As(err, &e):
		return fmt.Errorf("%w: %s: %w", ErrEvaluation, name, err)
	case e.Code == topdown.CancelErr:
		return fmt.Errorf("%w: %s: a policy ran longer than %s", ErrEvaluation, name, b.deadline)
	case e.Location == nil:
		return fmt.Errorf("%w: %s: %s", ErrEvaluation, name, e.Message)
	}
	if e.Location.File == "builtin/main/main.rego" { // where findings of policies are taken apart
		return fmt.Errorf("%w: %s: a finding is not an object such as {\"path\": ..., \"msg\": ...}: %s", ErrEvaluation, name, e.Message)
	}
	return fmt.Errorf("%w: %s: %s:%d:%d: %s", ErrEvaluation, name, e.Location.File, e.Location.Row, e.Location.Col, e.Message)
}

// consumers inverts Downstream: who reads a column, nearest first. Who reads a
// column reads its parts, so changed parts have the readers of the whole too.
func (in Input) consumers() map[string][]string {
	sorted := append([]Downstream(nil), in.Downstream...)
	sort.SliceStable(sorted, func(i, j int) bool {
		if sorted[i].Depth != sorted[j].Depth {
			return sorted[i].Depth < sorted[j].Depth
		}
		return sorted[i].ID < sorted[j].ID
	})
	parts := map[string][]string{} // of a whole column, those that changed
	for _, c := range in.Diff {
		for _, path := range []any{c.Path, c.From} {
			if path, ok := path.(string); ok {
				if whole, _, nested := strings.Cut(path, "."); nested && !slices.Contains(parts[whole], path) {
					parts[whole] = append(parts[whole], path)
				}
			}
		}
	}
	readers := map[string][]string{}
	for _, d := range sorted {
		add := func(path string) {
			if ids := readers[path]; len(ids) == 0 || ids[len(ids)-1] != d.ID { // a column may be named twice, a part beside its whole
				readers[path] = append(ids, d.ID)
			}
		}
		for _, column := range d.Columns {
			add(column)
			for _, part := range parts[column] {
				add(part)
			}
		}
	}
	return readers
}

// withIDs gives each change an id: op:path, and #2 for a second one.
func withIDs(diff []Change) []Change {
	out := make([]Change, len(diff))
	seen := map[string]int{}
	for i, c := range diff {
		if c.ID == "" {
			c.ID = c.Op + ":" + c.Path
		}
		if seen[c.ID]++; seen[c.ID] > 1 {
			c.ID += "#" + strconv.Itoa(seen[c.ID])
		}
		out[i] = c
	}
	return out
}

// short is a digest of texts that is long enough to be unique and short enough to be read.
func short(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
