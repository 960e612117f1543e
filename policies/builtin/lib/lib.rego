# METADATA
# title: What policies share
# description: >-
#   Indexes over the input, each computed once for a decision. Users' policies may import data.dq.lib.
#   They are comprehensions, not partial rules: OPA would evaluate those again for every key that is asked for.
package dq.lib

# old_column and new_column give a column by its path.
old_column := {c.path: c | some c in columns(input.old)}

new_column := {c.path: c | some c in columns(input.new)}

columns(shape) := object.get(shape, "columns", []) if is_object(shape)

# changes are the entries of the diff with one of the operations.
changes(ops) := [d | some op in ops; some d in object.get(by_op, op, [])]

by_op := {op: [d | some d in input.diff; d.op == op] | some op in {d.op | some d in input.diff}}

# breaking are the changes that take away what readers had, whether or not the
# entry says that it breaks forward. Not among them are a type that only becomes
# wider without loss (DQ-S004 says who cannot read it), a column that may be null
# from now on (DQ-S006), and constraints (DQ-T004).
breaking := [d | some d in input.diff; takes_away(d)]

takes_away(d) if d.op in {"column_dropped", "column_renamed", "primary_key_changed", "table_dropped", "table_renamed"}

else := object.get(d, "class", "") != "widening_lossless" if d.op == "column_type_changed"

else if {
	not d.op in {"column_nullability_changed", "constraint_dropped", "constraint_changed"}
	"forward" in d.breaks
}

# about names the column that a change is about, as readers know it, or the table.
about(d) := object.get(d, "from", d.path) if {
	d.op == "column_renamed"
} else := object.get(d, "path", "")

# told writes a change for a message: column_dropped amount.
told(d) := trim_space(concat(" ", [d.op, about(d)]))

# all_told writes changes for a message; of those after the tenth it only says how many.
all_told(changed) := listed(array.concat([told(d) | some d in array.slice(changed, 0, 10)], array.slice(changed, 10, count(changed))))

# gone are the changes that take a column's name away, with the name that it had.
gone := array.concat(
	[{"diff": d, "path": d.path, "how": "dropped"} | some d in changes(["column_dropped"])],
	[{"diff": d, "path": path, "how": concat(" to ", array.concat(["renamed"], sort(after)))} |
		some d in changes(["column_renamed"])
		some path in {d.path, object.get(d, "from", d.path)}
		is_string(path)
		not new_column[path]
		after := {new | some new in {d.path, object.get(d, "to", d.path)}; new_column[new]}
	],
)

# readers lists who reads a column, nearest first.
readers(path) := [reader_by_id[id] | some id in object.get(input.consumers_by_column, path, [])]

reader_by_id := {r.id: object.remove(r, ["columns", "not_null"]) | some r in input.downstream}

# all_readers are who reads anything of the table.
all_readers := [object.remove(r, ["columns", "not_null"]) | some r in input.downstream]

# reader_names writes who reads a column for a message.
reader_names(path) := listed([name_by_id[id] | some id in object.get(input.consumers_by_column, path, [])])

name_by_id := {r.id: sprintf("%s (depth %d)", [r.id, r.depth]) | some r in input.downstream}

# today is the day of the input, and day_ns its beginning.
today := substring(input.time, 0, 10)

# days_since is how many days lie between a date and today; undefined if it is none.
days_since(date) := floor((day_ns(today) - day_ns(date)) / 86400000000000)

day_ns(date) := time.parse_rfc3339_ns(sprintf("%sT00:00:00Z", [date])) if regex.match(`^\d{4}-\d{2}-\d{2}$`, date)

# approvers are who agreed to the change, no later than now, and neither wrote nor
# asks for it, however they write their names.
approvers := {id |
	some a in input.change.approvals
	id := trim_space(a.id)
	id != ""
	not lower(id) in involved
	given(a.at)
}

involved := {lower(trim_space(id)) | some id in [input.change.author]} | {lower(trim_space(id)) | some id in [input.actor.id]}

# given says that a time is not in the future; of years without nanoseconds (0001 for none) nothing is.
given(at) if {
	at > "1970"
	at < "2262"
	time.parse_rfc3339_ns(at) <= time.parse_rfc3339_ns(input.time)
}

# privacy_approvers are those of them that are in the group that may agree to less protection.
privacy_approvers := approvers & {id | some id in data.dq.config.groups[data.dq.config.privacy_group]}

# personal are the tags that say which personal data a column holds: pii and pii.*, but not pii.none.
personal(column) := [tag | some tag, _ in column.tags; startswith(tag, "pii"); is_personal(tag)]

is_personal("pii")

is_personal(tag) if {
	startswith(tag, "pii.")
	tag != "pii.none"
}

# personal_columns are the columns that hold personal data, with those tags.
personal_columns := {path: personal(column) |
	some path, column in new_column
	some tag, _ in column.tags
	startswith(tag, "pii")
	is_personal(tag)
}

# unmasked are the columns that values of a column come from as they are.
unmasked(path) := [source | some source in input.upstream_columns[path]; not source.masking; source.type == "DIRECT"]

# class_of is the classification of a column, or of its table, or "".
class_of(column) := column.classification if {
	column.classification != ""
} else := object.get(input.table, "classification", "")

# rank says how high a classification is: 0 is the lowest. One that config.yaml does not list has none.
rank := {c: i | some i, c in data.dq.config.classifications}

# listed writes names for a message: at most ten, then how many more.
listed(names) := concat(", ", names) if count(names) <= 10

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(names, 0, 10)), count(names) - 10]) if count(names) > 10

# shown writes the name of a column for a message, in quotes unless it is plain where it begins and ends.
shown(name) := name if plain(name)

shown(name) := json.marshal(name) if not plain(name)

plain(name) if regex.match(`^[^\s"',;]+( [^\s"',;]+)*$`, name)

# understood are the table features that a program knows, by its name, else by what stands before @ in it.
understood(program) := {f | some f in reader(program).features}

reader(program) := known if {
	known := data.dq.config.readers[program]
} else := data.dq.config.readers[split(program, "@")[0]]

# new_major is the change of the contract's version, when it publishes a new major one.
new_major := d if {
	some d in changes(["contract_version_changed"])
	major(d.to) > major(d.from)
}

# major is the first number of a version: 2 of v2.1.0.
major(version) := to_number(regex.find_all_string_submatch_n(`^v?(\d+)(\.|$)`, version, 1)[0][1]) if is_string(version)
