# METADATA
# title: A column is dropped before its readers were told
# description: >-
#   A column, or a table, is dropped that was not deprecated for long enough. A part of a column is told with the
#   column. A date that is none counts as never.
# custom:
#   id: DQ-S002
#   when: change
#   severity: {bronze: warn, default: error}
#   category: breaking
#   remediation: >-
#     Keep it, write deprecated_since: (today) and replaced_by: at it in the suite, and drop it when the time is over.
#   why: >-
#     Lineage knows the readers inside the project. Notebooks, exports and people it does not: they need a date.
#   avoid: |
#     columns:
#       amount: {type: 'decimal(18,2)'}   # gone in the next commit
#   prefer: |
#     columns:
#       amount: {type: 'decimal(18,2)', deprecated_since: 2026-10-01, replaced_by: net_amount}
#       net_amount: {type: 'decimal(18,2)'}
#   configuration: "thresholds.deprecation_days (30): for so many days it is deprecated before it is dropped."
package dq.policy.s002

import data.dq.lib

findings contains finding if {
	some d in lib.changes(["column_dropped"])
	not told(since(d.path))
	finding := {
		"path": d.path,
		"diff_id": d.id,
		"msg": sprintf("column %s is dropped, but %s", [d.path, so_far(since(d.path))]),
		"evidence": {"deprecated_since": since(d.path), "days": days},
	}
}

findings contains finding if {
	some d in lib.changes(["table_dropped"])
	date := object.get(input.table, "deprecated_since", "")
	not told(date)
	finding := {
		"diff_id": d.id,
		"msg": sprintf("table %s is dropped, but %s", [input.table.name, so_far(date)]),
		"evidence": {"deprecated_since": date, "days": days},
	}
}

days := data.dq.config.thresholds.deprecation_days

told(date) if lib.days_since(date) >= days

# since is when a column, or the one that it is a part of, was deprecated; "" for never.
since(path) := date if {
	date := lib.old_column[path].deprecated_since
} else := object.get(object.get(lib.old_column, split(path, ".")[0], {}), "deprecated_since", "")

so_far(date) := text if {
	text := sprintf("deprecated since %s only, %d of %d days", [date, lib.days_since(date), days])
} else := "was never deprecated"
