# METADATA
# title: The gate did not pass, or was made easier
# description: >-
#   The gate of this version is closed or never ran; or an expectation was removed or weakened, and nobody agreed to it
#   who neither wrote nor asks for the change. One that demands something else, stricter or not, is a warning. At a plan
#   the gate has not spoken yet; the question comes again before the commit, and then silence is no pass. A table that
#   is declared to have no suite has no gate.
# custom:
#   id: DQ-Q001
#   severity: error
#   category: quality
#   remediation: >-
#     Mend the data, or put the expectation back. A rule that is wrong is changed with somebody's approval, which
#     dq run --change FILE tells, or with a waiver (dq waiver add DQ-Q001 TABLE).
#   why: >-
#     A gate that is opened by taking the rule away tells readers that the data are as promised when they are not.
#   avoid: |
#     expectations:
#       paid: {row: amount >= 0, severity: warn}   # was error, and failed this morning
#   prefer: |
#     expectations:
#       paid: {row: amount >= 0, on_fail: quarantine}
#   configuration: "None."
package dq.policy.q001

import data.dq.lib

findings contains finding if {
	gate == "fail"
	finding := {
		"msg": sprintf("the gate of %s failed%s", [input.table.name, failed]),
		"evidence": {"failed": object.get(input.quality, "failed", [])},
	}
}

findings contains {"msg": sprintf("the gate of %s never ran for this version", [input.table.name])} if {
	input.op in {"commit", "backfill"}
	not gate in {"pass", "fail"}
	not without_suite
}

findings contains finding if {
	count(lib.approvers) == 0
	some rule, d in easier
	finding := object.union(severity(d), {
		"diff_id": d.id,
		"msg": sprintf("expectation %s is %s, and nobody else agreed", [rule, d.class]),
		"evidence": object.filter(d, ["from", "to"]),
	})
}

# without_suite: the table says that it has none (suite: none), so that no gate could run.
without_suite if input.quality.suite == ""

gate := object.get(input, ["quality", "gate"], "not_run")

failed := sprintf(": %s", [lib.listed(input.quality.failed)]) if {
	count(input.quality.failed) > 0
} else := ""

# easier are the expectations that demand less than before, or are gone.
easier := object.union(
	object.union(
		{rule: {"id": "", "class": "weakened"} | some rule in input.quality.weakened},
		{rule: {"id": "", "class": "removed"} | some rule in input.quality.removed},
	),
	{d.path: d | some d in lib.changes(["suite_weakened"])},
)

severity(d) := {"severity": "warn"} if d.class == "changed"

severity(d) := {} if d.class != "changed"
