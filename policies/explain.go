package policies

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/lineage"

	"github.com/dq-dev/dq/record"
)

// Explanation says why a decision is what it is.
type Explanation struct {
	DecisionID string      `json:"decision_id"`
	Line       int         `json:"line,omitempty"` // of the log
	Table      string      `json:"table"`
	Version    *int64      `json:"version_from"`
	Env        string      `json:"env"`
	Op         string      `json:"op"`
	Time       time.Time   `json:"time"`
	Allow      bool        `json:"allow"`
	Diff       []Change    `json:"diff"`
	Findings   []Explained `json:"findings"`
	// Same says that the decision comes out the same when it is made again.
	Same bool `json:"same"`
}

// Explained is one finding with what brought it about.
type Explained struct {
	record.Decision
	Description string       `json:"description,omitempty"` // of the policy
	Rule        *RuleText    `json:"rule,omitempty"`
	Change      *Change      `json:"change,omitempty"` // the entry of the diff that it is about
	Readers     []Downstream `json:"readers,omitempty"`
	Trace       string       `json:"trace,omitempty"`
}

// RuleText is the rule of a policy that found something.
type RuleText struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Traces are how much [Archive.Explain] shows of an evaluation: nothing, where
// the policy calls trace(), what did not hold, or every step.
var Traces = []string{"", "notes", "fails", "full"}

// Explain makes the decision of an entry again and says what brought its findings
// about. With a finding, its id or that of a policy, it explains those alone.
// Cost: some tens of milliseconds for each rule of their policies.
func (a *Archive) Explain(ctx context.Context, line int, e Entry, finding, trace string) (*Explanation, error) {
	ruling, in, err := a.again(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("decision %s cannot be made again: %w", e.DecisionID, err)
	}
	out := &Explanation{DecisionID: e.DecisionID, Line: line, Table: e.Table, Version: in.Table.VersionFrom, Env: in.Env, Op: e.Op, Time: e.Timestamp,
		Allow: !ruling.Blocking, Diff: in.Diff, Findings: []Explained{}}
	result := ruling.result()
	out.Same = result.digest() == e.Result.digest()
	for _, d := range ruling.Decisions {
		if finding != "" && d.Policy != finding && !strings.HasPrefix(d.ID, finding) && d.Policy != "DQ-"+strings.ToUpper(finding) {
			continue
		}
		x, err := ruling.bundle.explain(ctx, in, ruling.input.value, d, trace)
		if err != nil {
			return nil, err
		}
		out.Findings = append(out.Findings, *x)
	}
	return out, nil
}

// explain finds the rule of a finding, and what in the input it is about.
func (b *Bundle) explain(ctx context.Context, in Input, input ast.Value, d record.Decision, trace string) (*Explained, error) {
	x := &Explained{Decision: d}
	p, ok := b.byID[d.Policy]
	if !ok {
		return x, nil
	}
	x.Description = p.Description
	m, err := modulesOf(b.modules, false)
	if err != nil {
		return nil, err
	}
	module := m.parsed[p.File]
	query := module.Package.Path.String() + ".findings"
	// A rule brought the finding about when it finds it without its siblings.
	rules := module.Rules
	for _, rule := range rules {
		if rule.Head.Ref()[0].String() != "findings" {
			continue
		}
		module.Rules = nil
		for _, other := range rules {
			if other == rule || other.Head.Ref()[0].String() != "findings" {
				module.Rules = append(module.Rules, other.Copy())
			}
		}
		compiler, err := m.compile(false, nil)
		if err != nil {
			return nil, err
		}
		found, err := b.ask(ctx, compiler, query, input, nil)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if f.Msg == "" {
				f.Msg = p.Title
			}
			if b.findingID(in, p.ID, f) != d.ID {
				continue
			}
			x.Rule = &RuleText{File: p.File, Line: rule.Location.Row, Text: string(rule.Location.Text)}
			for _, c := range in.Diff {
				if c.ID == f.DiffID {
					x.Change = &c
				}
			}
		}
		if x.Rule != nil {
			break
		}
	}
	x.Readers = in.readers(d.Path, x.Change)
	if trace != "" {
		compiler, err := b.compiler()
		if err != nil {
			return nil, err
		}
		tracer := topdown.NewBufferTracer()
		if _, err := b.ask(ctx, compiler, query, input, tracer); err != nil {
			return nil, err
		}
		events := []*topdown.Event(*tracer)
		switch trace {
		case "notes":
			events = lineage.Notes(events)
		case "fails":
			events = lineage.Fails(events)
		case "full":
			events = lineage.Full(events)
		}
		var text bytes.Buffer
		topdown.PrettyTraceWithLocation(&text, events)
		x.Trace = text.String()
	}
	return x, nil
}

// ask evaluates a set of findings.
func (b *Bundle) ask(ctx context.Context, compiler *ast.Compiler, query string, input ast.Value, tracer topdown.QueryTracer) ([]finding, error) {
	limited, cancel := context.WithTimeout(ctx, b.deadline)
	defer cancel()
	store, err := b.store(b.catalog)
	if err != nil {
		return nil, err
	}
	prepared, err := rego.New(rego.Query("findings := "+query), rego.Compiler(compiler), rego.Store(store), rego.StrictBuiltinErrors(true)).PrepareForEval(limited)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	options := []rego.EvalOption{rego.EvalParsedInput(input)}
	if tracer != nil {
		options = append(options, rego.EvalQueryTracer(tracer), rego.EvalRuleIndexing(false))
	}
	results, err := prepared.Eval(limited, options...)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	if len(results) == 0 {
		return nil, nil // undefined
	}
	text, err := json.Marshal(results[0].Bindings["findings"])
	if err != nil {
		return nil, err
	}
	var found []finding
	return found, json.Unmarshal(text, &found)
}

// findingID names policy, table, version, column and words.
func (b *Bundle) findingID(in Input, policy string, f finding) string {
	version := "new"
	if in.Table.VersionFrom != nil {
		version = strconv.FormatInt(*in.Table.VersionFrom, 10)
	}
	return short(policy, in.Table.Name, version, f.Path, f.DiffID, f.Msg)
}

// readers are those of a column, nearest first, or of the table when it is gone.
func (in Input) readers(path string, about *Change) []Downstream {
	var out []Downstream
	for _, d := range in.Downstream {
		if about != nil && about.Op == "table_dropped" {
			out = append(out, d)
		}
	}
	for _, id := range in.ConsumersByColumn[path] {
		for _, d := range in.Downstream {
			if d.ID == id {
				out = append(out, d)
			}
		}
	}
	return out
}
