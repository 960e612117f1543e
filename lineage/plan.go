package lineage

import "encoding/json"

// operator is one node of DuckDB's bound logical plan, as much of it as lineage
// needs. Absent numbers are 0: that is what skip_default leaves out.
type operator struct {
	Type     string     `json:"type"`
	Children []operator `json:"children"`

	TableIndex  uint64          `json:"table_index"` // also the index of a CTE
	Expressions json.RawMessage `json:"expressions"` // a list; of EXPRESSION_GET a list of rows

	// LOGICAL_GET
	Name           string          `json:"name"`
	Names          []string        `json:"names"`
	ColumnIndexes  []columnIndex   `json:"column_indexes"`
	ProjectionIDs  *[]uint64       `json:"projection_ids"`
	ProjectedInput []uint64        `json:"projected_input"`
	FunctionData   json.RawMessage `json:"function_data"`

	// joins
	JoinType   string       `json:"join_type"`
	Conditions []condition  `json:"conditions"`
	Condition  *expression  `json:"condition"`
	Eliminated []expression `json:"duplicate_eliminated_columns"`
	Flipped    bool         `json:"delim_flipped"`
	LeftMap    []uint64     `json:"left_projection_map"`
	RightMap   []uint64     `json:"right_projection_map"`

	// LOGICAL_FILTER, LOGICAL_ORDER_BY
	ProjectionMap []uint64 `json:"projection_map"`
	Orders        []order  `json:"orders"`

	// LOGICAL_AGGREGATE_AND_GROUP_BY
	Groups            []expression `json:"groups"`
	GroupingFunctions [][]uint64   `json:"grouping_functions"`
	GroupingsIndex    uint64       `json:"groupings_index"`

	// LOGICAL_DISTINCT, LOGICAL_LIMIT
	DistinctTargets []expression `json:"distinct_targets"`
	OrderBy         *orders      `json:"order_by"`
	LimitVal        *order       `json:"limit_val"`
	OffsetVal       *order       `json:"offset_val"`

	// CTEs and set operations
	CTEIndex    uint64       `json:"cte_index"`
	ColumnCount uint64       `json:"column_count"`
	KeyTargets  []expression `json:"key_targets"`
	UnionAll    bool         `json:"union_all"` // of a recursive CTE

	// LOGICAL_PIVOT
	Pivot struct {
		Groups     uint64            `json:"group_count"`
		Values     []json.RawMessage `json:"pivot_values"` // one for each column that it makes
		Aggregates []json.RawMessage `json:"aggregates"`
	} `json:"bound_pivot"`

	ChunkTypes []json.RawMessage `json:"chunk_types"`
	ExprTypes  []json.RawMessage `json:"expr_types"`
}

type columnIndex struct {
	Index uint64 `json:"index"`
}

type condition struct {
	Left       *expression `json:"left"`
	Right      *expression `json:"right"`
	Comparison string      `json:"comparison"`
}

type order struct {
	Expression *expression `json:"expression"`
}

type orders struct {
	Orders []order `json:"orders"`
}

// expression is a bound expression. References point into the concatenated
// outputs of the operator's children.
type expression struct {
	Class    string       `json:"expression_class"`
	Type     string       `json:"type"`
	Name     string       `json:"name"`
	Children []expression `json:"children"`
	Child    *expression  `json:"child"`
	Left     *expression  `json:"left"`
	Right    *expression  `json:"right"`
	Input    *expression  `json:"input"` // BETWEEN
	Lower    *expression  `json:"lower"`
	Upper    *expression  `json:"upper"`

	CaseChecks []caseCheck `json:"case_checks"`
	Else       *expression `json:"else_expr"`

	Index   uint64 `json:"index"` // BOUND_REF
	Binding struct {
		Table  uint64 `json:"table_index"`
		Column uint64 `json:"column_index"`
	} `json:"binding"` // BOUND_COLUMN_REF

	// aggregates
	Filter  *expression `json:"filter"`
	OrderBy *orders     `json:"order_bys"`

	// windows
	Partitions []expression `json:"partitions"`
	Orders     []order      `json:"orders"`
	Filters    *expression  `json:"filters"`
	Start      *expression  `json:"start_expr"`
	End        *expression  `json:"end_expr"`
	Offset     *expression  `json:"offset_expr"`
	Default    *expression  `json:"default_expr"`
	ArgOrders  []order      `json:"arg_orders"`
}

type caseCheck struct {
	When *expression `json:"when_expr"`
	Then *expression `json:"then_expr"`
}

// lossy reports whether the tree was serialised with skip_empty: every scan has
// projection_ids, empty or not, and only skip_empty takes an empty one away.
func (o *operator) lossy() bool {
	if o.Type == "LOGICAL_GET" && o.ProjectionIDs == nil {
		return true
	}
	for i := range o.Children {
		if o.Children[i].lossy() {
			return true
		}
	}
	return false
}
