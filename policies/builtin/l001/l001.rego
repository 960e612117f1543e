# METADATA
# title: Nobody can say who is hit, or certified readers were not told
# description: >-
#   A change takes away what readers had. If lineage is not exact, there may be readers that it does not know, which is a
#   warning; no lineage at all is not exact either. If a certified reader is hit, the change must carry the label notice,
#   as proof that its people were told.
# custom:
#   id: DQ-L001
#   when: change
#   severity: error
#   category: breaking
#   rank: 2
#   remediation: Tell the people behind the certified reader and label the change notice; make models plain enough to be traced.
#   why: >-
#     A dashboard that the board trusts must not change overnight. And an empty list of readers says nothing when the
#     lineage that it comes from had to guess.
#   avoid: |
#     {"labels": []}   # gold.revenue loses a column that the certified board report shows
#   prefer: |
#     {"labels": ["notice"]}
#   configuration: "None."
package dq.policy.l001

import data.dq.lib

findings contains finding if {
	count(lib.breaking) > 0
	status != "exact"
	finding := {
		"severity": "warn",
		"msg": sprintf("lineage of %s is %s: who else is hit cannot be shown", [input.table.name, described]),
		"evidence": {"status": status, "known_readers": count(input.downstream)},
	}
}

# Of a column those who read it are hit.
findings contains hit(d, about, r) if {
	count(certified) > 0
	not told
	some d in lib.breaking
	about := lib.about(d)
	some r in object.filter(certified, input.consumers_by_column[about])
}

# Of the table or its keys all are.
findings contains hit(d, lib.about(d), r) if {
	not told
	some d in lib.breaking
	not startswith(d.op, "column_")
	some r in certified
}

hit(d, about, r) := {
	"path": about,
	"diff_id": d.id,
	"msg": sprintf("certified %s %s is hit by %s, and the change is not labelled notice", [r.kind, r.id, trim_space(concat(" ", [d.op, about]))]),
	"evidence": {"reader": object.filter(r, ["id", "kind", "owner", "depth"])},
}

certified := {r.id: r | some r in input.downstream; r.certified}

status := object.get(input, ["lineage", "status"], "none")

described := "missing" if status == "none"

described := status if status != "none"

told if "notice" in input.change.labels
