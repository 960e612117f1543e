package dq.policy.open_rule

findings contains f if

