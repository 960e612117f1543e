# METADATA
# title: Personal data without a tag
# description: >-
#   A column's name, its tags or classification, or the values that a profile saw suggest
#   personal data, but no tag pii.* says so. A column that only looks so is tagged pii.none. Values speak once a
#   profile was made (op commit); names, tags and classes speak before.
# custom:
#   id: DQ-P004
#   severity: {bronze: warn, silver: warn, default: error}
#   category: privacy
#   remediation: Tag the column in its suite, for example tags [pii.email]; or pii.none when it holds no personal data.
#   why: >-
#     Columns that nobody tagged are in no inventory of personal data, in no report under article 30 of the GDPR, and no
#     policy keeps them out of tables where they do not belong.
#   avoid: |
#     columns:
#       contact: {type: string}   # ada@example.com, lea@example.com ...
#   prefer: |
#     columns:
#       contact: {type: string, tags: [pii.email]}
#   configuration: "thresholds.suspect_percent (50): of so many percent of the values it must look so."
package dq.policy.p004

import data.dq.lib

findings contains finding if {
	some path, found in signs
	column := lib.new_column[path]
	holds_values(column)
	not tagged(column)
	finding := {
		"path": path,
		"diff_id": concat("", [d.id | some d in lib.changes(["column_added"]); d.path == path]),
		"msg": sprintf("column %s looks like personal data (%s), but has no pii tag", [path, concat(", ", found)]),
		"evidence": {"signs": found},
	}
}

# Yes or no, and the wrapping of nested columns, hold nothing personal by themselves.
holds_values(column) if not regex.match(`^(bool|struct<|array<|map<)`, column.type)

tagged(column) if {
	some tag, _ in column.tags
	startswith(tag, "pii.")
}

# signs are what speaks for personal data, by column.
signs[path] contains sprintf("its name says %s", [kind]) if {
	some path, _ in lib.new_column
	regex.match(may_be_a_word, path) # expressions are slow: they are asked about few columns only
	some kind, words in names
	regex.match(sprintf("(?i)%s", [words]), path)
}

signs[path] contains sprintf("its tag is %s", [tag]) if {
	some tag in telling(`(?i)^(personal|private|gdpr|sensitive)`, {t | some column in lib.new_column; some t, _ in column.tags})
	some path, column in lib.new_column
	_ = column.tags[tag]
}

signs[path] contains sprintf("its classification is %s", [class]) if {
	some class in telling(`(?i)^(personal|pii|special_?category)`, {column.classification | some column in lib.new_column})
	some path, column in lib.new_column
	column.classification == class
}

telling(pattern, words) := {word | some word in words; regex.match(pattern, word)}

signs[path] contains sprintf("%d%% of its values look like %s", [round(suspect.ratio * 100), suspect.kind]) if {
	some path, column in input.profile.columns
	some suspect in column.pii_suspects
	suspect.ratio * 100 >= data.dq.config.thresholds.suspect_percent
}

# may_be_a_word screens by how the words in names end, or what they contain.
may_be_a_word := `(?i)(ace|ail|ame|ate|ban|ber|bic|cvv|day|ddr|dob|ear|eet|ess|fax|id|ip|mei|mes|nce|nin|no|nr|nse|num|ode|one|pan|rth|ssn|zip)$|birth|passport`

# Whole words where a part of a longer word would mislead; a count or a rate of
# something personal is not personal.
names := {
	"email": `e_?mail(_?addr(ess)?)?$`,
	"phone": `(tele)?phone(_?(no|nr|num|number))?$|mobile(_?(no|nr|num|number|phone))$|(^|[._])fax(_?(no|nr|num|number))?$`,
	"name": `(first|last|middle|given|family|maiden|full|sur|customer|client|person|user|contact|card_?holder)_?names?$`,
	"address": `(street|postal|home|billing|shipping|delivery|customer|client|mailing)_?addr(ess)?$|(^|[._])(address|street|house_?(no|nr|number)|post_?code|postal_?code|zip(_?code)?)$`,
	"birth": `birth_?(date|day|place|year)|date_?of_?birth|(^|[._])dob$`,
	"key of a person": `(^|[._])(customer|client|person|patient|employee|member|subscriber|passenger|user)_?(id|no|nr|num|number)$`,
	"identity": `passport_?(no|nr|num|number|id)|(^|[._])(ssn|nin|tax_?id|national_?id|social_?security(_?(no|nr|num|number))?|driving_?licence|drivers?_?license)$`,
	"bank or card": `(^|[._])(iban|bic|pan|cvv|account_?(no|nr|num|number)|(credit_?)?card_?(no|nr|num|number))$`,
	"network address": `(^|[._])(ip|ip_?addr(ess)?|mac_?addr(ess)?|device_?id|imei)$`,
}
