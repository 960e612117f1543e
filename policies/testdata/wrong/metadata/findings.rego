# METADATA
# title: A
# custom: {id: ACME-4, severity: warn}
package dq.policy.findings

allow := true
