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
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/version"
)

// Options says where policies and what they need come from. The zero value
// loads the bundled policies alone.
type Options struct {
	Dirs    []string // folders of users' policies, with all below them
	Waivers string   // YAML file of waivers, or ""
	Owners  string   // YAML file of owners, or ""; with one, every owner must be in it
	Config  Config
}

// Config adjusts policies to tables.
type Config struct {
	// Modes: the last entry that matches a policy and a table holds; enforce when none does.
	Modes []Mode `json:"modes"`
}

// Mode says how findings are treated. Fields that are empty match everything.
type Mode struct {
	Policy string `json:"policy,omitempty"` // id
	Table  string `json:"table,omitempty"`  // glob: * within a part of the name, ** across dots
	Layer  string `json:"layer,omitempty"`
	Env    string `json:"env,omitempty"`
	Mode   string `json:"mode"` // enforce, warn, dry_run or off
}

// Policy describes one policy.
type Policy struct {
	ID          string `json:"id"` // DQ-S001
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	Category    string `json:"category,omitempty"` // breaking, destructive, privacy, ownership, quality, process
	Remediation string `json:"remediation,omitempty"`
	// Severity is error or warn, by layer; "default" is for all layers that are not named.
	Severity map[string]string `json:"severity"`
	File     string            `json:"file"`
	Bundled  bool              `json:"bundled"`
}

// Bundle is a compiled set of policies with its waivers and owners. It may be
// used by several goroutines at once.
type Bundle struct {
	policies []Policy
	byID     map[string]Policy
	query    rego.PreparedEvalQuery
	modules  map[string]string // every file by name, tests included
	data     map[string]any    // what policies see under data.dq
	owners   map[string]Owner

	digest       string // of the files
	configDigest string // of modes, waivers and owners

	deadline time.Duration
}

// Load compiles the bundled policies and those in o.Dirs, and reads waivers and
// owners. What is wrong in any of these files comes as yamlpos.Errors, with
// file, line, column and what to write instead; nothing is evaluated then.
// Cost: some tens of milliseconds, once.
func Load(ctx context.Context, o Options) (*Bundle, error) {
	if err := o.Config.check(); err != nil {
		return nil, err
	}
	set, err := readModules(o.Dirs)
	if err != nil {
		return nil, err
	}
	catalog, err := set.catalog()
	if err != nil {
		return nil, err
	}
	compiler, err := set.compile()
	if err != nil {
		return nil, err
	}
	b := &Bundle{modules: set.sources, byID: map[string]Policy{}, deadline: deadline}
	for _, p := range catalog {
		b.policies = append(b.policies, p)
		b.byID[p.ID] = p
	}
	sort.Slice(b.policies, func(i, j int) bool { return b.policies[i].ID < b.policies[j].ID })

	waivers := map[string][]Waiver{}
	if o.Waivers != "" {
		if waivers, err = b.readWaivers(o.Waivers); err != nil {
			return nil, err
		}
	}
	var owners any // null: no directory
	if o.Owners != "" {
		if b.owners, err = readOwners(o.Owners); err != nil {
			return nil, err
		}
		owners = b.owners
	}
	config := map[string]any{"config": o.Config, "waivers": waivers, "owners": owners}
	b.data = map[string]any{"catalog": catalog}
	for k, v := range config {
		b.data[k] = v
	}
	b.digest = digest(b.modules)
	b.configDigest = digest(config)

	store, err := object(b.data)
	if err != nil {
		return nil, err
	}
	b.query, err = rego.New(
		rego.Query("result := data.dq.main.result"),
		rego.Compiler(compiler),
		rego.Store(inmem.NewFromObject(store)),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	return b, nil
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

// Digest names the policies' text and the version of OPA: sha256:...
func (b *Bundle) Digest() string { return b.digest }

func (c Config) check() error {
	for i, m := range c.Modes {
		switch m.Mode {
		case "enforce", "warn", "dry_run", "off":
		default:
			return fmt.Errorf("policies: mode %d is %q; the modes are enforce, warn, dry_run, off", i+1, m.Mode)
		}
		if m.Table != "" {
			if problem := badGlob(m.Table); problem != "" {
				return fmt.Errorf("policies: mode %d: table %q %s", i+1, m.Table, problem)
			}
		}
	}
	return nil
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

// digest hashes values whose JSON is deterministic, with the version of OPA.
func digest(v any) string {
	h := sha256.New()
	h.Write([]byte("opa " + version.Version + "\n"))
	if err := json.NewEncoder(h).Encode(v); err != nil {
		panic(err) // strings, lists and maps of them
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
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
