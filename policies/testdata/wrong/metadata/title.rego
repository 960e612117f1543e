# no metadata
package dq.policy.title

findings contains {} if false
