# METADATA
# title: A column's name makes trouble
# description: >-
#   A new or renamed column has a name that another one has in other letters' case, which is refused; or that is not
#   snake_case, or a word that SQL reserves, which is a warning. Columns of bronze keep the names that their source gives
#   them: there only the case counts. Names that were there before are not judged again.
# custom:
#   id: DQ-S011
#   when: change
#   severity: error
#   category: quality
#   remediation: Name it in small letters with underscores, such as order_date, and not as SQL's own words.
#   why: >-
#     Delta Lake and most engines take names without regard to case, so of two such columns one cannot be read. Names
#     with capitals, blanks or reserved words must be quoted in every query, and are not.
#   avoid: |
#     SELECT id AS "Order", total AS "Unit price", Total AS total
#   prefer: |
#     SELECT id AS order_id, total AS unit_price
#   configuration: "reserved_words: the words, in place of those that DuckDB reserves."
package dq.policy.s011

import data.dq.lib

findings contains finding if {
	some path, diff_id in named
	same := folded[lower(path)]
	count(same) > 1
	finding := {
		"path": path,
		"diff_id": diff_id,
		"msg": sprintf("columns %s differ in case only", [concat(" and ", same)]),
		"evidence": {"columns": same},
	}
}

findings contains finding if {
	input.table.layer != "bronze"
	some path, diff_id in named
	some problem in problems(last(path))
	finding := {
		"path": path,
		"diff_id": diff_id,
		"severity": "warn",
		"msg": sprintf("column %s %s", [lib.shown(path), problem]),
	}
}

# named are the columns that have their name by this change.
named := object.union(
	{d.path: d.id | some d in lib.changes(["column_added", "column_renamed"])},
	{path: d.id | some d in lib.changes(["table_created"]); some path, _ in lib.new_column},
)

folded := {} if count({lower(p) | some p, _ in lib.new_column}) == count(lib.new_column)

else := {l: [p | some p in sort([p | some p, _ in lib.new_column]); lower(p) == l] |
	some l in {lower(path) | some path, _ in named}
}

problems(name) := array.concat(
	["is not snake_case" | not regex.match(`^_?\p{Ll}[\p{Ll}\p{Nd}]*(_[\p{Ll}\p{Nd}]+)*$`, name)],
	["is a word that SQL reserves" | lower(name) in reserved],
)

reserved := {w | some w in data.dq.config.reserved_words}

last(path) := parts[count(parts) - 1] if parts := split(path, ".")
