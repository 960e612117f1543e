# METADATA
# title: An expired waiver was not used
# description: >-
#   A waiver covers a finding, but its last day is over. The finding counts again.
# custom:
#   id: DQ-W001
#   severity: warn
#   category: process
#   remediation: Mend what the waiver was for and remove it, or have it approved anew with a later date.
package dq.main

# The answer to a change: every finding of every policy, with its effect, and
# whether the change may go ahead.
#
# data.dq.catalog  package name to what its METADATA says
# data.dq.waivers  policy id to its waivers
# data.dq.config   {modes: [...]}, the last that matches holds
# data.dq.owners   owner's name to what is known of the owner, or null without a directory
result := {"findings": findings, "allow": allow}

allow := count([f | some f in findings; f.effect == "deny"]) == 0

findings contains judged(catalogued, f, mode[name]) if {
	some name, catalogued in data.dq.catalog
	mode[name] != "off"
	some f in data.dq.policy[name].findings
}

findings contains judged(data.dq.catalog.main, finding, mode.main) if {
	mode.main != "off"
	some [f, w] in expired
	finding := {
		"path": f.path,
		"diff_id": f.diff_id,
		"msg": sprintf("waiver %s for %s ended on %s", [w.id, f.id, w.expires]),
		"evidence": {"waiver": w.id, "policy": f.id, "expires": w.expires, "approved_by": w.approved_by},
	}
}

# judged completes a finding of a policy. What the policy leaves out is filled in:
# a finding is never lost because a part of it is undefined.
judged(catalogued, f, how) := object.union(finding, {"effect": effect(how, severity, waiver), "severity": severity, "waiver": waiver}) if {
	severity := object.get(catalogued.severity, layer, catalogued.severity.default)
	finding := completed(catalogued, f)
	waiver := waiver_for(finding)
}

completed(catalogued, f) := {
	"id": catalogued.id,
	"path": object.get(f, "path", ""),
	"diff_id": object.get(f, "diff_id", ""),
	"msg": object.get(f, "msg", catalogued.title),
	"evidence": object.get(f, "evidence", {}),
}

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
mode := {name: modes[count(modes) - 1] |
	some name, catalogued in data.dq.catalog
	modes := array.concat(["enforce"], [m.mode | some m in data.dq.config.modes; matches(m, catalogued.id)])
}

matches(m, id) if {
	object.get(m, "policy", id) == id
	object.get(m, "layer", layer) == layer
	object.get(m, "env", input.env) == input.env
	glob.match(object.get(m, "table", "**"), ["."], input.table.name)
}

today := substring(input.time, 0, 10)

# waiver_for is the waiver that covers a finding today, the one with the first id of several.
waiver_for(f) := min(inside)[1] if {
	inside := {[w.id, w] | some w in covering(f); w.created <= today; today <= w.expires}
	count(inside) > 0
} else := null

# expired are the findings that a waiver covered until it ended, and that no other covers.
expired contains [f, w] if {
	some name, catalogued in data.dq.catalog
	mode[name] != "off"
	some w in data.dq.waivers[catalogued.id]
	w.expires < today
	some raw in data.dq.policy[name].findings
	f := completed(catalogued, raw)
	w in covering(f)
	waiver_for(f) == null
}

covering(f) := [w |
	some w in object.get(data.dq.waivers, f.id, [])
	glob.match(w.table, ["."], input.table.name)
	admits(w.paths, f.path)
	admits(w.env, input.env)
	admits(w.diff_ops, op[f.diff_id])
]

# admits: an empty list is no condition.
admits(list, _) if count(list) == 0

admits(list, value) if value in list

op := object.union({"": ""}, {d.id: d.op | some d in input.diff})
