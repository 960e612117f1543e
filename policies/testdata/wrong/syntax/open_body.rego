package dq.policy.open_body

findings contains f if {
	input.table.name == "a{" # {
	f := {}
