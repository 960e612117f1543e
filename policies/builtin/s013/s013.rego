# METADATA
# title: A column of a source is missing or renamed
# description: >-
#   A file or topic that feeds a bronze table no longer has a column that its suite names or a model reads.
#   Added columns pass: they are kept, and nobody reads them yet. As long as nobody does they may also go again;
#   the rows of a file without them get null.
# custom:
#   id: DQ-S013
#   when: change
#   severity: error
#   category: breaking
#   rank: 0
#   remediation: >-
#     Ask the source for the column. If the change is meant, change the models that read it, and let it through once with a waiver.
#   why: >-
#     A source that renames a column does not say so. The rows come without it, as nulls, and every sum is quietly wrong
#     until somebody looks.
#   avoid: |
#     id,amt          # yesterday it was id,amount
#   prefer: |
#     waivers:
#       - {id: w-9, policy: DQ-S013, table: bronze.orders, paths: [amount], reason: The shop renames it to amt as agreed.}
#   configuration: "None."
package dq.policy.s013

import data.dq.lib

findings contains finding if {
	input.table.layer == "bronze"
	some gone in lib.gone
	finding := {
		"path": gone.path,
		"diff_id": gone.diff.id,
		"msg": sprintf("column %s of the source of %s is %s%s", [lib.shown(gone.path), input.table.name, missing(gone.how), added]),
		"evidence": {"added": added_columns, "consumers": lib.readers(gone.path)},
	}
}

missing(how) := "missing" if how == "dropped"

missing(how) := how if how != "dropped"

# A file cannot say that it renamed a column: one is missing and another is new.
added := sprintf("; new in it: %s", [lib.listed([lib.shown(path) | some path in added_columns])]) if count(added_columns) > 0

added := "" if count(added_columns) == 0

added_columns := [d.path | some d in lib.changes(["column_added"])]
