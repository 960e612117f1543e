package profiling_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/table"
)

// session stands for an engine's: it knows a table of four rows, of which one has no country.
type session struct{ engine.Session }

func (session) Query(_ context.Context, sql string) (*engine.Rows, error) {
	switch {
	case sql == `SELECT count(*) FROM "orders"`:
		return &engine.Rows{Values: [][]any{{int64(4)}}}, nil
	case strings.HasPrefix(sql, "SELECT"): // nulls, empty, untrimmed, lengths, min, max
		return &engine.Rows{Values: [][]any{{int64(1), int64(0), int64(0), int64(2), int64(6), "France", "UK"}}}, nil
	}
	// Different values, also when folded, and how often there is each.
	return &engine.Rows{Values: [][]any{{int64(0), nil, nil, int64(2), true}, {int64(1), nil, nil, int64(2), true},
		{int64(0), "UK", nil, int64(2), false}, {int64(0), "France", nil, int64(1), false}}}, nil
}

type dialect struct{ engine.Dialect }

func (dialect) Name() string             { return "duckdb" }
func (dialect) Ident(s string) string    { return `"` + s + `"` }
func (dialect) Relation(s string) string { return `"` + s + `"` }

func Example() {
	schema := table.Schema{Fields: []table.Field{{Name: "country", Type: table.Type{Kind: table.String}, Nullable: true}}}
	p, err := profiling.Profile(context.Background(), session{}, dialect{}, "orders", schema, profiling.Options{})
	if err != nil {
		panic(err)
	}
	c := p.Columns[0]
	fmt.Println(c.Name, c.Distinct, "values from", c.Min, "to", c.Max)
	for _, v := range c.Top {
		fmt.Println(v.Count, v.Value)
	}
	for _, a := range p.Alerts {
		fmt.Println(a.Column+":", a.Message)
	}
	// Output:
	// country 2 values from France to UK
	// 2 UK
	// 1 France
	// country: 1 of 4 rows are null (25.0 %)
}
