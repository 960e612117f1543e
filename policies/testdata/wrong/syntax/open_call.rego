package dq.policy.open_call

findings contains f if {
	f := concat(", ", ["é", `[`]
