# METADATA
# title: A column goes or is renamed without column mapping
# description: >-
#   Without column mapping the files know columns by their names only: a renamed column is empty in all files that
#   are there, and a dropped one comes back with its values when its name is used again. Where all rows are written
#   anew that is no harm. In bronze a column is missing from a source, which is for DQ-S013.
# custom:
#   id: DQ-S007
#   when: change
#   severity: error
#   category: destructive
#   remediation: Turn on column mapping (delta.columnMapping.mode = name) first, or write the table anew.
#   why: >-
#     Column mapping gives each column an id that its name may leave. Without it Delta Lake must rewrite the table, or
#     the values under the old name are lost to every reader.
#   avoid: |
#     columns:
#       total: {renamed_from: amount}   # and the files still say amount
#   prefer: |
#     dq table alter warehouse/silver/orders --set delta.columnMapping.mode=name
#   configuration: "None."
package dq.policy.s007

import data.dq.lib

findings contains finding if {
	not input.rewrite
	input.table.layer != "bronze"
	some gone in lib.gone
	not mapped(gone)
	finding := {
		"path": gone.path,
		"diff_id": gone.diff.id,
		"msg": sprintf("column %s is %s, but the table has no column mapping and is not written anew", [gone.path, gone.how]),
	}
}

mapped(_) if input.new.properties["delta.columnMapping.mode"] in {"name", "id"}

mapped(gone) if object.get(object.get(lib.old_column, gone.path, {}), "id", "") != ""
