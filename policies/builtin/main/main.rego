# METADATA
# title: A waiver has expired or is too wide
# description: >-
#   A waiver covers a finding, but its last day is over: the finding counts again. Or a waiver that names no paths
#   lets more findings of one change through than it can have been meant for. Of an expired waiver the finding is
#   no harder than the one that it was for. What a waiver may say at all is checked when its file is read.
# custom:
#   id: DQ-W001
#   severity: error
#   category: process
#   remediation: >-
#     Mend what the waiver was for and remove it, or have it approved anew with a later date;
#     if it is too wide, name the paths that are meant.
#   why: >-
#     An exemption that nobody ends is a rule that nobody made. One that covers more than its reason speaks of hides
#     the next mistake as well.
#   avoid: |
#     waivers:
#       - {id: w-7, policy: DQ-S001, table: silver.*, expires: 2026-09-30}   # over, and for everything
#   prefer: |
#     waivers:
#       - {id: w-8, policy: DQ-S001, table: silver.orders, paths: [old_code], expires: 2026-11-15}
#   configuration: "thresholds.waived_findings (10): without paths, a waiver covers so many findings of one change."
package dq.main

# The answer to a change: every finding of every policy, with its effect, and
# whether the change may go ahead.
#
# data.dq.catalog  package name to what its METADATA says, of the policies that are used
# data.dq.waivers  policy id to its waivers
# data.dq.config   {modes: [...], ...}, the last mode that matches holds
# data.dq.owners   owner's name to what is known of the owner, or null without a directory
result := {"findings": findings, "allow": allow}

allow := count([f | some f in findings; f.effect == "deny"]) == 0

findings contains f if {
	some f in judged
}

findings contains waiver_finding(f.effect, {
	"path": f.path,
	"diff_id": f.diff_id,
	"msg": sprintf("waiver %s for %s ended on %s", [w.id, f.id, w.expires]),
	"evidence": {"waiver": w.id, "policy": f.id, "expires": w.expires, "approved_by": w.approved_by},
}) if {
	due.main
	some f in judged
	f.waiver == null
	some w in covering(f)
	w.expires < today
}

findings contains waiver_finding("deny", {
	"msg": sprintf("waiver %s is too wide: it lets %d findings of %s through and names no paths", [id, n, policy]),
	"evidence": {"waiver": id, "policy": policy, "findings": n, "limit": data.dq.config.thresholds.waived_findings},
}) if {
	due.main
	some policy, waivers in data.dq.waivers
	some w in waivers
	count(w.paths) == 0
	id := w.id
	n := count([f | some f in judged; f.waiver; f.waiver.id == id])
	n > data.dq.config.thresholds.waived_findings
}

# waiver_finding is one of DQ-W001; it denies only where the finding that it is about does.
waiver_finding(about, f) := object.union(finding, {"severity": severity, "effect": effect(mode("main"), severity, null), "waiver": null}) if {
	finding := completed(data.dq.catalog.main, f)
	severity := mildest(data.dq.catalog.main, about)
}

mildest(catalogued, "deny") := severity_of(catalogued, {})

mildest(_, about) := "warn" if about != "deny"

# judged are the findings of the policies.
judged := [object.union(finding, {"effect": effect(mode(name), severity, waiver), "severity": severity, "waiver": waiver}) |
	some name, catalogued in due
	some f in data.dq.policy[name].findings
	finding := completed(catalogued, f)
	severity := severity_of(catalogued, f)
	waiver := waiver_for(finding)
]

# completed fills in what a policy leaves out: a finding is never lost because a part of it is undefined.
completed(catalogued, f) := {
	"id": catalogued.id,
	"path": object.get(f, "path", ""),
	"diff_id": object.get(f, "diff_id", ""),
	"msg": object.get(f, "msg", catalogued.title),
	"evidence": object.get(f, "evidence", {}),
}

# severity_of is the policy's on this layer. A finding may be milder, never harder.
severity_of(catalogued, f) := "warn" if {
	f.severity == "warn"
} else := object.get(catalogued.severity, layer, catalogued.severity.default)

effect("dry_run", _, _) := "dry_run"

effect(how, _, waiver) := "waived" if {
	how != "dry_run"
	waiver != null
}

effect("warn", _, null) := "warn"

effect("enforce", "warn", null) := "warn"

effect("enforce", "error", null) := "deny"

layer := object.get(input.table, "layer", "")

# mode is that of a policy on this table: of the last entry that matches.
mode(name) := object.get(adjusted, name, "enforce")

adjusted := {name: modes[count(modes) - 1] |
	count(here) > 0
	some name, catalogued in data.dq.catalog
	modes := [m.mode | some m in here; object.get(m, "policy", catalogued.id) in {catalogued.id, catalogued.category}]
	count(modes) > 0
}

# due are the policies that the project uses and that are asked: those that only
# rule on changes when there is one.
due := {name: catalogued |
	some name, catalogued in data.dq.catalog
	asked(catalogued.when)
	used(catalogued)
	mode(name) != "off"
}

asked("always")

asked("change") if count(input.diff) > 0

# used: config.yaml names the policy or its category, or names none; and does not except it.
used(catalogued) if {
	some group in object.get(data.dq.config, "use", [catalogued.id])
	group in {catalogued.id, catalogued.category}
	count(excepted & {catalogued.id, catalogued.category}) == 0
}

excepted := {e | some e in data.dq.config.except}

# here are the modes that are about this table.
here := [m |
	some m in data.dq.config.modes
	object.get(m, "layer", layer) == layer
	object.get(m, "env", input.env) == input.env
	glob.match(object.get(m, "table", "**"), ["."], input.table.name)
]

today := substring(input.time, 0, 10)

# waiver_for is the waiver that covers a finding today, the one with the first id of several.
waiver_for(f) := min(inside)[1] if {
	data.dq.waivers[f.id]
	inside := {[w.id, w] | some w in covering(f); w.created <= today; today <= w.expires}
	count(inside) > 0
} else := null

covering(f) := [w |
	some w in data.dq.waivers[f.id]
	glob.match(w.table, ["."], input.table.name)
	admits(w.paths, f.path)
	admits(w.env, input.env)
	admits(w.diff_ops, op[f.diff_id])
]

# admits: an empty list is no condition.
admits(list, _) if count(list) == 0

admits(list, value) if value in list

op := object.union({"": ""}, {d.id: d.op | some d in input.diff})
