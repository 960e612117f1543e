# METADATA
# title: Personal data without purpose, legal basis or retention
# description: >-
#   A column is tagged as personal data (pii.*, but not pii.none), and its suite does not say, of the column or of the
#   whole table, what the data are for, on what legal basis they are held, and for how many days.
# custom:
#   id: DQ-P001
#   severity: error
#   category: privacy
#   remediation: "Write personal_data: {purpose, legal_basis, retention} at the column, or once for the suite."
#   why: >-
#     The GDPR asks for a purpose and a legal basis before personal data are processed (articles 5 and 6), and for the
#     time after which they are erased (article 30). What nobody wrote down nobody can show, or delete.
#   avoid: |
#     columns:
#       email: {tags: [pii.email]}
#   prefer: |
#     personal_data: {purpose: billing, legal_basis: contract, retention: 3650d}
#     columns:
#       email: {tags: [pii.email]}
#   configuration: "None."
package dq.policy.p001

import data.dq.lib

findings contains finding if {
	some path, tags in lib.personal_columns
	lacks := missing(lib.new_column[path])
	count(lacks) > 0
	finding := {
		"path": path,
		"msg": sprintf("column %s is personal data (%s) without %s", [path, concat(", ", tags), concat(", ", lacks)]),
		"evidence": {"tags": tags, "missing": lacks},
	}
}

missing(column) := [what |
	some what, keys in wanted
	object.get(column, keys[0], "") in {"", null}
	not said(column, keys)
]

wanted := {"legal basis": ["legal_basis"], "purpose": ["purpose"], "retention": ["retention_days", "retention"]}

# said: by the column or by a tag, of it or of the table.
said(column, keys) if {
	some key in keys
	some where in [column, object.get(column, "tags", {}), object.get(input.table, "tags", {}), input.table]
	not object.get(where, key, "") in {"", null}
}
