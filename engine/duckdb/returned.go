package duckdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"
)

// countRows has DuckDB count, or count no more, what each operator of a query hands
// on. (10M rows of three columns written: no difference.)
func (s *session) countRows(ctx context.Context, on bool) error {
	const doing = "duckdb: count rows"
	if !on {
		return s.exec(ctx, "PRAGMA disable_profiling", doing)
	}
	if err := s.exec(ctx, `SET custom_profiling_settings = '{"OPERATOR_CARDINALITY": "true", "OPERATOR_TYPE": "true"}'`, doing); err != nil {
		return err
	}
	return s.exec(ctx, "SET enable_profiling = 'no_output'", doing)
}

// returned is how many rows came to the last COPY, by the counts of the operator before it.
func (s *session) returned(doing string) (int64, error) {
	info, err := driver.GetProfilingInfo(s.conn)
	if err != nil {
		return 0, fmt.Errorf("%s: the rows were not counted: %w", doing, err)
	}
	for len(info.Children) == 1 && !strings.HasSuffix(info.Metrics["OPERATOR_TYPE"], "COPY_TO_FILE") {
		info = info.Children[0]
	}
	if len(info.Children) != 1 {
		return 0, fmt.Errorf("%s: the rows were not counted: %q is no COPY", doing, info.Metrics["OPERATOR_TYPE"])
	}
	n, err := handedOn(info.Children[0])
	if err != nil {
		return 0, fmt.Errorf("%s: the rows were not counted: %w", doing, err)
	}
	return n, nil
}

// handedOn is how many rows an operator handed on. Those that only put a result
// together for the operators beside them count none of their own.
func handedOn(op driver.ProfilingInfo) (int64, error) {
	kind, last := op.Metrics["OPERATOR_TYPE"], len(op.Children)-1
	switch {
	case kind == "CTE" && last >= 0:
		return handedOn(op.Children[last]) // the query, after what it is WITH
	case strings.HasSuffix(kind, "_DELIM_JOIN") && last >= 1:
		return handedOn(op.Children[1]) // the join itself
	case kind == "UNION":
		sum := int64(0)
		for _, part := range op.Children {
			n, err := handedOn(part)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
	return strconv.ParseInt(op.Metrics["OPERATOR_CARDINALITY"], 10, 64)
}
