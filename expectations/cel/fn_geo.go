package cel

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Geometries in text: WKT (OGC 06-103r4, also with SRID=...; before it) or GeoJSON
// (RFC 7946, also a position alone: [x, y]). Engines have other geometries or none,
// so these go to the reference.
var geoFunctions = []function{
	textTestOf("isGeoJSON", "Whether a text is a GeoJSON object of RFC 7946: a geometry, a feature or a collection of them.",
		func(s string) bool {
			var object map[string]json.RawMessage
			return json.Unmarshal([]byte(s), &object) == nil && geoJSONObject(object)
		}, nil, `isGeoJSON('{"type": "Point", "coordinates": [125.6, 10.1]}')`, `!isGeoJSON('{"type": "Point"}')`, "!isGeoJSON('{}')"),
	textTestOf("isGeometry", "Whether a text is a geometry in WKT or GeoJSON.",
		func(s string) bool { _, err := parseGeometry(s); return err == nil }, nil,
		"isGeometry('POINT (1 2)')", `isGeometry('{"type": "Point", "coordinates": [1, 2]}')`, "!isGeometry('POINT (1)')"),
	{name: "geometryDistance", style: global,
		doc:      "The distance of two geometries in a plane, in the unit of their coordinates; 0 where they touch or one lies in a polygon of the other. An error where a text is no geometry, or an empty one.",
		examples: []string{"geometryDistance('POINT (0 0)', 'POINT (3 4)') == 5.0", "geometryDistance('POINT (1 1)', 'POLYGON ((0 0, 0 2, 2 2, 2 0, 0 0))') == 0.0", "geometryDistance('[0, 3]', 'LINESTRING (-1 0, 1 0)') == 3.0"},
		forms: []form{{id: "geometry_distance", in: []*types.Type{types.StringType, types.StringType}, out: types.DoubleType,
			eval: func(a []ref.Val) ref.Val {
				var shapes [2]geometry
				for i := range shapes {
					g, err := parseGeometry(string(a[i].(types.String)))
					if err != nil {
						return types.NewErr("%v", err)
					}
					shapes[i] = g
				}
				d := shapes[0].distance(shapes[1])
				if math.IsInf(d, 1) {
					return types.NewErr("an empty geometry is nowhere")
				}
				return types.Double(d)
			}}}},
}

type position struct{ x, y float64 }

// geometry is lines, of which points have one position, and polygons, each with its
// rings, the holes after the outer one.
type geometry struct {
	lines    [][]position
	polygons [][][]position
}

var errGeometry = errors.New("the text is no geometry in WKT or GeoJSON")

func parseGeometry(s string) (g geometry, err error) {
	text := strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(text, "{"):
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &object) != nil || !g.addJSON(object) {
			return g, errGeometry
		}
		return g, nil
	case strings.HasPrefix(text, "["):
		p, ok := jsonPosition(json.RawMessage(text))
		if !ok {
			return g, errGeometry
		}
		g.lines = append(g.lines, []position{p})
		return g, nil
	}
	if rest, ok := strings.CutPrefix(strings.ToUpper(text), "SRID="); ok {
		if _, text, ok = strings.Cut(rest, ";"); !ok {
			return g, errGeometry
		}
	}
	w := wkt{text: strings.ToUpper(text)}
	if !w.geometry(&g, 0) || w.next() != "" {
		return g, errGeometry
	}
	return g, nil
}

// closed reports whether positions are a ring.
func closed(ring []position) bool { return len(ring) >= 4 && ring[0] == ring[len(ring)-1] }

// add takes the lists of positions that a geometry of a type has.
func (g *geometry) add(kind string, lists [][]position) bool {
	switch kind {
	case "POLYGON":
		for _, ring := range lists {
			if !closed(ring) {
				return false
			}
		}
		g.polygons = append(g.polygons, lists)
		return true
	case "LINESTRING":
		for _, line := range lists {
			if len(line) < 2 {
				return false
			}
		}
	}
	g.lines = append(g.lines, lists...)
	return true
}

// wkt reads well-known text, in capitals.
type wkt struct{ text string }

// next takes a word, a number or a sign off the text.
func (w *wkt) next() string {
	w.text = strings.TrimLeft(w.text, " \t\r\n")
	end := strings.IndexAny(w.text, " \t\r\n(),")
	switch {
	case end < 0:
		end = len(w.text)
	case end == 0:
		end = 1
	}
	token := w.text[:end]
	w.text = w.text[end:]
	return token
}

func (w *wkt) peek() string { c := *w; return c.next() }

// deepest is how many collections may lie in each other.
const deepest = 32

func (w *wkt) geometry(g *geometry, depth int) bool {
	kind := w.next()
	for _, suffix := range []string{"ZM", "Z", "M"} { // POINT Z and POINTZ
		if w.peek() == suffix {
			w.next()
			break
		}
		if k, ok := strings.CutSuffix(kind, suffix); ok && k != "" {
			kind = k
			break
		}
	}
	if w.peek() == "EMPTY" {
		w.next()
		_, known := wktTypes[kind]
		return known || kind == "GEOMETRYCOLLECTION"
	}
	if kind == "GEOMETRYCOLLECTION" {
		return depth < deepest && w.list(func() bool { return w.geometry(g, depth+1) })
	}
	t, known := wktTypes[kind]
	if !known {
		return false
	}
	if t.many && t.of != "POINT" {
		return w.list(func() bool { return w.one(g, t.of) })
	}
	return w.one(g, kind)
}

type wktType struct {
	of   string
	many bool
}

var wktTypes = map[string]wktType{"POINT": {"POINT", false}, "LINESTRING": {"LINESTRING", false}, "POLYGON": {"POLYGON", false},
	"MULTIPOINT": {"POINT", true}, "MULTILINESTRING": {"LINESTRING", true}, "MULTIPOLYGON": {"POLYGON", true}}

// one reads what stands in brackets after a type.
func (w *wkt) one(g *geometry, kind string) bool {
	var lists [][]position
	positions := func() bool {
		var list []position
		ok := w.list(func() bool {
			inner := kind == "MULTIPOINT" && w.peek() == "("
			if inner {
				w.next()
			}
			p, ok := w.position()
			list = append(list, p)
			return ok && (!inner || w.next() == ")")
		})
		if kind == "MULTIPOINT" {
			for _, p := range list {
				lists = append(lists, []position{p})
			}
			return ok
		}
		lists = append(lists, list)
		return ok && (kind != "POINT" || len(list) == 1)
	}
	if kind == "POLYGON" {
		return w.list(positions) && g.add(kind, lists)
	}
	return positions() && g.add(kind, lists)
}

// list reads items between brackets.
func (w *wkt) list(item func() bool) bool {
	if w.next() != "(" {
		return false
	}
	for {
		if !item() {
			return false
		}
		switch w.next() {
		case ")":
			return true
		case ",":
		default:
			return false
		}
	}
}

// position reads two numbers, and up to two more that do not count.
func (w *wkt) position() (p position, ok bool) {
	var numbers []float64
	for len(numbers) < 5 {
		if t := w.peek(); t == "" || strings.ContainsAny(t, "(),") {
			break
		}
		x, err := strconv.ParseFloat(w.next(), 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return p, false
		}
		numbers = append(numbers, x)
	}
	if len(numbers) < 2 || len(numbers) > 4 {
		return p, false
	}
	return position{numbers[0], numbers[1]}, true
}

// geoJSONObject reports whether an object is a geometry, a feature or a
// collection of features.
func geoJSONObject(object map[string]json.RawMessage) bool {
	var kind string
	_ = json.Unmarshal(object["type"], &kind)
	switch kind {
	case "Feature":
		var properties map[string]json.RawMessage
		own, ok := object["properties"]
		if !ok || json.Unmarshal(own, &properties) != nil {
			return false
		}
		of, ok := object["geometry"]
		var inner map[string]json.RawMessage
		if !ok || json.Unmarshal(of, &inner) != nil {
			return false
		}
		return inner == nil || new(geometry).addJSON(inner) // null: it is nowhere
	case "FeatureCollection":
		var features []map[string]json.RawMessage
		if json.Unmarshal(object["features"], &features) != nil || features == nil {
			return false
		}
		for _, f := range features {
			var kind string
			if _ = json.Unmarshal(f["type"], &kind); kind != "Feature" || !geoJSONObject(f) {
				return false
			}
		}
		return true
	}
	return new(geometry).addJSON(object)
}

// addJSON adds a geometry of GeoJSON.
func (g *geometry) addJSON(object map[string]json.RawMessage) bool {
	var kind string
	if json.Unmarshal(object["type"], &kind) != nil {
		return false
	}
	if kind == "GeometryCollection" {
		var parts []map[string]json.RawMessage
		if json.Unmarshal(object["geometries"], &parts) != nil || parts == nil {
			return false
		}
		for _, p := range parts {
			if !g.addJSON(p) {
				return false
			}
		}
		return true
	}
	t, known := wktTypes[strings.ToUpper(kind)]
	if !known || kind != map[string]string{"POINT": "Point", "LINESTRING": "LineString", "POLYGON": "Polygon", "MULTIPOINT": "MultiPoint", "MULTILINESTRING": "MultiLineString", "MULTIPOLYGON": "MultiPolygon"}[strings.ToUpper(kind)] {
		return false
	}
	parts := []json.RawMessage{object["coordinates"]}
	if t.many && (json.Unmarshal(object["coordinates"], &parts) != nil || parts == nil) {
		return false
	}
	for _, part := range parts {
		lists := []json.RawMessage{part}
		if t.of == "POLYGON" && (json.Unmarshal(part, &lists) != nil || lists == nil) {
			return false
		}
		var found [][]position
		for _, list := range lists {
			items := []json.RawMessage{list}
			if t.of != "POINT" && (json.Unmarshal(list, &items) != nil || items == nil) {
				return false
			}
			var line []position
			for _, item := range items {
				p, ok := jsonPosition(item)
				if !ok {
					return false
				}
				line = append(line, p)
			}
			found = append(found, line)
		}
		if !g.add(t.of, found) {
			return false
		}
	}
	return true
}

func jsonPosition(raw json.RawMessage) (position, bool) {
	var numbers []*float64
	if json.Unmarshal(raw, &numbers) != nil || len(numbers) < 2 || numbers[0] == nil || numbers[1] == nil {
		return position{}, false
	}
	return position{*numbers[0], *numbers[1]}, true
}

// distance is the least one of two geometries, infinite when one is empty.
func (g geometry) distance(o geometry) float64 {
	if g.within(o) || o.within(g) {
		return 0
	}
	least := math.Inf(1)
	for _, a := range g.all() {
		for _, b := range o.all() {
			for i := range max(len(a)-1, 1) {
				for j := range max(len(b)-1, 1) {
					least = min(least, segments(a[i], a[min(i+1, len(a)-1)], b[j], b[min(j+1, len(b)-1)]))
				}
			}
		}
	}
	return least
}

// all are the lines and the rings.
func (g geometry) all() [][]position {
	lines := g.lines
	for _, rings := range g.polygons {
		lines = append(lines[:len(lines):len(lines)], rings...)
	}
	return lines
}

// within reports whether a position of the geometry lies in a polygon of the other.
func (g geometry) within(o geometry) bool {
	for _, line := range g.all() {
		for _, p := range line {
			for _, rings := range o.polygons {
				in := false
				for _, ring := range rings { // of a hole it is outside
					if p.inside(ring) {
						in = !in
					}
				}
				if in {
					return true
				}
			}
		}
	}
	return false
}

// inside counts how often a ray to the right meets the ring.
func (p position) inside(ring []position) bool {
	in := false
	for i := range ring[1:] {
		a, b := ring[i], ring[i+1]
		if (a.y > p.y) != (b.y > p.y) && p.x < (b.x-a.x)*(p.y-a.y)/(b.y-a.y)+a.x {
			in = !in
		}
	}
	return in
}

// segments is the distance of two segments, each of which may be a point.
func segments(a, b, c, d position) float64 {
	turn := func(p, q, r position) float64 { return (q.x-p.x)*(r.y-p.y) - (q.y-p.y)*(r.x-p.x) }
	if turn(a, b, c)*turn(a, b, d) < 0 && turn(c, d, a)*turn(c, d, b) < 0 {
		return 0 // they cross
	}
	return min(a.to(c, d), b.to(c, d), c.to(a, b), d.to(a, b))
}

// to is the distance of a position from a segment.
func (p position) to(a, b position) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := 0.0
	if length := dx*dx + dy*dy; length > 0 {
		t = min(max(((p.x-a.x)*dx+(p.y-a.y)*dy)/length, 0), 1)
	}
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}
