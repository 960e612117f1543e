package policies

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/version"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
)

// Archive reads a decision log with what its entries refer to.
type Archive struct {
	// Name is the log's file; Read gives a file that is called so, or below the
	// folder of contents, and fs.ErrNotExist for one that is not there.
	Name string
	Read func(ctx context.Context, name string) ([]byte, error)

	bundles map[[2]string]*Bundle // by the digests of policies and configuration
}

// Verify is [VerifyLog] on the archive's log. Heads are hashes of lines that must
// be in it, such as run records hold: a log without one has lost lines at its end.
func (a *Archive) Verify(ctx context.Context, heads map[string]string, each func(line int, e Entry)) (*LogReport, error) {
	text, err := a.Read(ctx, a.Name)
	if err != nil {
		return nil, fmt.Errorf("policies: decision log %s: %w", a.Name, err)
	}
	found := map[string]bool{}
	report, err := VerifyLog(bytes.NewReader(text), func(line int, e Entry) {
		found[e.Hash] = true
		if each != nil {
			each(line, e)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, by := range slices.Sorted(maps.Keys(heads)) {
		if !found[heads[by]] {
			report.Problems = append(report.Problems, LogProblem{report.Lines + 1,
				fmt.Sprintf("the last line that %s wrote is not in the log: lines are missing at the end", by)})
		}
	}
	return report, nil
}

// content reads what a digest names, and checks that it is that.
func (a *Archive) content(ctx context.Context, what, digest string) ([]byte, error) {
	name := contents(a.Name) + "/" + contentName(digest)
	packed, err := a.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not kept: there is no %s", what, name)
	}
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", what, name, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", what, name, err)
	}
	if digestOf(text) != "sha256:"+strings.TrimPrefix(digest, "sha256:") {
		return nil, fmt.Errorf("%s was changed: the content of %s is not what its name says", what, name)
	}
	return text, nil
}

// stampedContent reads a content that [stamped] wrote into v.
func (a *Archive) stampedContent(ctx context.Context, what, digest string, v any) error {
	text, err := a.content(ctx, what, digest)
	if err != nil {
		return err
	}
	stamp, text, _ := bytes.Cut(text, []byte("\n"))
	if string(stamp) != "opa "+version.Version {
		return fmt.Errorf("%s is for %s, and this program has opa %s: take the version of dq that made the decision", what, stamp, version.Version)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// bundle compiles the policies that an entry was decided with.
func (a *Archive) bundle(ctx context.Context, e Entry) (*Bundle, error) {
	key := [2]string{e.Bundles["dq"].Revision, e.ConfigDigest}
	if b := a.bundles[key]; b != nil {
		return b, nil
	}
	var sources map[string]string
	if err := a.stampedContent(ctx, "the bundle of policies", key[0], &sources); err != nil {
		return nil, err
	}
	var config map[string]any
	if err := a.stampedContent(ctx, "the configuration", key[1], &config); err != nil {
		return nil, err
	}
	m, err := modulesOf(sources, false)
	if err != nil {
		return nil, err
	}
	b, err := m.bundle()
	if err != nil {
		return nil, err
	}
	if err := b.configure(ctx, config); err != nil {
		return nil, err
	}
	b.deadline = time.Minute // it came to an end when it counted; here nobody waits
	// The texts are those that the digests name, whatever their maps look like here.
	b.digest, b.configDigest = key[0], key[1]
	if a.bundles == nil {
		a.bundles = map[[2]string]*Bundle{}
	}
	a.bundles[key] = b
	return b, nil
}

// Replayed is a decision that was made again from what is kept.
type Replayed struct {
	Line       int    `json:"line"`
	DecisionID string `json:"decision_id"`
	Table      string `json:"table"`
	At         string `json:"at"`
	// Logged and Again are digests of both results; they are the same when the decision came out the same.
	Logged string `json:"logged"`
	Again  string `json:"again,omitempty"`
	// Problem says why it could not be made again; "" when it could.
	Problem string `json:"problem,omitempty"`
}

// Same says that the decision came out the same.
func (r *Replayed) Same() bool { return r.Problem == "" && r.Logged == r.Again }

// Replay makes the decision of an entry again: the kept input is judged by the
// kept policies with their configuration. The error is that of ctx; all else is
// a Problem. Cost: about a millisecond, and some tens for each bundle.
func (a *Archive) Replay(ctx context.Context, line int, e Entry) (*Replayed, error) {
	out := &Replayed{Line: line, DecisionID: e.DecisionID, Table: e.Table, At: e.Timestamp.Format(time.RFC3339), Logged: e.Result.digest()}
	ruling, _, err := a.again(ctx, e)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		out.Problem = err.Error()
		return out, nil
	}
	result := ruling.result()
	out.Again = result.digest()
	return out, nil
}

// Input reads what an entry judged, without personal values. The error says that it
// is not kept, or not as it was.
func (a *Archive) Input(ctx context.Context, e Entry) (Input, error) {
	in, _, err := a.input(ctx, e)
	return in, err
}

func (a *Archive) input(ctx context.Context, e Entry) (in Input, text []byte, err error) {
	if text, err = a.content(ctx, "the input", e.InputSHA256); err != nil {
		return in, nil, err
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return in, nil, fmt.Errorf("the input: %w", err)
	}
	return in, text, nil
}

// again judges what an entry judged.
func (a *Archive) again(ctx context.Context, e Entry) (*Ruling, Input, error) {
	in, text, err := a.input(ctx, e)
	if err != nil {
		return nil, in, err
	}
	b, err := a.bundle(ctx, e)
	if err != nil {
		return nil, in, err
	}
	doc, err := readDocument(text)
	if err != nil {
		return nil, in, fmt.Errorf("the input: %w", err)
	}
	r, err := b.decide(ctx, in, doc)
	return r, in, err
}

// result is what a log says of a ruling.
func (r *Ruling) result() Result {
	out := Result{Allow: !r.Blocking, Findings: r.Decisions, WaiversUsed: []string{}}
	for _, d := range r.Decisions {
		if d.Waiver != nil {
			out.WaiversUsed = append(out.WaiversUsed, d.Waiver.ID)
		}
	}
	return out
}

// digest is that of the result's JSON, keys sorted.
func (r Result) digest() string {
	if r.Findings == nil {
		r.Findings = []record.Decision{}
	}
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // it came from JSON
	}
	doc, err := readDocument(text)
	if err != nil {
		panic(err)
	}
	return "sha256:" + doc.sum
}

// Find gives the entry of a decision, by its id, by that of a finding in it, or
// by how one of these begins (at least 4 characters). Of several with the same
// finding it is the last. The error says which there are.
func (a *Archive) Find(ctx context.Context, id string) (line int, e Entry, err error) {
	var ids []string
	matched := map[string]bool{}
	report, err := a.Verify(ctx, nil, func(n int, entry Entry) {
		for _, known := range append([]string{entry.DecisionID}, findingIDs(entry)...) {
			if known == id || len(id) >= 4 && strings.HasPrefix(known, id) {
				matched[known] = true
				line, e = n, entry
			}
			ids = append(ids, known)
		}
	})
	switch {
	case err != nil:
		return 0, e, err
	case len(matched) > 1 && !matched[id]:
		return 0, e, fmt.Errorf("%s is the beginning of several decisions: %s", id, strings.Join(slices.Sorted(maps.Keys(matched)), ", "))
	case len(matched) == 0 && len(ids) == 0:
		return 0, e, fmt.Errorf("there is no decision in %s", a.Name)
	case len(matched) == 0 && len(id) < 4:
		return 0, e, fmt.Errorf("%q is too short to name a decision: write at least 4 characters of its id", id)
	case len(matched) == 0:
		return 0, e, fmt.Errorf("there is no decision %s in %s, which has %d; %s", id, a.Name, report.Lines, yamlpos.DidYouMean(id, ids))
	}
	return line, e, nil
}

func findingIDs(e Entry) []string {
	ids := make([]string, len(e.Result.Findings))
	for i, f := range e.Result.Findings {
		ids[i] = f.ID
	}
	return ids
}
