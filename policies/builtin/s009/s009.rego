# METADATA
# title: A breaking change without a new contract version
# description: >-
#   A change takes away what readers had, but the contract's major version stays; or a new one is published and nobody
#   says how long the old one lives. A table without a contract has no version to raise: that is a warning only.
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
	not input.table.contract.version
	finding := {
		"severity": "warn",
		"msg": sprintf("%s breaks readers (%s), and has no contract whose version could say so", [input.table.name, lib.all_told(lib.breaking)]),
		"evidence": {"changes": [d.id | some d in lib.breaking]},
	}
}

# The contract stays.
findings contains finding if {
	input.table.contract.version
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
	key in {version, trim_suffix(version, ".0"), sprintf("%d.x", [lib.major(version)]), sprintf("%d", [lib.major(version)])}
])
