# METADATA
# title: A table changes too often
# description: >-
#   This change takes away what readers had, and so did many in the days before. Earlier changes are those that the
#   table's log still knows; without a history only this one counts.
# custom:
#   id: DQ-S012
#   when: change
#   severity: warn
#   category: process
#   remediation: Gather what must still change and publish it at once, as one new version of the contract.
#   why: >-
#     Whoever reads the table must follow each breaking change. After the third in a month they copy the data
#     somewhere else, and then nobody knows who reads what.
#   avoid: |
#     Mon: drop a   Tue: rename b   Wed: retype c   Thu: drop d
#   prefer: |
#     contract: {version: 3.0.0}   # a, b, c and d in one
#   configuration: "thresholds.breaking_changes (3) in thresholds.breaking_days (30) are borne."
package dq.policy.s012

import data.dq.lib

findings contains finding if {
	count(lib.breaking) > 0
	n := count(earlier) + 1
	n > limits.breaking_changes
	finding := {
		"msg": sprintf("this is breaking change %d of %s in %d days", [n, input.table.name, limits.breaking_days]),
		"evidence": {"versions": [v.version | some v in earlier]},
	}
}

limits := data.dq.config.thresholds

earlier := [v |
	some v in input.history
	v.breaking
	lib.days_since(substring(v.at, 0, 10)) <= limits.breaking_days
]
