package cel

import (
	"math"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/internal/gamma"
)

// Functions for what is judged of aggregates, such as a distance of
// distributions. Engines compute their last digits otherwise, so of rows the
// reference evaluator computes them.
var statisticsFunctions = []function{
	{name: "ln", style: global, doc: "The natural logarithm of a double; an error unless it is above zero.",
		examples: []string{"ln(1.0) == 0.0", "ln(2.0) > 0.69", "ln(0.5) < 0.0"},
		forms: []form{{id: "ln_double", in: []*types.Type{types.DoubleType}, out: types.DoubleType,
			eval: func(a []ref.Val) ref.Val {
				x := float64(a[0].(types.Double))
				if !(x > 0) {
					return types.NewErr("ln of %v", x)
				}
				return types.Double(math.Log(x))
			}}}},
	{name: "chi2_p", style: global, doc: "The probability that a chi-square variable of some degrees of freedom is at least so great.",
		examples: []string{"chi2_p(0.0, 1) == 1.0", "chi2_p(3.841458820694124, 1) < 0.0500001", "chi2_p(5.0, 2) > 0.08"},
		forms: []form{{id: "chi2_p", in: []*types.Type{types.DoubleType, types.IntType}, out: types.DoubleType,
			eval: func(a []ref.Val) ref.Val {
				x, df := float64(a[0].(types.Double)), int64(a[1].(types.Int))
				if !(x >= 0) || df < 1 {
					return types.NewErr("chi2_p of %v and %d degrees of freedom", x, df)
				}
				return types.Double(gamma.Upper(float64(df)/2, x/2))
			}}}},
	{name: "ks_p", style: global, doc: "The probability that two samples of one distribution, of so many values, have a Kolmogorov-Smirnov distance that is at least so great.",
		examples: []string{"ks_p(0.0, 5, 5) == 1.0", "ks_p(0.6, 5, 5) > 0.357 && ks_p(0.6, 5, 5) < 0.358", "ks_p(1.0, 3, 3) > 0.0999 && ks_p(1.0, 3, 3) < 0.1001", "ks_p(0.01, 1000000, 1000000) < 0.000001"},
		forms: []form{{id: "ks_p", in: []*types.Type{types.DoubleType, types.IntType, types.IntType}, out: types.DoubleType,
			eval: func(a []ref.Val) ref.Val {
				d, n, m := float64(a[0].(types.Double)), int64(a[1].(types.Int)), int64(a[2].(types.Int))
				if !(d >= 0) || d > 1 || n < 1 || m < 1 {
					return types.NewErr("ks_p of the distance %v of %d and %d values", d, n, m)
				}
				return types.Double(smirnov(d, n, m))
			}}}},
}
