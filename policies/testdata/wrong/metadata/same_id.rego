# METADATA
# title: B
# custom: {id: ACME-5, severity: warn}
package dq.policy.same_id

findings contains {} if false
