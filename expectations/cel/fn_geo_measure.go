package cel

import (
	"encoding/json"
	"math"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// What is measured of geometries, in a plane and in the unit of their coordinates,
// and of places on the globe, in metres. The reference measures it.
var geoMeasures = []function{
	ofGeometry("geometryType", types.StringType, "The type of a geometry in WKT or GeoJSON by its name in GeoJSON. An error where a text is no geometry.",
		func(text string, _ geometry) ref.Val { return types.String(typeOfGeometry(text)) },
		"geometryType('POINT (1 2)') == 'Point'", "geometryType('MULTIPOLYGON EMPTY') == 'MultiPolygon'", `geometryType('{"type": "Point", "coordinates": [1, 2]}') == 'Point'`),
	ofGeometry("geometryArea", types.DoubleType, "The area of the polygons of a geometry without their holes, in a plane; 0 of points and lines. An error where a text is no geometry.",
		func(_ string, g geometry) ref.Val { return types.Double(g.area()) },
		"geometryArea('POLYGON ((0 0, 0 2, 3 2, 3 0, 0 0))') == 6.0", "geometryArea('POINT (1 2)') == 0.0", "geometryArea('POLYGON ((0 0, 0 4, 4 4, 4 0, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))') == 15.0"),
	ofGeometry("geometryPoints", types.IntType, "The number of positions that a geometry is written with, where a ring ends with its first one again; 0 of an empty geometry. An error where a text is no geometry.",
		func(_ string, g geometry) ref.Val { return types.Int(g.points()) },
		"geometryPoints('LINESTRING (0 0, 1 1, 2 2)') == 3", "geometryPoints('POLYGON ((0 0, 0 1, 1 1, 0 0))') == 4", "geometryPoints('POINT EMPTY') == 0"),
	{name: "geoDistance", style: global,
		doc:      "The distance of two places on the globe in metres along its surface, as a sphere of 6371008.8 m: of latitude and longitude in degrees, and those of the other place. An error of a number that is no latitude or longitude.",
		examples: []string{"geoDistance(0.0, 0.0, 0.0, 0.0) == 0.0", "round(geoDistance(59.33, 18.07, 48.86, 2.35) / 1000.0) == 1543.0", "round(geoDistance(0.0, -180.0, 0.0, 180.0)) == 0.0"},
		forms: []form{{id: "geo_distance", in: []*types.Type{types.DoubleType, types.DoubleType, types.DoubleType, types.DoubleType}, out: types.DoubleType,
			eval: func(a []ref.Val) ref.Val {
				var degrees [4]float64
				for i := range degrees {
					degrees[i] = float64(a[i].(types.Double))
					if limit := 90 * float64(1+i%2); !(math.Abs(degrees[i]) <= limit) {
						return types.NewErr("%v is no latitude or longitude", degrees[i])
					}
				}
				return types.Double(haversine(degrees[0], degrees[1], degrees[2], degrees[3]))
			}}}},
}

// ofGeometry is a function of one geometry.
func ofGeometry(name string, out *types.Type, doc string, of func(text string, g geometry) ref.Val, examples ...string) function {
	return function{name: name, style: global, doc: doc, examples: examples,
		forms: []form{{id: name, in: []*types.Type{types.StringType}, out: out,
			eval: func(a []ref.Val) ref.Val {
				text := string(a[0].(types.String))
				g, err := parseGeometry(text)
				if err != nil {
					return types.NewErr("%v", err)
				}
				return of(text, g)
			}}}}
}

// geometryTypes are the names of types in GeoJSON by those in WKT.
var geometryTypes = map[string]string{"POINT": "Point", "LINESTRING": "LineString", "POLYGON": "Polygon", "MULTIPOINT": "MultiPoint",
	"MULTILINESTRING": "MultiLineString", "MULTIPOLYGON": "MultiPolygon", "GEOMETRYCOLLECTION": "GeometryCollection"}

// typeOfGeometry names the type of a text that is a geometry.
func typeOfGeometry(s string) string {
	text := strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(text, "["):
		return "Point"
	case strings.HasPrefix(text, "{"):
		var object struct{ Type string }
		_ = json.Unmarshal([]byte(text), &object)
		return object.Type
	}
	text = strings.ToUpper(text)
	if rest, ok := strings.CutPrefix(text, "SRID="); ok {
		_, text, _ = strings.Cut(rest, ";")
	}
	w := wkt{text: text}
	kind := w.next()
	for _, suffix := range []string{"", "ZM", "Z", "M"} {
		if name, ok := geometryTypes[strings.TrimSuffix(kind, suffix)]; ok {
			return name
		}
	}
	return kind
}

func (g geometry) area() float64 {
	area := 0.0
	for _, rings := range g.polygons {
		for i, ring := range rings {
			twice := 0.0
			for j := range ring[1:] {
				twice += ring[j].x*ring[j+1].y - ring[j+1].x*ring[j].y
			}
			if i == 0 {
				area += math.Abs(twice) / 2
			} else {
				area -= math.Abs(twice) / 2
			}
		}
	}
	return area
}

func (g geometry) points() int {
	n := 0
	for _, line := range g.lines {
		n += len(line)
	}
	for _, rings := range g.polygons {
		for _, ring := range rings {
			n += len(ring)
		}
	}
	return n
}

// earthRadius is the mean radius of the earth in metres (IUGG).
const earthRadius = 6371008.8

// haversine is the distance of two places, by degrees.
func haversine(lat, lon, toLat, toLon float64) float64 {
	radians := math.Pi / 180
	half := func(degrees float64) float64 { s := math.Sin(degrees * radians / 2); return s * s }
	h := half(toLat-lat) + math.Cos(lat*radians)*math.Cos(toLat*radians)*half(toLon-lon)
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}
