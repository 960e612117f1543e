# METADATA
# title: A
# custom: {id: ACME-3, severity: {gold: fatal, default: error}}
package dq.policy.level

findings contains {} if false
