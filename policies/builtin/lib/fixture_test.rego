# What the tests of policies share: a change that nothing is wrong with, and waivers.
package dq.fixture_test

# change is an input with this diff; what it is given besides takes the place of what is here.
change(diff, more) := object.union(
	{
		"time": "2026-10-01T06:00:00Z",
		"env": "prod",
		"op": "commit",
		"table": {"name": "silver.orders", "layer": "silver", "owner": "sales"},
		"old": {"columns": [{"path": "id", "type": "int64", "nullable": true}]},
		"new": {"columns": [{"path": "id", "type": "int64", "nullable": true}]},
		"diff": diff,
		"downstream": [],
		"consumers_by_column": {},
		"profile": {"rows": 10, "columns": {}},
		"quality": {"suite": "sha256:1", "gate": "pass"},
		"lineage": {"status": "exact"},
	},
	more,
)

# effects are what is said of a policy's findings when it alone is asked, with or without its waiver.
effects(id, document) := {f.effect |
	some f in data.dq.main.findings with input as document with data.dq.catalog as alone(id)
	f.id == id
}

effects_waived(id, document) := {f.effect |
	some f in data.dq.main.findings with input as document with data.dq.catalog as alone(id) with data.dq.waivers as waiver(id, [])
	f.id == id
}

# effects_waived_at are the paths and effects, with a waiver for one path.
effects_waived_at(id, path, document) := {[f.path, f.effect] |
	some f in data.dq.main.findings with input as document with data.dq.catalog as alone(id) with data.dq.waivers as waiver(id, [path])
	f.id == id
}

waiver(id, paths) := {id: [{
	"id": "w1", "policy": id, "table": "*.*", "paths": paths, "env": ["prod", "dev"], "diff_ops": [],
	"created": "2026-09-20", "expires": "2026-10-01", "approved_by": ["lea"],
}]}

alone(id) := {name: p | some name, p in data.dq.catalog; p.id == id}
