# METADATA
# title: The contract's compatibility does not hold
# description: >-
#   A change breaks the direction that the contract promises: backward (the new schema reads the old rows),
#   forward (the old schema reads the new rows), or both (full); with _transitive for all versions since the contract's major
#   version, not the last alone. A new major version is a new promise: then DQ-S009 rules instead. To promise less than
#   the version before, or nothing more, takes a new major version as well. Where a mode is declared but nobody worked
#   out whether it holds, that is a finding too.
# custom:
#   id: DQ-S008
#   when: change
#   severity: error
#   category: breaking
#   remediation: Make the change in a way that the mode allows, or publish a new major version of the contract.
#   why: >-
#     The mode is what readers and producers plan by: under backward readers move first and still read all rows that are
#     there, under forward producers move first and readers go on, and under transitive ones they may even skip versions.
#   avoid: |
#     contract: {version: 1.3.0, compatibility: backward}
#     # and a column comes that needs a value
#   prefer: |
#     contract: {version: 2.0.0, compatibility: backward, sunset: {1.x: 2027-03-31}}
#   configuration: "compatibility in the suite's contract: backward, forward, full, their forms with _transitive, none."
package dq.policy.s008

import data.dq.lib

findings contains finding if {
	not lib.new_major
	some v in input.compat.violations
	what := trim_suffix(concat(" of ", [v.op, object.get(v, "path", "")]), " of ")
	finding := {
		"path": object.get(v, "path", ""),
		"diff_id": object.get(v, "diff_id", ""),
		"msg": sprintf("%s breaks %s compatibility with version %v: the contract promises %s", [what, concat(" and ", v.breaks), v.version, input.compat.mode]),
		"evidence": object.remove(v, ["path", "diff_id"]),
	}
}

findings contains finding if {
	input.table.contract.compat != "none"
	count(input.diff) > 0
	input.old != null
	not input.compat.violations
	finding := {"msg": sprintf("the contract promises %s compatibility, but nobody worked out whether it holds", [input.table.contract.compat])}
}

findings contains finding if {
	not lib.new_major
	some d in lib.changes(["compatibility_changed"])
	next := object.get(d, "to", "none")
	lost := object.get(promises, d.from, set()) - object.get(promises, next, set())
	count(lost) > 0
	finding := {
		"diff_id": d.id,
		"msg": sprintf("the contract promised %s compatibility, and now %s", [d.from, now(next)]),
		"evidence": {"no_longer": sort(lost)},
	}
}

# promises are what each mode holds to.
promises := {
	"backward": {"backward"},
	"backward_transitive": {"backward", "backward of all versions"},
	"forward": {"forward"},
	"forward_transitive": {"forward", "forward of all versions"},
	"full": {"backward", "forward"},
	"full_transitive": {"backward", "backward of all versions", "forward", "forward of all versions"},
}

now("none") := "none"

now(mode) := sprintf("%s only", [mode]) if mode != "none"
