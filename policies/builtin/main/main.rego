package dq.main

# The answer to a change: every finding of every policy, with its effect, and
# whether the change may go ahead.
#
# data.dq.catalog  package name to what its METADATA says, of the policies that are used
# data.dq.waivers  policy id to its waivers
# data.dq.config   {modes: [...], ...}, the last mode that matches holds
# data.dq.owners   owner's name to what is known of the owner, or null without a directory
result := {"findings": findings, "allow": allow}

default allow := true

allow := false if {
	some f in findings
	f.effect == "deny"
}

findings := array.concat(judged, about_waivers)

# about_waivers are the findings of DQ-W001, which looks at what is said of all others.
about_waivers := [object.union(f, object.get(milder, object.get(f, "severity", ""), usual)) |
	policy := due.w001
	usual := ruling("w001", policy, severity_here(policy))
	milder := {"warn": ruling("w001", policy, "warn")}
	some f in data.dq.w001.findings
]

# judged are the findings of the policies. A finding may be milder than its policy,
# never harder. What it leaves out is filled in when the answer is read, and here
# where waivers look at it, so that none is lost because a part of it is undefined.
judged := array.concat(plain, waivable)

# plain are those of policies that have no waivers here: nearly all.
plain := [object.union(f, object.get(milder, object.get(f, "severity", ""), usual)) |
	some name, policy in due
	not waivers_here[policy.id]
	usual := ruling(name, policy, severity_here(policy))
	milder := {"warn": ruling(name, policy, "warn")}
	some f in data.dq.policy[name].findings
]

# Of several waivers the one with the first id counts.
waivable := [object.union(finding, waived) |
	some name, policy in due
	waivers_here[policy.id]
	usual := ruling(name, policy, severity_here(policy))
	milder := {"warn": ruling(name, policy, "warn")}
	waivers := in_force(policy.id, mode(name))
	some f in data.dq.policy[name].findings
	finding := object.union_n([{"path": "", "diff_id": ""}, f, object.get(milder, object.get(f, "severity", ""), usual)])
	waived := array.concat([{"effect": "waived", "waiver": w} | some w in waivers; names(w, finding)], [{}])[0]
]

# ruling is what is said of a policy's finding without waivers.
ruling(name, policy, severity) := {"id": policy.id, "severity": severity, "effect": effects[mode(name)][severity], "waiver": null}

severity_here(policy) := object.get(policy.severity, layer, policy.severity.default)

# effects are those of a finding without a waiver, by the policy's mode and the severity.
effects := {
	"enforce": {"error": "deny", "warn": "warn"},
	"warn": {"error": "warn", "warn": "warn"},
	"dry_run": {"error": "dry_run", "warn": "dry_run"},
}

# waivers_here are those for this table and environment, by policy, whenever they hold.
waivers_here := {id: here |
	some id, waivers in data.dq.waivers
	here := [w | some w in waivers; glob.match(w.table, ["."], input.table.name); admits(w.env, input.env)]
	count(here) > 0
}

# in_force are the waivers for a policy today. One that is only tried out needs none.
in_force(id, how) := [x[1] |
	how != "dry_run"
	some x in sort([[w.id, w] | some w in waivers_here[id]; running(w); not w.id in spent])
]

running(w) if {
	w.created <= today
	today <= w.expires
}

# spent are the waivers that were used as often as they may be.
spent := {id | some id in input.used_up}

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

# names says that a waiver that is for this table is for a finding.
names(w, f) if {
	admits(w.paths, f.path)
	admits(w.diff_ops, op[f.diff_id])
}

# admits: an empty list is no condition.
admits(list, _) if count(list) == 0

admits(list, value) if value in list

op := object.union({"": ""}, {d.id: d.op | some d in input.diff})
