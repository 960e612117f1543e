# METADATA
# title: A breaking change that one person alone decided
# description: >-
#   In prod a change takes away what readers had, and nobody agreed to it who neither wrote nor asks for it. A change of
#   which no approvals are known has none.
# custom:
#   id: DQ-O003
#   when: change
#   severity: error
#   category: process
#   remediation: >-
#     Have somebody else approve the change, and tell who did: dq run --change FILE with
#     {"approvals": [{"id": "lea", "at": "2026-10-01T12:00:00Z"}]}.
#   why: >-
#     A second pair of eyes is the cheapest protection that there is against the change that everybody regrets, and what
#     auditors ask for first.
#   avoid: |
#     {"author": "ada", "approvals": [{"id": "ada", "at": "2026-10-01T12:00:00Z"}]}
#   prefer: |
#     {"author": "ada", "approvals": [{"id": "lea", "at": "2026-10-01T12:00:00Z"}]}
#   configuration: "None."
package dq.policy.o003

import data.dq.lib

findings contains finding if {
	input.env == "prod"
	count(lib.breaking) > 0
	count(lib.approvers) == 0
	finding := {
		"msg": sprintf("nobody but who made it agreed to a change that breaks readers of %s: %s", [input.table.name, what]),
		"evidence": {"changes": [d.id | some d in lib.breaking], "author": object.get(input, ["change", "author"], "")},
	}
}

what := lib.all_told(lib.breaking)
