# METADATA
# title: The contract's compatibility does not hold
# description: >-
#   A change breaks the direction that the contract promises: backward (readers of the old shape go on), forward
#   (the new shape reads the old rows), or both (full); with _transitive for all versions since the contract's major
#   version, not the last alone. A new major version is a new promise: then DQ-S009 rules instead. Where a mode is
#   declared but nobody worked out whether it holds, that is a finding too.
# custom:
#   id: DQ-S008
#   when: change
#   severity: error
#   category: breaking
#   remediation: Make the change in a way that the mode allows, or publish a new major version of the contract.
#   why: >-
#     The mode is what readers and producers plan by: under backward readers need not move, under forward producers
#     need not, and transitive ones may even skip versions.
#   avoid: |
#     contract: {version: 1.3.0, compatibility: backward}
#     # and a column is dropped
#   prefer: |
#     contract: {version: 2.0.0, compatibility: backward, sunset: {1.x: 2027-03-31}}
#   configuration: "compatibility in the suite's contract: backward, forward, full, their forms with _transitive, none."
package dq.policy.s008

import data.dq.lib

findings contains finding if {
	not lib.new_major
	some v in input.compat.violations
	finding := {
		"path": object.get(v, "path", ""),
		"diff_id": object.get(v, "diff_id", ""),
		"msg": sprintf("%s breaks %s compatibility with version %v: the contract promises %s", [what(v), concat(" and ", v.breaks), v.version, input.compat.mode]),
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

what(v) := sprintf("%s of %s", [v.op, v.path]) if object.get(v, "path", "") != ""

what(v) := v.op if object.get(v, "path", "") == ""
