package gx

import (
	"fmt"
	"strconv"
	"strings"
)

// shapes is a rule on geometries that are near one of several shapes, or on points
// in a polygon that its corners give.
func (r Rule) shapes() ([]Rule, error) {
	column, ok := r.Params["column"].(string)
	if !ok {
		return nil, refused("the expectation names no column")
	}
	if r.Params["country"] != nil {
		return nil, refused("it needs a map of the world")
	}
	if corners, ok := r.Params["polygon"].([]any); ok {
		shape, err := polygon(corners)
		if err != nil {
			return nil, err
		}
		delete(r.Params, "polygon")
		r.Params["shapes"] = shape
	}
	list, ok := r.Params["shapes"].([]any)
	if !ok {
		list = []any{r.Params["shapes"]}
	}
	limit := "0.0"
	if x, ok := r.Params["max"].(float64); ok {
		limit = decimal(x)
	}
	var parts []string
	for _, s := range list {
		shape, ok := s.(string)
		if !ok {
			return nil, refused("the shape %v is no text", s)
		}
		parts = append(parts, fmt.Sprintf("geometryDistance(%s, %s) <= %s", quote(column), strconv.Quote(shape), limit))
	}
	return []Rule{r.row(strings.Join(parts, " || "), quote(column)+" != null")}, nil
}

// polygon is WKT of corners, [[x, y], ...].
func polygon(corners []any) (string, error) {
	var parts []string
	for _, c := range corners {
		p, ok := numbers(c)
		if !ok || len(p) != 2 {
			return "", refused("the corner %v is no [longitude, latitude]", c)
		}
		parts = append(parts, fmt.Sprintf("%v %v", p[0], p[1]))
	}
	if len(parts) < 3 {
		return "", refused("a polygon has three corners at least")
	}
	if parts[0] != parts[len(parts)-1] {
		parts = append(parts, parts[0])
	}
	return "POLYGON ((" + strings.Join(parts, ", ") + "))", nil
}
