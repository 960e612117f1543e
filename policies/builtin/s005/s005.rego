# METADATA
# title: A column becomes required while it holds nulls
# description: >-
#   A column that may be null becomes required, and the data hold nulls, or nobody looked.
#   Before the data are read (op plan) only a known count speaks; afterwards an unknown one does too.
# custom:
#   id: DQ-S005
#   severity: error
#   category: breaking
#   remediation: Fill or quarantine the nulls first, then make the column required.
package dq.policy.s005

import data.dq.lib

findings contains finding if {
	some path in required
	nulls := null_count(path)
	nulls > 0
	finding := found(path, sprintf("column %s becomes required, but %d of its values are null", [path, nulls]), {"null_count": nulls})
}

findings contains finding if {
	some path in required
	input.op != "plan"
	not null_count(path)
	finding := found(path, sprintf("column %s becomes required, but no profile says whether it holds nulls", [path]), {})
}

required contains path if {
	some path, column in lib.old_column
	column.nullable
	lib.new_column[path].nullable == false
}

null_count(path) := input.profile.columns[path].null_count

found(path, msg, evidence) := {
	"path": path,
	"diff_id": concat("", [d.id | some d in input.diff; d.path == path; d.op == "column_nullability_changed"]),
	"msg": msg,
	"evidence": evidence,
}
