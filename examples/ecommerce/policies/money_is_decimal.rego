# METADATA
# title: Money is kept in floats
# description: >-
#   Sums of floats depend on the order of adding, and pennies go astray. Columns
#   that hold money are decimals.
# custom:
#   id: RETAIL-001
#   severity: error
#   category: quality
#   remediation: Cast the column in the model, for example CAST(amount AS DECIMAL(18, 3)).
package dq.policy.money_is_decimal

findings contains finding if {
	some column in input.new.columns
	regex.match(`(^|_)(amount|price|revenue|sales|returns|other|monetary)$`, column.path)
	column.type in {"float", "double"}
	finding := {
		"path": column.path,
		"diff_id": concat("", [d.id | some d in input.diff; d.path == column.path]),
		"msg": sprintf("column %s is a %s", [column.path, column.type]),
	}
}
