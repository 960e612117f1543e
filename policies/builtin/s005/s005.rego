# METADATA
# title: A column becomes required while it holds nulls
# description: >-
#   A column that may be null becomes required, and the data hold nulls, or nobody looked.
#   Before the data are read (op plan) only a known count speaks; the question comes again before the commit,
#   and then an unknown count speaks too.
# custom:
#   id: DQ-S005
#   when: change
#   severity: error
#   category: breaking
#   remediation: Fill or quarantine the nulls first, then make the column required.
#   why: >-
#     Delta Lake refuses such a column on rows that are there; readers that trust it divide by what is missing.
#   avoid: |
#     columns:
#       customer_id: {not_null: true}   # 135,080 of them are null
#   prefer: |
#     columns:
#       customer_id: {not_null: {on_fail: quarantine}}   # first; required when none is left
#   configuration: "None."
package dq.policy.s005

import data.dq.lib

findings contains finding if {
	some d in required
	nulls := null_count(d.path)
	nulls > 0
	finding := found(d, sprintf("column %s becomes required, but %d of its values are null", [d.path, nulls]), {"null_count": nulls})
}

findings contains finding if {
	some d in required
	input.op != "plan"
	not null_count(d.path)
	finding := found(d, sprintf("column %s becomes required, but no profile says whether it holds nulls", [d.path]), {})
}

required := [d | some d in lib.changes(["column_nullability_changed"]); d.to == false]

null_count(path) := input.profile.columns[path].null_count

found(d, msg, evidence) := {"path": d.path, "diff_id": d.id, "msg": msg, "evidence": evidence}
