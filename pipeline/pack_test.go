package pipeline_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
)

// The policies of a pack hold beside the project's own, while it is what was locked.
func TestPoliciesOfAPack(t *testing.T) {
	f := newFixture(t)
	f.put("packs/acme/policies/names.rego", `# METADATA
# title: No table is called totals
# custom:
#   id: ACME-1
#   severity: error
package dq.policy.acme

findings contains {"path": input.table.name, "msg": "another name, please"} if endswith(input.table.name, "totals")
`)
	digest, err := expectations.PackDigest(os.DirFS(filepath.Join(f.dir, "packs/acme")))
	if err != nil {
		t.Fatal(err)
	}
	f.put("dq.yaml", "packs:\n  acme: {path: packs/acme, digest: '"+digest+"'}\n")
	p, err := pipeline.Load(filepath.Join(f.dir, "pipeline.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := policies.Load(context.Background(), policies.Options{Dirs: p.Policies})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := f.try(pipeline.Options{Policies: bundle})
	if err != nil || rec.Outcome != "refused" || !strings.Contains(rec.Message, "ACME-1") {
		t.Errorf("%v, outcome %s: %s", err, rec.Outcome, rec.Message)
	}

	f.put("packs/acme/policies/names.rego", "package dq.policy.acme\n")
	if _, err := pipeline.Load(filepath.Join(f.dir, "pipeline.yaml")); err == nil || !strings.Contains(err.Error(), "the pack acme is not what was locked") {
		t.Errorf("a changed pack: %v", err)
	}
}
