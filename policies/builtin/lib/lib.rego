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

# gone are the changes that take a column's name away, with the name that it had.
gone contains {"diff": d, "path": d.path, "how": "dropped"} if {
	some d in input.diff
	d.op == "column_dropped"
}

gone contains {"diff": d, "path": path, "how": sprintf("renamed%s", [concat("", after)])} if {
	some d in input.diff
	d.op == "column_renamed"
	some path in {d.path, object.get(d, "from", d.path)}
	is_string(path)
	not new_column[path]
	after := {sprintf(" to %s", [new]) | some new in {d.path, object.get(d, "to", d.path)}; new_column[new]}
}

# readers lists who reads a column, nearest first.
readers(path) := [reader_by_id[id] | some id in object.get(input.consumers_by_column, path, [])]

reader_by_id := {r.id: r | some r in all_readers}

# all_readers are who reads anything of the table.
all_readers := [object.remove(r, ["columns"]) | some r in input.downstream]

# reader_names writes who reads a column for a message.
reader_names(path) := listed([name_by_id[id] | some id in object.get(input.consumers_by_column, path, [])])

name_by_id := {r.id: sprintf("%s (depth %d)", [r.id, r.depth]) | some r in input.downstream}

# listed writes names for a message: at most ten, then how many more.
listed(names) := concat(", ", names) if count(names) <= 10

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(names, 0, 10)), count(names) - 10]) if count(names) > 10

# shown writes the name of a column for a message, in quotes unless it is plain where it begins and ends.
shown(name) := name if plain(name)

shown(name) := json.marshal(name) if not plain(name)

plain(name) if regex.match(`^[^\s"',;]+( [^\s"',;]+)*$`, name)
