package cel

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Likeness of texts. DuckDB counts bytes, which is something else than letters.
var distanceFunctions = []function{{name: "levenshtein", style: global,
	doc:      "The number of insertions, deletions and replacements of characters that make one text of the other.",
	examples: []string{"levenshtein('kitten', 'sitting') == 3", "levenshtein('', 'abc') == 3", "levenshtein('日本', '日') == 1"},
	forms: []form{{id: "levenshtein", in: []*types.Type{types.StringType, types.StringType}, out: types.IntType, total: true,
		eval: func(a []ref.Val) ref.Val {
			return types.Int(levenshtein([]rune(string(a[0].(types.String))), []rune(string(a[1].(types.String)))))
		},
		spark: func(w *writer, a []term) (string, error) {
			return "CAST(levenshtein(" + a[0].sql + ", " + a[1].sql + ") AS BIGINT)", nil
		}}}}}

func levenshtein(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
