# METADATA
# title: A
# custom: {id: DQ-X001, severity: warn}
package dq.policy.reserved

findings contains {} if false
