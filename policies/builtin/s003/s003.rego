# METADATA
# title: A type is narrowed or becomes another
# description: >-
#   Values that are there, or that readers expect, may not fit the new type.
# custom:
#   id: DQ-S003
#   when: change
#   severity: error
#   category: breaking
#   remediation: >-
#     Add a column of the new type beside the old one (replaced_by), or cast in the model back to the type that was there.
#   why: >-
#     A narrower type cuts values off or turns them into errors, and another type means something else: a text sorts and
#     sums differently than a number. Files that are there are not even read any more.
#   avoid: |
#     SELECT CAST(amount AS INTEGER) AS amount   -- was decimal(18,2)
#   prefer: |
#     SELECT amount, CAST(round(amount) AS INTEGER) AS amount_rounded
#   configuration: "None."
package dq.policy.s003

import data.dq.lib

findings contains finding if {
	some d in lib.changes(["column_type_changed"])
	d.class in {"narrowing", "incompatible"}
	finding := {
		"path": d.path,
		"diff_id": d.id,
		"msg": sprintf("column %s changes from %s to %s, which is %s", [d.path, type_of(lib.old_column, d.path), type_of(lib.new_column, d.path), d.class]),
		"evidence": {"class": d.class, "consumers": lib.readers(d.path)},
	}
}

type_of(columns, path) := object.get(object.get(columns, path, {}), "type", "another type")
