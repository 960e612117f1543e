# METADATA
# title: A breaking change without a new contract version
# description: >-
#   A change takes away what readers had, but the contract's major version stays; or a new one is published and nobody
#   says how long the old one lives. A table without a contract has no version to raise: that is a warning only. To
#   withdraw a contract, to go back to an earlier major version, or to end a version before the day that was announced
#   breaks the promise itself, whatever else changes.
#   Types that become wider without loss, columns that may be null and constraints are not counted here.
# custom:
#   id: DQ-S009
#   when: change
#   severity: {bronze: warn, default: error}
#   category: breaking
#   remediation: >-
#     Raise the major version of the contract and write until when the old one lives, for example sunset: {1.x: 2027-03-31}.
#   why: >-
#     A version is the only thing that tells a reader who is not in this project that something is no longer as it was,
#     and a sunset date the only thing that tells how much time is left.
#   avoid: |
#     contract: {version: 1.4.0}   # and a column is gone
#   prefer: |
#     contract:
#       version: 2.0.0
#       sunset: {1.x: 2027-03-31}
#   configuration: "None."
package dq.policy.s009

import data.dq.lib

# Without a contract.
findings contains finding if {
	count(lib.breaking) > 0
	not versioned
	finding := {
		"severity": "warn",
		"msg": sprintf("%s breaks readers (%s), and has no contract whose version could say so", [input.table.name, lib.all_told(lib.breaking)]),
		"evidence": {"changes": [d.id | some d in lib.breaking]},
	}
}

# The contract stays.
findings contains finding if {
	versioned
	not lib.new_major
	not gone_as_announced
	some d in lib.breaking
	finding := {
		"path": lib.about(d),
		"diff_id": d.id,
		"msg": sprintf("%s breaks readers, but the contract stays at version %s", [lib.told(d), input.table.contract.version]),
		"evidence": {"contract": input.table.contract.version},
	}
}

# A new one is published.
findings contains finding if {
	d := lib.new_major
	count(lib.breaking) > 0
	not lives(d.from)
	finding := {
		"diff_id": d.id,
		"msg": sprintf("contract %s follows %s, but nobody says until when %s lives", [d.to, d.from, d.from]),
		"evidence": {"from": d.from, "to": d.to, "sunset": object.get(input.table.contract, "sunset", {})},
	}
}

# A contract is withdrawn, or goes back.
findings contains finding if {
	some d in lib.changes(["contract_version_changed"])
	taken := taken_back(d)
	not over(d.from)
	finding := {
		"diff_id": d.id,
		"msg": sprintf("contract %s is %s", [d.from, taken]),
		"evidence": object.filter(d, ["from", "to"]),
	}
}

# A version ends before its day.
findings contains finding if {
	some d in lib.changes(["sunset_changed"])
	d.from > lib.today
	until := object.get(d, "to", "")
	until < d.from
	finding := {
		"diff_id": d.id,
		"msg": sprintf("version %s was to live until %s, and now %s", [d.path, d.from, ends(until)]),
		"evidence": object.filter(d, ["from", "to"]),
	}
}

ends("") := "nobody says until when"

ends(day) := sprintf("until %s", [day]) if day != ""

versioned if input.table.contract.version != ""

taken_back(d) := "withdrawn" if {
	d.from
	not d.to
} else := sprintf("taken back to %s", [d.to]) if lib.major(d.to) < lib.major(d.from)

# over: the last day that was written for a version before the change has come.
over(version) if max([d.from |
	some d in lib.changes(["sunset_changed"])
	d.path in names(version)
]) <= lib.today

# lives: the old version has a last day that is still to come.
lives(version) if sunset(version) > lib.today

# gone_as_announced: the table is dropped when the sunset of its version is over.
gone_as_announced if {
	input.new == null
	sunset(input.table.contract.version) <= lib.today
}

# sunset is the last of the days that are written for a version: of itself, 1.x, 1.
sunset(version) := max([date |
	some key, date in input.table.contract.sunset
	key in names(version)
])

# names are how a version may be written at its sunset: 1.4.0, 1.4, 1.x, 1.
names(version) := {version, trim_suffix(version, ".0"), sprintf("%d.x", [lib.major(version)]), sprintf("%d", [lib.major(version)])}
