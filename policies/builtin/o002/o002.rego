# METADATA
# title: A gold table that explains itself to nobody
# description: >-
#   A column of a gold table has no description, or the table has no service level (SLA). Parts of nested columns
#   are described by the column.
# custom:
#   id: DQ-O002
#   severity: warn
#   category: ownership
#   remediation: Write description at each column and sla (freshness, availability) in the table's suite.
#   why: >-
#     Gold is what people read who did not make it. Without a description they guess what amount is net of; without a
#     service level they cannot tell late from broken.
#   avoid: |
#     columns:
#       amount: {type: 'decimal(18,2)'}
#   prefer: |
#     sla: {freshness: 26h}
#     columns:
#       amount: {type: 'decimal(18,2)', description: Net of tax, in pounds; negative for returns.}
#   configuration: "None."
package dq.policy.o002

findings contains finding if {
	input.table.layer == "gold"
	columns := [c.path | some c in input.new.columns; not contains(c.path, "."); object.get(c, "comment", "") == ""]
	count(columns) > 0
	finding := {
		"msg": sprintf("%d columns of %s have no description: %s", [count(columns), input.table.name, data.dq.lib.listed(columns)]),
		"evidence": {"columns": columns},
	}
}

findings contains finding if {
	input.table.layer == "gold"
	is_object(input.new)
	count(sla) == 0
	finding := {"msg": sprintf("table %s has no service level", [input.table.name])}
}

sla := {k | some k, _ in input.table.sla}
