# METADATA
# title: A waiver is over, used up or too wide
# description: >-
#   A waiver covers a finding, but its last day is over, or it let findings through in as many versions as its
#   max_uses says: the finding counts again. Or a waiver that names no paths lets more findings of one change through
#   than it can have been meant for. Of a waiver that is over the finding is no harder than the one that it was for.
#   What a waiver may say at all is checked when its file is read; uses are counted in the log of decisions.
# custom:
#   id: DQ-W001
#   severity: error
#   category: process
#   remediation: >-
#     Mend what the waiver was for and remove it, or have it approved anew with a later date or more uses;
#     if it is too wide, name the paths that are meant.
#   why: >-
#     An exemption that nobody ends is a rule that nobody made. One that covers more than its reason speaks of hides
#     the next mistake as well.
#   avoid: |
#     waivers:
#       - {id: w-7, policy: DQ-S001, table: silver.*, expires: 2026-09-30}   # over, and for everything
#   prefer: |
#     waivers:
#       - {id: w-8, policy: DQ-S001, table: silver.orders, paths: [old_code], expires: 2026-11-15}
#   configuration: "thresholds.waived_findings (10): without paths, a waiver covers so many findings of one change."
package dq.w001

import data.dq.main

# It stands beside dq.policy, because it looks at what is said of the findings of all
# policies there.
findings contains finding if {
	some found in main.waivable
	found.waiver == null
	some w in main.waivers_here[found.id]
	w.expires < main.today
	main.names(w, found)
	finding := {
		"path": found.path,
		"diff_id": found.diff_id,
		"severity": severity(found),
		"msg": sprintf("waiver %s for %s ended on %s", [w.id, found.id, w.expires]),
		"evidence": {"waiver": w.id, "policy": found.id, "expires": w.expires, "approved_by": w.approved_by},
	}
}

findings contains finding if {
	some found in main.waivable
	found.waiver == null
	some w in main.waivers_here[found.id]
	w.id in main.spent
	main.running(w)
	main.names(w, found)
	finding := {
		"path": found.path,
		"diff_id": found.diff_id,
		"severity": severity(found),
		"msg": sprintf("waiver %s for %s is used up: it held for %d of %d versions", [w.id, found.id, w.max_uses, w.max_uses]),
		"evidence": {"waiver": w.id, "policy": found.id, "max_uses": w.max_uses, "approved_by": w.approved_by},
	}
}

findings contains finding if {
	some policy, waivers in main.waivers_here
	some w in waivers
	count(w.paths) == 0
	n := count([found | some found in main.waivable; found.waiver; found.waiver.id == w.id])
	n > data.dq.config.thresholds.waived_findings
	finding := {
		"msg": sprintf("waiver %s is too wide: it lets %d findings of %s through and names no paths", [w.id, n, policy]),
		"evidence": {"waiver": w.id, "policy": policy, "findings": n, "limit": data.dq.config.thresholds.waived_findings},
	}
}

# severity: it denies only where the finding that it is about does.
severity(found) := "error" if found.effect == "deny"

severity(found) := "warn" if found.effect != "deny"
