# METADATA
# title: A property makes the table unsafe
# description: >-
#   A property is set, or is there in a new table, by which rows that were safe no longer are: append-only is lifted,
#   files or the log are kept too short, or the change feed ends while others read the table. A time that cannot be
#   read counts as too short. Properties that were there before are not judged again.
# custom:
#   id: DQ-T002
#   when: change
#   severity: error
#   category: destructive
#   remediation: Leave the property as it was; delete rows with dq table, which records it, instead of lifting the protection.
#   why: >-
#     What is vacuumed is gone: no time travel, no restore, no proof of what a report was made from, and readers that
#     began before fail. A change feed that stops leaves a hole that incremental readers do not see.
#   avoid: |
#     delta.deletedFileRetentionDuration = interval 1 hours
#   prefer: |
#     delta.deletedFileRetentionDuration = interval 30 days
#   configuration: "thresholds.file_retention_days (7): for so many days files and the log are kept at least."
package dq.policy.t002

import data.dq.lib

findings contains finding if {
	some name, diff_id in changed
	some problem in problems(name)
	finding := {
		"diff_id": diff_id,
		"msg": sprintf("%s of %s %s", [name, input.table.name, problem]),
		"evidence": {"property": name, "from": was(name), "to": value(name)},
	}
}

# changed are the properties that are as they are by this change.
changed := object.union(
	{d.path: d.id | some d in lib.changes(["property_changed"])},
	{name: d.id | some d in lib.changes(["table_created"]); some name, _ in input.new.properties},
)

value(name) := object.get(input.new, ["properties", name], "")

was(name) := object.get(input.old, ["properties", name], "") if {
	is_object(input.old)
} else := ""

problems(name) := ["is lifted: rows may be changed and deleted"] if {
	name == "delta.appendOnly"
	was(name) == "true"
	value(name) != "true"
}

problems(name) := [sprintf("is %s: at least %d days are kept", [value(name), days])] if {
	name in {"delta.deletedFileRetentionDuration", "delta.logRetentionDuration"}
	value(name) != ""
	not long_enough(value(name))
}

problems(name) := [sprintf("is off, but the table is read by %s", [lib.listed([r.id | some r in lib.all_readers])])] if {
	name == "delta.enableChangeDataFeed"
	was(name) == "true"
	value(name) != "true"
	count(lib.all_readers) > 0
}

days := data.dq.config.thresholds.file_retention_days

# long_enough: a time is written as Spark writes intervals, interval 1 week 2 days.
long_enough(interval) if {
	regex.match(`^(interval\s+)?(\d+\s*[a-z]+\s*)+$`, lower(interval))
	parts := regex.find_all_string_submatch_n(`(\d+)\s*([a-z]+?)s?(?:\s|$)`, lower(interval), -1)
	hours := [h | some p in parts; h := to_number(p[1]) * hours_of[p[2]]]
	count(hours) == count(parts)
	sum(hours) >= days * 24
}

hours_of := {"week": 168, "day": 24, "hour": 1, "minute": 1 / 60, "second": 1 / 3600, "millisecond": 0, "microsecond": 0}
