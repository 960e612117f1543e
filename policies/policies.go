// Package policies rules on changes of tables: schema, keys, ownership, personal
// data. What changed is worked out in Go; policies, written in Rego for OPA, only
// judge it. They see one document, [Input], and nothing else: no network, no
// clock but Input.Time, no randomness, no environment, no rows of data.
//
//	bundle, err := policies.Load(ctx, policies.Options{
//		Dirs: []string{"policies"}, Waivers: "waivers.yaml", Owners: "owners.yaml"})
//	ruling, err := bundle.Decide(ctx, input)
//	if err != nil {
//		return err // could not be evaluated: nothing may go ahead
//	}
//	if ruling.Blocking {
//		// show ruling.Decisions
//	}
//
// # When to ask
//
// Once when the new shape is known and before any data are read (Op plan), and
// once more with a [Profile] before the commit (Op commit). An empty Diff is
// worth asking about: owners and tags are judged without one.
//
// # Policies
//
// A policy is a Rego package dq.policy.<name> with a set findings. The bundled
// ones are in builtin/<name>; users' are files *.rego in [Options].Dirs, with
// their tests in *_test.rego beside them, package dq.policy.<name>_test.
//
//	# METADATA
//	# title: Amounts are decimals
//	# description: Money in floating point does not add up.
//	# custom:
//	#   id: ACME-001
//	#   severity: {bronze: warn, default: error}
//	#   category: quality
//	#   remediation: Declare the column as decimal(18,2).
//	package dq.policy.amounts
//
//	findings contains {"path": c.path, "msg": sprintf("%s is a %s", [c.path, c.type])} if {
//		some c in input.new.columns
//		endswith(c.path, "_amount")
//		c.type in {"float", "double"}
//	}
//
// A finding may have path (the column), diff_id (the entry of the diff), msg and
// evidence (an object). Indexes that policies share are in data.dq.lib.
//
// # Modes and waivers
//
// A finding of severity error denies; see [Mode] for policies that shall only
// warn, be tried out or be left out on some tables. A [Waiver] lets the findings of one policy
// on some tables through until a date. See the files of builtin/main for how both apply.
package policies

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/version"
)

// Options says where policies and what they need come from. The zero value
// loads the bundled policies alone.
type Options struct {
	Dirs    []string // folders of users' policies, with all below them
	Waivers string   // YAML file of waivers, or ""; one that is not there holds none
	Owners  string   // YAML file of owners, or ""; with one, every owner must be in it
	Modes   []Mode   // more than the folders' own, and after them; see [Config]
}

// Policy describes one policy.
type Policy struct {
	ID          string `json:"id"` // DQ-S001
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	Category    string `json:"category,omitempty"` // breaking, destructive, privacy, ownership, quality, process
	Remediation string `json:"remediation,omitempty"`
	// Why the rule is one, what to avoid and what to prefer (examples, as code), and
	// how config.yaml adjusts it: what the policy's page has besides.
	Why           string `json:"why,omitempty"`
	Avoid         string `json:"avoid,omitempty"`
	Prefer        string `json:"prefer,omitempty"`
	Configuration string `json:"configuration,omitempty"`
	// Severity is error or warn, by layer; "default" is for all layers that are not named.
	Severity map[string]string `json:"severity"`
	// Rank is how far its findings are from what happened, for the order in which they
	// are shown: 0 says the cause itself, 1 what the change does, 2 what is missing around
	// it, 3 how it was decided. By default 2 for ownership, 3 for process, 1 for others.
	Rank int `json:"rank"`
	// When is change for a policy that is only asked when the table changes, or always.
	When    string `json:"when"`
	File    string `json:"file"`
	Bundled bool   `json:"bundled"`
}

// Bundle is a compiled set of policies with its waivers and owners. It may be
// used by several goroutines at once.
type Bundle struct {
	policies []Policy
	byID     map[string]Policy
	// A day on which nothing changes asks quiet; what rules on changes alone is
	// neither compiled nor asked then.
	quiet    rego.PreparedEvalQuery
	queries  func() ([]rego.PreparedEvalQuery, error) // of all, prepared once; each asks its share of the policies
	daily    *ast.Compiler
	compiler func() (*ast.Compiler, error) // of all, compiled once
	modules  map[string]string             // every file by name, tests included
	catalog  map[string]Policy             // by package name
	config   map[string]any                // what policies see under data.dq besides: modes, waivers, owners
	owners   map[string]Owner
	settings *Config // of Load

	answerable Answerable

	digest       string // of the files
	configDigest string // of modes, waivers and owners

	deadline time.Duration
}

// Load compiles the bundled policies and those in o.Dirs, and reads waivers and
// owners. What is wrong in any of these files comes as yamlpos.Errors, with
// file, line, column and what to write instead; nothing is evaluated then. That
// goes for names that a user's policy reads and that are not there; see [Check].
// Cost: some 25 ms, and as much again for the first change that is judged.
func Load(ctx context.Context, o Options) (*Bundle, error) {
	set, err := readModules(o.Dirs)
	if err != nil {
		return nil, err
	}
	b, err := set.bundle()
	if err != nil {
		return nil, err
	}
	if b.settings, err = readConfig(o.Dirs, o.Modes, b.catalog); err != nil {
		return nil, err
	}
	// A rule that reads a name that is not there would never find anything.
	named := sync.OnceValue(func() error { return set.named(b) })
	go func() { _ = named() }() // beside what else there is to read
	waivers := map[string][]Waiver{}
	if o.Waivers != "" {
		if waivers, err = b.readWaivers(o.Waivers); err != nil {
			return nil, err
		}
	}
	var owners any // null: no directory
	if o.Owners != "" {
		if b.owners, b.answerable, err = readOwners(o.Owners); err != nil {
			return nil, err
		}
		owners = b.owners
	}
	if err := b.configure(ctx, map[string]any{"config": b.settings, "waivers": waivers, "owners": owners}); err != nil {
		return nil, err
	}
	return b, named()
}

// named are the errors of names that users' rules read and that are not there. What is
// compiled every day is all that they read, see [modules.late].
func (m *modules) named(b *Bundle) error {
	if !slices.ContainsFunc(b.policies, func(p Policy) bool { return !p.Bundled }) {
		return nil
	}
	if problems := m.misnamed(b.daily); len(problems) > 0 {
		return problems.Sort()
	}
	return nil
}

// bundle compiles the modules: at once what is asked every day, and the policies
// that only rule on changes when there is one. [Bundle.configure] makes it ready.
func (m *modules) bundle() (*Bundle, error) {
	catalog, err := m.catalog()
	if err != nil {
		return nil, err
	}
	b := &Bundle{modules: m.sources, catalog: catalog, byID: map[string]Policy{}, deadline: deadline}
	late := m.late(catalog)
	if b.daily, err = m.compile(true, late); err != nil {
		return nil, err
	}
	b.compiler = sync.OnceValues(func() (*ast.Compiler, error) {
		if len(late) == 0 {
			return b.daily, nil
		}
		return m.compile(true, nil)
	})
	for _, p := range catalog {
		b.policies = append(b.policies, p)
		b.byID[p.ID] = p
	}
	sort.Slice(b.policies, func(i, j int) bool { return b.policies[i].ID < b.policies[j].ID })
	b.digest = digestOf(stamped(b.modules))
	return b, nil
}

// configure gives the policies what they see beside their input, and prepares them.
func (b *Bundle) configure(ctx context.Context, config map[string]any) error {
	b.config = config
	b.configDigest = digestOf(stamped(config))
	var err error
	if b.quiet, err = b.prepare(ctx, b.daily, b.catalog); err != nil {
		return err
	}
	b.queries = sync.OnceValues(func() ([]rego.PreparedEvalQuery, error) {
		compiler, err := b.compiler()
		if err != nil {
			return nil, err
		}
		var queries []rego.PreparedEvalQuery
		for _, share := range b.shares() {
			query, err := b.prepare(context.Background(), compiler, share)
			if err != nil {
				return nil, err
			}
			queries = append(queries, query)
		}
		return queries, nil
	})
	return nil
}

// aboutWaivers is the policy that rules on waivers, by the findings of all others.
const aboutWaivers = "DQ-W001"

// shares are two halves of the catalogue, for two cores. What is said of a finding
// depends on its own policy and the waivers for that alone, so builtin/main says
// the same of the halves as of the whole; the policy about waivers is in both.
func (b *Bundle) shares() []map[string]Policy {
	shares := []map[string]Policy{{}, {}}
	for i, name := range slices.Sorted(maps.Keys(b.catalog)) {
		shares[i%len(shares)][name] = b.catalog[name]
	}
	for name, p := range b.catalog {
		if p.ID == aboutWaivers {
			shares[0][name], shares[1][name] = p, p
		}
	}
	return shares
}

func (b *Bundle) prepare(ctx context.Context, compiler *ast.Compiler, catalog map[string]Policy) (rego.PreparedEvalQuery, error) {
	store, err := b.store(catalog)
	if err != nil {
		return rego.PreparedEvalQuery{}, err
	}
	query, err := rego.New(
		rego.Query("result := data.dq.main.result"),
		rego.Compiler(compiler),
		rego.Store(store),
		rego.StrictBuiltinErrors(true),
		rego.GenerateJSON(asTerm),
	).PrepareForEval(ctx)
	if err != nil {
		return rego.PreparedEvalQuery{}, fmt.Errorf("policies: %w", err)
	}
	return query, nil
}

// Policies lists all policies by id.
func (b *Bundle) Policies() []Policy {
	return append([]Policy(nil), b.policies...)
}

// Owner looks an owner up in the directory; false when it is not there.
func (b *Bundle) Owner(name string) (Owner, bool) {
	o, ok := b.owners[name]
	return o, ok
}

// Answerable is who answers for personal data; empty without a directory.
func (b *Bundle) Answerable() Answerable { return b.answerable }

// Digest names the policies' text and the version of OPA: sha256:...
func (b *Bundle) Digest() string { return b.digest }

// rules are what the evaluation must know of policies, by package name.
func rules(catalog map[string]Policy) map[string]any {
	out := map[string]any{}
	for name, p := range catalog {
		out[name] = map[string]any{"id": p.ID, "title": p.Title, "category": p.Category, "severity": p.Severity, "when": p.When}
	}
	return out
}

// store holds what policies see beside their input; those of the catalogue are asked.
func (b *Bundle) store(catalog map[string]Policy) (storage.Store, error) {
	data := map[string]any{"catalog": rules(catalog)}
	for k, v := range b.config {
		data[k] = v
	}
	store, err := object(data)
	if err != nil {
		return nil, err
	}
	return inmem.NewFromObjectWithOpts(store, inmem.OptReturnASTValuesOnRead(true)), nil
}

// object turns the data into the plain document that OPA's store takes.
func object(data map[string]any) (map[string]any, error) {
	text, err := json.Marshal(map[string]any{"dq": data})
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	return out, nil
}

// stamped is the JSON of values for which it is deterministic, with the version of
// OPA: what the digest of a bundle or of its configuration is of.
func stamped(v any) []byte {
	var text bytes.Buffer
	text.WriteString("opa " + version.Version + "\n")
	if err := json.NewEncoder(&text).Encode(v); err != nil {
		panic(err) // strings, lists and maps of them
	}
	return text.Bytes()
}

// digestOf is the digest of a text as the log names it: sha256:...
func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// capabilities are the built-in functions that policies may call: those that
// give the same answer for the same input, anywhere and at any time.
func capabilities() *ast.Capabilities {
	caps := ast.CapabilitiesForThisVersion()
	kept := caps.Builtins[:0:0]
	for _, b := range caps.Builtins {
		if !b.Nondeterministic {
			kept = append(kept, b)
		}
	}
	caps.Builtins = kept
	caps.AllowNet = []string{}
	return caps
}

// capsDigest is the digest of the capabilities.
var capsDigest = sync.OnceValue(func() string { return digestOf(stamped(capabilities())) })
