package cel

import (
	"math"
	"testing"
)

func TestGeometryDistance(t *testing.T) {
	const square = "POLYGON ((0 0, 0 10, 10 10, 10 0, 0 0), (4 4, 4 6, 6 6, 6 4, 4 4))"
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"POINT (0 0)", "POINT (3 4)", 5},
		{"POINT (5 5)", square, 1},                    // in the hole
		{"POINT (1 1)", square, 0},                    // inside
		{"POLYGON ((1 1, 1 2, 2 2, 1 1))", square, 0}, // a polygon inside
		{"LINESTRING (-5 5, 20 5)", square, 0},        // across
		{"LINESTRING (0 1, 2 1)", "LINESTRING (1 0, 1 2)", 0},
		{"LINESTRING (0 0, 2 0)", "LINESTRING (3 0, 4 0)", 1},
		{"MULTIPOINT (0 0, 9 9)", "POINT (9 8)", 1},
		{"GEOMETRYCOLLECTION (POINT (0 0), LINESTRING (5 5, 6 6))", "POINT (6 7)", 1},
		{"MULTIPOLYGON (((0 0, 0 1, 1 1, 1 0, 0 0)), ((5 5, 5 6, 6 6, 6 5, 5 5)))", "POINT (5.5 5.5)", 0},
		{`{"type": "MultiLineString", "coordinates": [[[0, 0], [1, 0]], [[5, 5], [6, 5]]]}`, "POINT (6 7)", 2},
		{"POINT Z (1 2 3)", "SRID=4326;POINTM(1 2 9)", 0},
		{"POINT EMPTY", "POINT (0 0)", math.Inf(1)},
	} {
		a, errA := parseGeometry(c.a)
		b, errB := parseGeometry(c.b)
		if errA != nil || errB != nil {
			t.Errorf("%s, %s: %v, %v", c.a, c.b, errA, errB)
			continue
		}
		if d, back := a.distance(b), b.distance(a); d != c.want || back != c.want {
			t.Errorf("%s to %s: %v and back %v, want %v", c.a, c.b, d, back, c.want)
		}
	}
}

// FuzzGeometry: whatever the text is, it is a geometry with finite positions or
// none, and a geometry lies at no distance from itself.
func FuzzGeometry(f *testing.F) {
	for _, s := range []string{"POINT (1 2)", "MULTIPOINT ((1 2), (3 4))", "POLYGON ((0 0, 0 1, 1 1, 0 0))", "GEOMETRYCOLLECTION (POINT EMPTY, LINESTRING ZM (0 0 0 0, 1 1 1 1))",
		"SRID=1;POINT(1 2)", `{"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}`, "[1, 2]", `{"type": "GeometryCollection", "geometries": []}`, "POINT (1e400 0)", "((((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := parseGeometry(s)
		if err != nil {
			return
		}
		if d := g.distance(g); d != 0 && !math.IsInf(d, 1) && !math.IsNaN(d) {
			t.Errorf("%q is %v from itself", s, d)
		}
	})
}

// TestSmirnov compares with scipy.stats.ks_2samp.
func TestSmirnov(t *testing.T) {
	for _, c := range []struct {
		d    float64
		n, m int64
		want float64
	}{{0.6, 5, 5, 0.35714285714285715}, {0.4, 5, 5, 0.873015873015873}, {1, 3, 3, 0.1}, {0.5, 4, 2, 0.9333333333333333}, {0.625, 8, 4, 0.2222222222222222}} {
		if got := smirnov(c.d, c.n, c.m); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v of %d and %d: %v, want %v", c.d, c.n, c.m, got, c.want)
		}
	}
	if exact, limit := smirnov(0.05, 4000, 4000), smirnov(0.05, 6000, 6000); limit > exact || limit < exact/10000 {
		t.Errorf("the limit %v does not follow %v", limit, exact)
	}
}
