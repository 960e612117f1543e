# METADATA
# title: Personal data reach a column that does not say so
# description: >-
#   Values of a column with personal data (tag pii.*) arrive as they are in a column that is classified lower, or that
#   has no pii tag. Lineage says what arrives: direct and not masked, by a hash or a count for example. The tag
#   pii.none ends it where the values were computed; of a mere copy it is not believed. A column without a class is
#   below all, a class that config.yaml does not list above all.
# custom:
#   id: DQ-P002
#   severity: error
#   category: privacy
#   remediation: Mask the values in the model (sha256), leave the column out, or give it the tag and the class of its source.
#   why: >-
#     Who may see a column is decided by its tags and class. Data that lose them on the way are open to everyone at the
#     next table, and no inventory of personal data finds them there.
#   avoid: |
#     SELECT email AS contact FROM silver.customers   -- contact has no tag
#   prefer: |
#     SELECT sha256(email) AS contact_hash FROM silver.customers
#   configuration: "classifications ([public, internal, confidential, restricted]): the lowest first."
package dq.policy.p002

import data.dq.lib

findings contains finding if {
	some path, sources in arriving
	column := lib.new_column[path]
	not startswith(column.type, "bool")
	reasons := {reason: sprintf("%s.%s", [source.table, source.path]) |
		some source in sources
		some reason in problems(source, column)
	}
	some reason, name in reasons
	finding := {
		"path": path,
		"msg": sprintf("column %s has the personal data of %s as they are, but %s", [path, name, reason]),
		"evidence": {"source": name},
	}
}

# arriving are the sources with personal data whose values arrive as they are.
arriving[path] contains source if {
	some path, sources in input.upstream_columns
	some source in sources
	some tag, _ in source.tags
	startswith(tag, "pii")
	lib.is_personal(tag)
	source.type == "DIRECT"
	not source.masking
}

problems(source, column) := array.concat(
	["no pii tag" | untagged(source, column)],
	[sprintf("is classified %s, not %s", [named(lib.class_of(column)), source.classification]) |
		height(object.get(source, "classification", "")) > height(lib.class_of(column))
	],
)

untagged(source, column) if {
	count(lib.personal(column)) == 0
	not computed_none(source, column)
}

computed_none(source, column) if {
	source.transform != "IDENTITY"
	some "pii.none", _ in column.tags
}

height("") := -1

height(class) := object.get(lib.rank, class, count(lib.rank)) if class != ""

named("") := "nowhere"

named(class) := class if class != ""
