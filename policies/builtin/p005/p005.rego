# METADATA
# title: Personal data outside of production
# description: >-
#   A column with personal data (tag pii.*) is written to an environment other than prod as it is. It counts as
#   masked when lineage says that everything it comes from passed a mask, or when it is tagged masked. Where lineage
#   knows no source, as of a file, only the tag helps.
# custom:
#   id: DQ-P005
#   severity: error
#   category: privacy
#   remediation: Mask the column on the way, for example with sha256, or tag it masked where its source already did.
#   why: >-
#     Test systems have more users, fewer locks and no erasure. Personal data are there for a purpose that nobody agreed to.
#   avoid: |
#     SELECT email FROM prod.customers   -- into dev
#   prefer: |
#     SELECT sha256(email) AS email FROM prod.customers
#   configuration: "modes: {policy: DQ-P005, env: dev, table: ..., mode: off} where it is allowed."
package dq.policy.p005

import data.dq.lib

findings contains finding if {
	input.env != "prod"
	some path, tags in lib.personal_columns
	not masked(path)
	finding := {
		"path": path,
		"msg": sprintf("column %s holds personal data (%s), and is written to %s unmasked", [path, concat(", ", tags), input.env]),
		"evidence": {"tags": tags, "env": input.env},
	}
}

masked(path) if {
	some "masked", _ in lib.new_column[path].tags
}

masked(path) if {
	some source in input.upstream_columns[path]
	source.masking
	count(lib.unmasked(path)) == 0
}
