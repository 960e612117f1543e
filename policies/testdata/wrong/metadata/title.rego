# no metadata
package dq.policy.title

findings := set()
