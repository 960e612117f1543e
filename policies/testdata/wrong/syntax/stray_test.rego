package dq.policy.stray

test_x if true
