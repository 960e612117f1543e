// Package gamma has the incomplete gamma function, of which p-values are made.
package gamma

import "math"

// Upper is the regularised upper incomplete gamma function Q(a, x), by its
// series below a+1 and by its continued fraction (Lentz) from there (Numerical
// Recipes, 6.2), to about 14 digits; 1 for x of 0 or less. It takes a above 0.
func Upper(a, x float64) float64 {
	const tiny, eps = 1e-300, 1e-15
	if x <= 0 {
		return 1
	}
	log, _ := math.Lgamma(a)
	scale := math.Exp(-x + a*math.Log(x) - log)
	if x < a+1 {
		sum, term := 1/a, 1/a
		for n := a + 1; math.Abs(term) > math.Abs(sum)*eps; n++ {
			term *= x / n
			sum += term
		}
		return 1 - sum*scale
	}
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for i := 1.0; i < 10_000; i++ {
		an := -i * (i - a)
		b += 2
		if d = an*d + b; math.Abs(d) < tiny {
			d = tiny
		}
		if c = b + an/c; math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		h *= d * c
		if math.Abs(d*c-1) < eps {
			break
		}
	}
	return scale * h
}
