# METADATA
# title: Amounts are decimals
# description: Money in floating point does not add up.
# custom:
#   id: ACME-001
#   severity: {bronze: warn, default: error}
#   category: quality
#   remediation: Declare the column as decimal(18,2).
package dq.policy.amounts

findings contains {"path": c.path, "msg": sprintf("%s is a %s", [c.path, c.type])} if {
	some c in input.new.columns
	endswith(c.path, "_amount")
	c.type in {"float", "double"}
}

findings contains {"msg": "a table of this name is not wanted"} if {
	contains(input.table.name, "never_tested")
	1 == 1
}
