# METADATA
# title: A widened type cannot be read
# description: >-
#   A type becomes wider, but the files that are there keep the old one, and not every reader can put up with that.
#   Where all rows are written anew nothing is mixed. Of readers only those that the suite declares are known; one
#   that config.yaml does not describe counts as one that cannot. A type that holds some values only nearly, as double
#   does of decimal, is a warning besides, however it is written.
# custom:
#   id: DQ-S004
#   when: change
#   severity: error
#   category: breaking
#   remediation: Write the table anew (dq run --full-refresh), or turn on type widening once all its readers know it.
#   why: >-
#     Delta Lake reads files of an older, narrower type only with the table feature typeWidening, which came with 4.0
#     (3.2 as a preview) and does not cover every widening. Without it a reader fails on the first old file.
#   avoid: |
#     -- files with int32 and with int64 in one table, without typeWidening
#     ALTER TABLE orders ALTER COLUMN line TYPE BIGINT
#   prefer: |
#     # the suite says who reads it, and the table is written anew
#     readers: [delta@3.0]
#   configuration: "readers: what a program understands, such as board@2: {reader: 3, features: [typeWidening]}."
package dq.policy.s004

import data.dq.lib

findings contains finding if {
	some d in lib.changes(["column_type_changed"])
	d.class in {"widening_lossless", "widening_lossy"}
	not input.rewrite
	some problem in problems(d)
	finding := {
		"path": d.path,
		"diff_id": d.id,
		"msg": sprintf("column %s changes from %v to %v: %s", [d.path, object.get(d, "from", "?"), object.get(d, "to", "?"), problem]),
		"evidence": {"class": d.class, "declared_readers": object.get(input.table, "declared_readers", [])},
	}
}

findings contains finding if {
	some d in lib.changes(["column_type_changed"])
	d.class == "widening_lossy"
	finding := {
		"path": d.path,
		"diff_id": d.id,
		"severity": "warn",
		"msg": sprintf("column %s changes from %v to %v, which holds some values only nearly", [d.path, object.get(d, "from", "?"), object.get(d, "to", "?")]),
		"evidence": {"class": d.class},
	}
}

problems(_) := ["the files that are there keep the old type, and the table has no type widening"] if count(widening) == 0

problems(d) := ["the files that are there keep the old type, and type widening does not cover this"] if {
	count(widening) > 0
	not covered(d)
}

problems(d) := [sprintf("%s cannot read widened types", [reader]) |
	some reader in input.table.declared_readers
	not reads(reader)
] if {
	count(widening) > 0
	covered(d)
}

widening := {f | some f in input.new.protocol.features; f in {"typeWidening", "typeWidening-preview"}}

# covered: integers do not become floats that way, nor does anything lose digits.
covered(d) if {
	d.class == "widening_lossless"
	not float_from_integer(d)
}

float_from_integer(d) if {
	d.to == "float"
	startswith(d.from, "int")
}

reads(reader) if widening - lib.understood(reader) == set()
