# METADATA
# title: A column that is read downstream is gone
# description: >-
#   A dropped or renamed column, or a dropped table, breaks every table, view or export that reads it.
# custom:
#   id: DQ-S001
#   when: change
#   severity: error
#   category: breaking
#   remediation: >-
#     Keep the column until its readers are changed (deprecated_since and replaced_by tell them),
#     or change the readers in the same run.
#   why: >-
#     A model that reads a column that is gone does not bind: the next run of every reader fails, and dashboards show
#     nothing. Lineage knows who they are before it happens.
#   avoid: |
#     SELECT id FROM bronze.orders   -- no amount, which gold.revenue sums up
#   prefer: |
#     SELECT id, amount, amount AS net_amount FROM bronze.orders   -- both, until gold.revenue reads the new one
#   configuration: "None."
package dq.policy.s001

import data.dq.lib

findings contains finding if {
	some gone in lib.gone
	readers := lib.readers(gone.path)
	count(readers) > 0
	finding := {
		"path": gone.path,
		"diff_id": gone.diff.id,
		"msg": sprintf("column %s is %s, but read by %s", [gone.path, gone.how, lib.reader_names(gone.path)]),
		"evidence": {"consumers": readers},
	}
}

findings contains finding if {
	some d in lib.changes(["table_dropped"])
	count(lib.all_readers) > 0
	finding := {
		"diff_id": d.id,
		"msg": sprintf("table %s is dropped, but read by %s", [input.table.name, lib.listed([r.id | some r in lib.all_readers])]),
		"evidence": {"consumers": lib.all_readers},
	}
}
