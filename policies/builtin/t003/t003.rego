# METADATA
# title: A reader is locked out by the table's protocol
# description: >-
#   The protocol of the table asks its readers for more than one of them understands. Readers are those that the suite
#   declares; one that config.yaml does not describe counts as locked out. Features that only writers must know lock
#   nobody out.
# custom:
#   id: DQ-T003
#   when: change
#   severity: error
#   category: breaking
#   remediation: Leave the feature off until the reader is upgraded, or describe what it reads under readers in config.yaml.
#   why: >-
#     A reader must refuse a table with a feature that it does not know. The protocol cannot be lowered by writing
#     the old one again: the feature has to be dropped, which rewrites files.
#   avoid: |
#     dq table alter warehouse/gold/sales --set delta.enableDeletionVectors=true
#     # while the board reads it with Delta Lake 2.2
#   prefer: |
#     # the suite names its readers
#     readers: [delta@2.4, board@2]
#   configuration: "readers: what a program understands, such as board@2: {reader: 2, features: []}."
package dq.policy.t003

import data.dq.lib

findings contains finding if {
	some d in lib.changes(["protocol_changed"])
	some reader in input.table.declared_readers
	lacks := missing(reader)
	count(lacks) > 0
	finding := {
		"diff_id": d.id,
		"msg": sprintf("%s can no longer read %s: it does not know %s", [reader, input.table.name, concat(", ", sort(lacks))]),
		"evidence": {"reader": reader, "missing": lacks},
	}
}

protocol := input.new.protocol

# needed is what a reader must know. Up to version 2 that is column mapping alone.
needed := {f | some f in protocol.reader_features} if protocol.reader >= 3

needed := {"columnMapping"} if protocol.reader == 2

needed := set() if protocol.reader < 2

missing(program) := needed - lib.understood(program) if lib.reader(program)

missing(program) := {"what config.yaml says of it: nothing"} if {
	not lib.reader(program)
	protocol.reader > 1
}
