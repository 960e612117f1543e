# METADATA
# title: A table has no owner
# description: >-
#   Nobody is named who answers for the table, or somebody who is not in the directory of owners.
# custom:
#   id: DQ-O001
#   severity: {bronze: warn, default: error}
#   category: ownership
#   remediation: Write owner in the table's suite, a name that the owners file has.
#   why: >-
#     A finding about a table that nobody answers for is nobody's work. An owner who is not in the directory has no address.
#   avoid: |
#     table: gold.sales   # and no owner
#   prefer: |
#     table: gold.sales
#     owner: sales   # owners.yaml: sales: {email: sales-data@example.com}
#   configuration: "None. The directory is the file that the pipeline names as owners."
package dq.policy.o001

findings contains {"msg": sprintf("table %s has no owner", [input.table.name])} if owner == ""

findings contains finding if {
	owner != ""
	is_object(data.dq.owners)
	not data.dq.owners[owner]
	finding := {
		"msg": sprintf("owner %s of %s is not in the owners file", [owner, input.table.name]),
		"evidence": {"owner": owner, "known": sort(object.keys(data.dq.owners))},
	}
}

owner := object.get(input.table, "owner", "")
