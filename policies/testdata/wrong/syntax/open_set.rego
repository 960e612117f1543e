package dq.policy.open_set

findings contains f if {
	f := {1, 2
