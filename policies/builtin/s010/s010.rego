# METADATA
# title: The keys of a table change
# description: >-
#   Rows are no longer told apart as they were: merges, slowly changing dimensions and
#   surrogate keys that were made before no longer fit.
# custom:
#   id: DQ-S010
#   severity: error
#   category: breaking
#   remediation: Publish the table under a new name, or rebuild it and what refers to it with a full refresh.
package dq.policy.s010

findings contains finding if {
	some d in input.diff
	d.op in {"primary_key_changed", "scd_changed"}
	finding := {
		"diff_id": d.id,
		"msg": sprintf("the keys of %s change from %v to %v", [input.table.name, object.get(d, "from", []), object.get(d, "to", [])]),
		"evidence": object.filter(d, ["from", "to"]),
	}
}
