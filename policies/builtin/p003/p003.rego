# METADATA
# title: Protection of a column is lowered without consent
# description: >-
#   The class of a column becomes lower, or its last pii tag goes, and nobody of the privacy group agreed to the change
#   who neither wrote nor asks for it. A class that config.yaml does not list counts as lowered whatever takes its place.
# custom:
#   id: DQ-P003
#   when: change
#   severity: error
#   category: privacy
#   remediation: >-
#     Leave tag and class as they were, or have somebody of the privacy group approve the change and tell who did:
#     dq run --change FILE with {"approvals": [{"id": "lea", "at": "2026-10-01T12:00:00Z"}]}.
#   why: >-
#     A tag is all that keeps personal data out of what is copied, shown and sent. Who takes it off, by mistake or to be
#     rid of a finding, takes off all of that.
#   avoid: |
#     columns:
#       email: {classification: public}   # was confidential, with tags: [pii.email]
#   prefer: |
#     # in the change: approved by a member of the privacy group
#     groups: {privacy: [lea]}
#   configuration: "privacy_group (privacy), and its members in groups; classifications: the lowest first."
package dq.policy.p003

import data.dq.lib

findings contains finding if {
	count(lib.privacy_approvers) == 0
	some d in lib.changes(["column_classification_changed"])
	lowered(object.get(d, "from", ""), object.get(d, "to", ""))
	finding := found(d, sprintf("the class of column %s is lowered from %v to %v", [d.path, object.get(d, "from", "none"), object.get(d, "to", "none")]))
}

findings contains finding if {
	count(lib.privacy_approvers) == 0
	some d in lib.changes(["column_tags_changed"])
	was := lib.personal({"tags": object.get(d, "from", {})})
	count(was) > 0
	count(lib.personal({"tags": object.get(d, "to", {})})) == 0
	finding := found(d, sprintf("column %s is no longer tagged %s", [d.path, concat(", ", was)]))
}

found(d, what) := {
	"path": d.path,
	"diff_id": d.id,
	"msg": sprintf("%s, and nobody of the group %s agreed", [what, data.dq.config.privacy_group]),
	"evidence": object.filter(d, ["from", "to"]),
}

lowered(from, to) if lib.rank[from] > object.get(lib.rank, to, -1)

lowered(from, _) if {
	not from in {"", null}
	not from in data.dq.config.classifications
}
