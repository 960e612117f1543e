# METADATA
# title: A change in a time when tables keep their shape
# description: >-
#   The table changes, in whatever way, on a day inside of a freeze window that config.yaml has for it. New data are no
#   change of the table.
# custom:
#   id: DQ-C001
#   when: change
#   severity: error
#   category: process
#   remediation: Publish the change when the window is over, or have a waiver approved for it.
#   why: >-
#     When the books are closed, or nobody is there to help, even a good change comes at the wrong time.
#   avoid: |
#     2026-12-24: DROP COLUMN
#   prefer: |
#     freeze:
#       - {from: 2026-12-18, to: 2027-01-03, table: gold.*, reason: The books are closed.}
#   configuration: "freeze: windows with from, to (both included, UTC), reason, and table (glob), layer or env."
package dq.policy.c001

import data.dq.lib

findings contains finding if {
	count(input.diff) > 0
	some window in data.dq.config.freeze
	window.from <= lib.today
	lib.today <= window.to
	object.get(window, "layer", input.table.layer) == input.table.layer
	object.get(window, "env", input.env) == input.env
	glob.match(object.get(window, "table", "**"), ["."], input.table.name)
	finding := {
		"msg": sprintf("%s keeps its shape until %s: %s", [input.table.name, window.to, window.reason]),
		"evidence": {"window": window, "changes": [d.id | some d in input.diff]},
	}
}
