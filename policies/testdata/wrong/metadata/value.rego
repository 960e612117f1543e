# METADATA
# title: B
# custom: {id: ACME-077, severity: warn}
package dq.policy.value

findings := "every change is forbidden"
