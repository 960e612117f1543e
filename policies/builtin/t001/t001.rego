# METADATA
# title: Other partitions without writing the table anew
# description: >-
#   The columns that a table is partitioned by change, but not every row is written anew in the same change.
# custom:
#   id: DQ-T001
#   when: change
#   severity: error
#   category: destructive
#   remediation: Rebuild the table in the same change, with dq run --full-refresh.
#   why: >-
#     Delta Lake keeps a file under the values of the partition columns. Files that were written under the old ones
#     have none under the new: readers that prune by them skip rows that are there.
#   avoid: |
#     orders: {mode: append, partition_by: [month]}   # was [day]; the old files stay
#   prefer: |
#     dq run --full-refresh
#   configuration: "None."
package dq.policy.t001

import data.dq.lib

findings contains finding if {
	some d in lib.changes(["partitioning_changed"])
	not input.rewrite
	finding := {
		"diff_id": d.id,
		"msg": sprintf("%s is partitioned by %s instead of %s, but its rows are not written anew", [input.table.name, columns(d, "to"), columns(d, "from")]),
		"evidence": object.filter(d, ["from", "to"]),
	}
}

columns(d, side) := concat(", ", names) if {
	names := d[side]
	is_array(names)
	count(names) > 0
} else := "nothing"
