package cel

import (
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Bits of ints, as in cel-go's math extension. Shifts take a count of at least 0;
// 64 and more give 0. A shift to the right fills with zeros.
var bitFunctions = []function{
	bitPair("math.bitAnd", "&", "The bits that are set in both ints.", func(a, b int64) int64 { return a & b },
		"math.bitAnd(12, 10) == 8", "math.bitAnd(-1, 7) == 7", "math.bitAnd(4, 3) == 0"),
	bitPair("math.bitOr", "|", "The bits that are set in one of the ints.", func(a, b int64) int64 { return a | b },
		"math.bitOr(12, 10) == 14", "math.bitOr(0, 7) == 7", "math.bitOr(-1, 3) == -1"),
	{name: "math.bitXor", style: global, doc: "The bits that are set in just one of two ints.",
		examples: []string{"math.bitXor(12, 10) == 6", "math.bitXor(7, 7) == 0", "math.bitXor(-1, 0) == -1"},
		forms: []form{{id: "bit_xor", in: []*types.Type{types.IntType, types.IntType}, out: types.IntType, total: true,
			eval: func(a []ref.Val) ref.Val { return a[0].(types.Int) ^ a[1].(types.Int) },
			duckdb: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("xor(CAST(%s AS BIGINT), CAST(%s AS BIGINT))", a[0].sql, a[1].sql), nil
			},
			spark: func(w *writer, a []term) (string, error) { return bitSQL("^", a), nil }}}},
	{name: "math.bitNot", style: global, doc: "The int with all its bits changed.",
		examples: []string{"math.bitNot(0) == -1", "math.bitNot(-1) == 0", "math.bitNot(5) == -6"},
		forms: []form{{id: "bit_not", in: []*types.Type{types.IntType}, out: types.IntType, total: true,
			eval:   func(a []ref.Val) ref.Val { return ^a[0].(types.Int) },
			duckdb: bitNotSQL, spark: bitNotSQL}}},
	{name: "math.bitShiftLeft", style: global, doc: "The int with its bits moved to the left; an error for a negative count.",
		examples: []string{"math.bitShiftLeft(1, 4) == 16", "math.bitShiftLeft(1, 64) == 0", "math.bitShiftLeft(3, 0) == 3"},
		forms: []form{{id: "bit_shift_left", in: []*types.Type{types.IntType, types.IntType}, out: types.IntType,
			eval: func(a []ref.Val) ref.Val {
				n := a[1].(types.Int)
				if n < 0 {
					return types.NewErr("a shift by %d", n)
				}
				return types.Int(int64(a[0].(types.Int)) << min(uint64(n), 64))
			},
			// Spark has ints of 64 bits only, so that nothing stops what is shifted out.
			spark: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("CASE WHEN %s >= 64 THEN CASE WHEN %s IS NOT NULL THEN 0L END WHEN %s >= 0 THEN shiftleft(CAST(%s AS BIGINT), CAST(%s AS INT)) END",
					a[1].sql, a[0].sql, a[1].sql, a[0].sql, a[1].sql), nil
			}}}},
	{name: "math.bitShiftRight", style: global, doc: "The int with its bits moved to the right, zeros coming in; an error for a negative count.",
		examples: []string{"math.bitShiftRight(16, 4) == 1", "math.bitShiftRight(-1, 63) == 1", "math.bitShiftRight(1, 64) == 0"},
		forms: []form{{id: "bit_shift_right", in: []*types.Type{types.IntType, types.IntType}, out: types.IntType,
			eval: func(a []ref.Val) ref.Val {
				n := a[1].(types.Int)
				if n < 0 {
					return types.NewErr("a shift by %d", n)
				}
				return types.Int(uint64(a[0].(types.Int)) >> min(uint64(n), 64))
			},
			// The sign bits that DuckDB brings in are masked away.
			duckdb: func(w *writer, a []term) (string, error) {
				x, n := "CAST("+a[0].sql+" AS BIGINT)", a[1].sql
				return fmt.Sprintf("CASE WHEN %s >= 64 THEN CASE WHEN %s IS NOT NULL THEN 0 END WHEN %s = 0 THEN %s WHEN %s > 0 THEN (%s >> %s) & (9223372036854775807 >> (%s - 1)) END",
					n, x, n, x, n, x, n, n), nil
			},
			spark: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("CASE WHEN %s >= 64 THEN CASE WHEN %s IS NOT NULL THEN 0L END WHEN %s >= 0 THEN shiftrightunsigned(CAST(%s AS BIGINT), CAST(%s AS INT)) END",
					a[1].sql, a[0].sql, a[1].sql, a[0].sql, a[1].sql), nil
			}}}},
}

func bitPair(name, op, doc string, of func(a, b int64) int64, examples ...string) function {
	emit := func(w *writer, a []term) (string, error) { return bitSQL(op, a), nil }
	return function{name: name, style: global, doc: doc, examples: examples, forms: []form{{
		id: name, in: []*types.Type{types.IntType, types.IntType}, out: types.IntType, total: true,
		eval:   func(a []ref.Val) ref.Val { return types.Int(of(int64(a[0].(types.Int)), int64(a[1].(types.Int)))) },
		duckdb: emit, spark: emit}}}
}

func bitSQL(op string, a []term) string {
	return fmt.Sprintf("(CAST(%s AS BIGINT) %s CAST(%s AS BIGINT))", a[0].sql, op, a[1].sql)
}

func bitNotSQL(w *writer, a []term) (string, error) {
	return "(~CAST(" + a[0].sql + " AS BIGINT))", nil
}
