# METADATA
# title: B
# custom: {id: ACME-6, severity: warn}
package dq.policy.again

findings contains 1 if false
