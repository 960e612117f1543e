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

findings contains finding if {
	count(lib.breaking) > 0
	not told
	some r in input.downstream
	r.certified
	some d in lib.breaking
	hit(r, d)
	finding := {
		"path": lib.about(d),
		"diff_id": d.id,
		"msg": sprintf("certified %s %s is hit by %s, and the change is not labelled notice", [r.kind, r.id, trim_space(sprintf("%s %s", [d.op, lib.about(d)]))]),
		"evidence": {"reader": object.filter(r, ["id", "kind", "owner", "depth"])},
	}
}

status := object.get(input, ["lineage", "status"], "none")

described := "missing" if status == "none"

described := status if status != "none"

told if "notice" in input.change.labels

# hit: of a column those are who read it, of the table or its keys all.
hit(r, d) if r.id in input.consumers_by_column[lib.about(d)]

hit(_, d) if startswith(d.op, "table_")

hit(_, d) if object.get(d, "path", "") == ""
