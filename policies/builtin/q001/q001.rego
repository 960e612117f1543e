# METADATA
# title: The gate did not pass, or was made easier
# description: >-
#   The gate of this version is closed or never ran; or an expectation was removed or weakened, and nobody agreed to it
#   who neither wrote nor asks for the change. One whose text is another counts as weakened unless its text tells that it
#   demands no less (x > 1 in place of x > 0; more joined with &&).
#   So does a suite of which the version before is not known any more, because its file in _dq/declared is gone. Findings have the expectation's id as their path. At a plan
#   the gate has not spoken yet; the question comes again before the commit, and then silence is no pass. A table that
#   is declared to have no suite has no gate.
# custom:
#   id: DQ-Q001
#   severity: error
#   category: quality
#   remediation: >-
#     Mend the data, or put the expectation back. A rule that is wrong is changed with somebody's approval, which
#     dq run --change FILE tells, or with a waiver (dq waiver add DQ-Q001 TABLE --path EXPECTATION).
#   why: >-
#     A gate that is opened by taking the rule away tells readers that the data are as promised when they are not.
#   avoid: |
#     expectations:
#       paid: {row: amount >= 0, on_fail: warn}   # was block, and failed this morning
#   prefer: |
#     expectations:
#       paid: {row: amount >= 0, on_fail: quarantine}
#   configuration: "None."
package dq.policy.q001

import data.dq.lib

findings contains finding if {
	gate == "fail"
	some rule in object.get(input.quality, "failed", [])
	finding := {
		"path": rule,
		"msg": sprintf("the gate of %s failed: %s", [input.table.name, rule]),
	}
}

findings contains {"msg": sprintf("the gate of %s failed", [input.table.name])} if {
	gate == "fail"
	count(object.get(input.quality, "failed", [])) == 0
}

findings contains {"msg": sprintf("the gate of %s never ran for this version", [input.table.name])} if {
	input.op in {"commit", "backfill"}
	not gate in {"pass", "fail"}
	not without_suite
}

findings contains finding if {
	count(lib.approvers) == 0
	some rule, d in easier
	finding := {
		"path": rule,
		"diff_id": d.id,
		"msg": sprintf("expectation %s is %s, and nobody else agreed", [rule, object.get(d, "class", "weakened")]),
		"evidence": object.filter(d, ["from", "to"]),
	}
}

findings contains finding if {
	count(lib.approvers) == 0
	some d in lib.changes(["suite_weakened"])
	unknown(d)
	finding := {
		"diff_id": d.id,
		"msg": sprintf("what the version before demanded is not known, and nobody else agreed: %s is gone; restore it from a backup", [d.from]),
	}
}

# unknown says that nobody can tell what the suite demanded before.
unknown(d) if d.class == "unknown"

# without_suite: the table says that it has none (suite: none), so that no gate could run.
without_suite if input.quality.suite == ""

gate := object.get(input, ["quality", "gate"], "not_run")

# easier are the expectations that demand less than before, or are gone.
easier := object.union(
	object.union(
		{rule: {"id": "", "class": "weakened"} | some rule in input.quality.weakened},
		{rule: {"id": "", "class": "removed"} | some rule in input.quality.removed},
	),
	{d.path: d | some d in lib.changes(["suite_weakened"]); not unknown(d)},
)
