package duckdb

import (
	"encoding/json"
	"slices"
	"strings"

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
		Width int `json:"width"`
		Scale int `json:"scale"`
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
				if c, ok := e.condition(get); ok {
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

// exact sees through casts of a column that change none of its values and cannot fail.
func (n *node) exact() *node {
	for n != nil && n.Type == "OPERATOR_CAST" && !n.Try && n.Child != nil {
		from, to := n.Child.Return, n.Return
		before, after := from.Info.Width-from.Info.Scale, to.Info.Width-to.Info.Scale
		switch {
		case integers[from.ID] > 0 && integers[to.ID] >= integers[from.ID]:
		case integers[from.ID] > 0 && to.ID == "DECIMAL" && after >= integers[from.ID]:
		case from.ID == "DECIMAL" && to.ID == "DECIMAL" && to.Info.Scale >= from.Info.Scale && after >= before:
		default:
			return n
		}
		n = n.Child
	}
	return n
}

// integers are the types of integers, and the digits that they can have.
var integers = map[string]int{"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 39}

// comparisons are those that [engine.Condition] has, and what they are with their
// sides turned around.
var comparisons = map[string][2]string{
	"COMPARE_EQUAL": {"=", "="}, "COMPARE_NOTEQUAL": {"<>", "<>"}, "COMPARE_LESSTHAN": {"<", ">"}, "COMPARE_GREATERTHAN": {">", "<"},
	"COMPARE_LESSTHANOREQUALTO": {"<=", ">="}, "COMPARE_GREATERTHANOREQUALTO": {">=", "<="},
}

// condition reads a comparison of a column with constants.
func (n *node) condition(get *node) (c engine.Condition, ok bool) {
	if op, is := comparisons[n.Type]; is {
		at, constant := n.Left, n.Right
		c.Op = op[0]
		if _, ok := at.exact().column(get); !ok {
			at, constant, c.Op = n.Right, n.Left, op[1]
		}
		if c.Column, ok = at.exact().column(get); !ok {
			return c, false
		}
		text, ok := constant.constant(at.exact().Return.ID)
		c.Values = []string{text}
		return c, ok
	}
	if len(n.Children) == 0 {
		return c, false
	}
	at := n.Children[0].exact()
	if c.Column, ok = at.column(get); !ok {
		return c, false
	}
	switch n.Type {
	case "OPERATOR_IS_NULL":
		c.Op = "IS NULL"
	case "OPERATOR_IS_NOT_NULL":
		c.Op = "IS NOT NULL"
	case "COMPARE_IN":
		c.Op = "IN"
		for i := range n.Children[1:] {
			text, ok := n.Children[i+1].constant(at.Return.ID)
			if !ok {
				return c, false
			}
			c.Values = append(c.Values, text)
		}
	default:
		return c, false
	}
	return c, true
}

// constant gives the canonical text of a constant that is compared with a column of
// that type, where it is sure what the engine makes of it.
func (n *node) constant(column string) (string, bool) {
	if n == nil {
		return "", false
	}
	var casts []kind
	for n.Type == "OPERATOR_CAST" && !n.Try && n.Child != nil {
		casts = append(casts, n.Return)
		n = n.Child
	}
	if n.Type != "VALUE_CONSTANT" || n.Value.Null {
		return "", false
	}
	from := n.Value.Type.ID
	to := from
	for _, c := range slices.Backward(casts) {
		if to != from && c.ID != to || from == "DECIMAL" && c.Info.Scale < n.Value.Type.Info.Scale {
			return "", false // something between that may round
		}
		to = c.ID
	}
	numbers := integers[column] > 0 || column == "DECIMAL"
	switch {
	case from == "VARCHAR":
		var text string
		if json.Unmarshal(n.Value.Value, &text) != nil {
			return "", false
		}
		zoned := strings.HasSuffix(text, "Z") || strings.HasSuffix(text, "+00") || strings.HasSuffix(text, "+00:00")
		if strings.HasSuffix(text, "+00") {
			text = strings.TrimSuffix(text, "+00") + "Z"
		}
		switch {
		case column == "VARCHAR" && to == "VARCHAR", column == "DATE" && to == "DATE":
			return text, true
		case column == "TIMESTAMP" && to == "TIMESTAMP":
			return text, !zoned
		case column == "TIMESTAMP WITH TIME ZONE" && to == column:
			return text, zoned // any other is at the session's own time zone
		}
	case integers[from] > 0 && (numbers && (integers[to] > 0 || to == "DECIMAL") || column == "DOUBLE" && to == "DOUBLE"):
		text := string(n.Value.Value)
		return text, strings.Trim(text, "-0123456789") == ""
	case from == "DECIMAL" && numbers && to == "DECIMAL":
		// It is written without its point.
		text, minus := strings.CutPrefix(string(n.Value.Value), "-")
		if text == "" || strings.Trim(text, "0123456789") != "" {
			return "", false
		}
		scale := n.Value.Type.Info.Scale
		if len(text) <= scale {
			text = strings.Repeat("0", scale-len(text)+1) + text
		}
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
		if minus {
			text = "-" + text
		}
		return strings.TrimSuffix(text, "."), true
	case from == "DOUBLE" && column == "DOUBLE" && to == "DOUBLE":
		text := string(n.Value.Value)
		return text, strings.Trim(text, "+-.eE0123456789") == ""
	}
	return "", false
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
