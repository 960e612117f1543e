# METADATA
# title: A
# custom: {id: ACME-31, severity: error, rank: first}
package dq.policy.rank

findings contains {} if false
