package dq.policy.s001

findings := set()
