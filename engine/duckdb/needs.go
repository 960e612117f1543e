package duckdb

import (
	"encoding/json"
	"slices"

	"github.com/dq-dev/dq/engine"
)

// node is an operator or an expression of a bound plan, as far as [needs] looks at it.
type node struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Children    []node `json:"children"`
	Expressions []node `json:"expressions"`

	// LOGICAL_GET
	Names         []string          `json:"names"`
	ColumnIndexes []json.RawMessage `json:"column_indexes"`
	ProjectionIDs []uint64          `json:"projection_ids"`

	// expressions
	Left   *node  `json:"left"`
	Right  *node  `json:"right"`
	Child  *node  `json:"child"`
	Try    bool   `json:"try_cast"`
	Index  uint64 `json:"index"`
	Return kind   `json:"return_type"`
	Value  struct {
		Type  kind            `json:"type"`
		Null  bool            `json:"is_null"`
		Value json.RawMessage `json:"value"`
	} `json:"value"`

	// aggregates
	Groups    []node          `json:"groups"`
	Filter    *node           `json:"filter"`
	OrderBy   json.RawMessage `json:"order_bys"`
	Aggregate string          `json:"aggregate_type"`
}

type kind struct {
	ID   string `json:"id"`
	Info struct {
		Width  int `json:"width"`
		Scale  int `json:"scale"`
		Fields []struct {
			Name string `json:"first"`
			Type kind   `json:"second"`
		} `json:"child_types"`
	} `json:"type_info"`
}

// needs finds what a plan asks of the only relation that it scans, if it scans
// that once: conditions that rows must meet, and whether its result is nothing
// but the number of rows and the extremes of columns of all of them.
func needs(tree []byte) (where []engine.Condition, totals []engine.Total) {
	var plan struct{ Plans []node }
	if json.Unmarshal(tree, &plan) != nil || len(plan.Plans) != 1 {
		return nil, nil
	}
	root := &plan.Plans[0]
	if scans, parent := root.scan(nil); scans == 1 && parent != nil {
		get := &parent.Children[0]
		if parent.Type == "LOGICAL_FILTER" {
			for _, e := range parent.Expressions {
				if c, ok := e.condition(get, false); ok {
					where = append(where, c)
				}
			}
		}
	}
	return where, root.totals()
}

// scan counts the scans of tables in a plan, and gives the operator above the last.
func (n *node) scan(above *node) (count int, parent *node) {
	if n.Type == "LOGICAL_GET" && n.Name == "seq_scan" {
		return 1, above
	}
	for i := range n.Children {
		c, p := n.Children[i].scan(n)
		count += c
		if p != nil {
			parent = p
		}
	}
	return count, parent
}

// column is the name of the column of a scan that an expression refers to.
func (n *node) column(get *node) (string, bool) {
	if n == nil || n.Type != "BOUND_REF" || len(get.ProjectionIDs) > 0 || n.Index >= uint64(len(get.ColumnIndexes)) {
		return "", false
	}
	var at struct {
		Index    uint64            `json:"index"`
		Children []json.RawMessage `json:"child_indexes"`
	}
	if json.Unmarshal(get.ColumnIndexes[n.Index], &at) != nil || len(at.Children) > 0 || at.Index >= uint64(len(get.Names)) {
		return "", false
	}
	return get.Names[at.Index], true
}

// totals are what the columns of a plan's result are, when each is count(*), or
// min or max of a column, over a whole relation; else nil.
func (n *node) totals() []engine.Total {
	if n.Type != "LOGICAL_PROJECTION" || len(n.Children) != 1 || n.Children[0].Type != "LOGICAL_AGGREGATE_AND_GROUP_BY" {
		return nil
	}
	a := &n.Children[0]
	if len(a.Groups) > 0 || len(a.Children) != 1 || a.Children[0].Type != "LOGICAL_GET" || a.Children[0].Name != "seq_scan" {
		return nil
	}
	var out []engine.Total
	for _, e := range n.Expressions {
		if e.Type != "BOUND_REF" || e.Index >= uint64(len(a.Expressions)) {
			return nil
		}
		f := &a.Expressions[e.Index]
		if f.Type != "BOUND_AGGREGATE" || f.Filter != nil || f.OrderBy != nil || f.Aggregate != "NON_DISTINCT" {
			return nil
		}
		t := engine.Total{Of: f.Name}
		switch {
		case f.Name == "count_star" && len(f.Children) == 0:
			t.Of = "count"
		case slices.Contains([]string{"min", "max"}, f.Name) && len(f.Children) == 1:
			var ok bool
			if t.Column, ok = f.Children[0].column(&a.Children[0]); !ok {
				return nil
			}
		default:
			return nil
		}
		out = append(out, t)
	}
	return out
}
