# METADATA
# title: A
# custom: {severity: error}
package dq.policy.id

findings contains {} if false
