# METADATA
# title: A
# custom: {id: ACME-2}
package dq.policy.severity

findings contains {} if false
