package dq.policy.main

findings := set()
