# METADATA
# title: A
# custom: {id: ACME-5, severity: warn}
package dq.policy.again

findings contains {} if false
