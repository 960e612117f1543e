# METADATA
# title: A constraint is dropped, or does not hold
# description: >-
#   A constraint is dropped, which is a warning; or one is added or changed while rows that are there break it, or
#   nobody counted. Before the data are read (op plan) only a known count speaks; the question comes again before the
#   commit, and then an unknown count speaks too.
# custom:
#   id: DQ-T004
#   when: change
#   severity: error
#   category: quality
#   remediation: Mend or quarantine the rows that break the constraint first; keep the one that was there.
#   why: >-
#     Delta Lake checks a constraint on every write. One that rows already break stops every later write of them, and
#     one that is gone lets through what readers were promised never to see.
#   avoid: |
#     ALTER TABLE orders ADD CONSTRAINT paid CHECK (amount >= 0)   -- 10,624 rows are below
#   prefer: |
#     expectations:
#       paid: {row: amount >= 0, on_fail: quarantine}   # first
#   configuration: "None."
package dq.policy.t004

import data.dq.lib

findings contains finding if {
	some d in lib.changes(["constraint_dropped"])
	finding := {
		"diff_id": d.id,
		"severity": "warn",
		"msg": sprintf("constraint %s is dropped (%v)", [d.path, object.get(d, "from", "")]),
	}
}

findings contains finding if {
	some d in lib.changes(["constraint_added", "constraint_changed"])
	n := input.profile.violations[d.path]
	n > 0
	finding := {
		"diff_id": d.id,
		"msg": sprintf("constraint %s is demanded (%v), but %d rows break it", [d.path, object.get(d, "to", ""), n]),
		"evidence": {"rows": n},
	}
}

findings contains finding if {
	some d in lib.changes(["constraint_added", "constraint_changed"])
	input.op != "plan"
	not counted[d.path]
	finding := {
		"diff_id": d.id,
		"msg": sprintf("constraint %s is demanded (%v), but nobody counted the rows that break it", [d.path, object.get(d, "to", "")]),
	}
}

counted := {name | some name, _ in input.profile.violations}
