package dq.policy.o002_test

import data.dq.fixture_test as fixture
import data.dq.policy.o002

change(layer, sla, columns) := fixture.change([], {
	"table": {"name": sprintf("%s.sales", [layer]), "layer": layer, "owner": "sales", "sla": sla},
	"new": {"columns": [object.union({"type": "string"}, c) | some c in columns]},
})

messages := {f.msg | some f in o002.findings}

bare := change("gold", {}, [{"path": "amount"}, {"path": "amount.net"}, {"path": "day", "comment": "The day of the sale."}])

test_fires_on_what_is_missing if {
	messages == {"1 columns of gold.sales have no description: amount", "table gold.sales has no service level"} with input as bare
	fixture.effects("DQ-O002", bare) == {"warn"}
}

test_silent_when_all_is_there if {
	count(messages) == 0 with input as change("gold", {"freshness": "26h"}, [{"path": "day", "comment": "The day of the sale."}])
}

test_silent_on_other_layers if {
	count(messages) == 0 with input as change("silver", {}, [{"path": "day"}])
}

test_silent_on_a_table_that_goes if {
	document := fixture.change([], {"new": null, "table": {"name": "gold.sales", "layer": "gold"}})
	count(messages) == 0 with input as document
}

test_waived if fixture.effects_waived("DQ-O002", bare) == {"waived"}
