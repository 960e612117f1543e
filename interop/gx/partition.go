package gx

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// partition turns {values: [a, b], weights: [0.5, 0.5]} into weights by value, and
// {bins: [0, 1, 2], weights: [0.5, 0.5]} into CEL.
func (r Rule) partition() ([]Rule, error) {
	p, _ := r.Params["weights"].(map[string]any)
	values, _ := p["values"].([]any)
	weights, ok := numbers(p["weights"])
	switch {
	case !ok:
		return nil, refused("partition_object needs weights that are numbers")
	case p["bins"] != nil && r.Kind == "kl_divergence":
		return r.bins(p, weights)
	case p["bins"] != nil:
		return nil, refused("partitions by bins are known for the divergence alone")
	case len(values) == 0 || len(values) != len(weights):
		return nil, refused("partition_object needs values and as many weights")
	case r.Params["internal_holdout"] != nil && r.Params["internal_holdout"] != 0.0:
		return nil, refused("internal_weight_holdout belongs to bins")
	}
	if math.Abs(sum(weights)-1) > 1e-8+1e-5 {
		return nil, refused("the weights add up to %v, not to 1", sum(weights))
	}
	by := map[string]any{}
	for i, v := range values {
		by[fmt.Sprint(v)] = weights[i]
	}
	r.Params["weights"] = by
	if r.Params["others"] == 0.0 {
		delete(r.Params, "others")
	}
	for _, name := range []string{"internal_holdout", "bucketize"} {
		delete(r.Params, name)
	}
	return []Rule{r}, nil
}

func numbers(v any) ([]float64, bool) {
	list, _ := v.([]any)
	out := make([]float64, len(list))
	for i, item := range list {
		x, ok := item.(float64)
		if !ok {
			return nil, false
		}
		out[i] = x
	}
	return out, len(out) > 0
}

func sum(xs []float64) float64 {
	total := 0.0
	for _, x := range xs {
		total += x
	}
	return total
}

// bucket is an interval of numbers with the weight that is expected of it.
type bucket struct {
	condition string
	weight    float64
}

// bins is the divergence of a column of numbers from the weights of intervals, in
// CEL. The ends may be infinite, have weights of their own, or hold some weight
// out of that of the intervals.
func (r Rule) bins(p map[string]any, weights []float64) ([]Rule, error) {
	column, _ := r.Params["column"].(string)
	limit, isNumber := r.Params["max"].(float64)
	edges, _ := p["bins"].([]any)
	tails, hasTails := numbers(p["tail_weights"])
	tailHoldout, _ := r.Params["others"].(float64)
	holdout, _ := r.Params["internal_holdout"].(float64)
	switch {
	case column == "" || !isNumber || len(edges) < 2 || len(weights) != len(edges)-1 || hasTails && len(tails) != 2:
		return nil, refused("partition_object needs bins, a weight for each interval, and two tail_weights or none")
	case r.Params["bucketize"] == false:
		return nil, refused("bins need bucketize_data")
	case math.Abs(sum(weights)+sum(tails)-1) > 1e-8+1e-5:
		return nil, refused("the weights add up to %v, not to 1", sum(weights)+sum(tails))
	case tailHoldout < 0 || tailHoldout > 1 || holdout < 0 || holdout > 1:
		return nil, refused("what is held out is from 0 to 1")
	case hasTails && tailHoldout != 0:
		return nil, refused("tail_weight_holdout and tail_weights exclude each other")
	}
	_, low := edges[0].(float64) // infinities are text
	_, high := edges[len(edges)-1].(float64)
	if !low && !high && tailHoldout != 0 || (!low || !high) && hasTails {
		return nil, refused("there is no tail beyond an infinite end")
	}
	name := quote(column)
	edge := func(v any, sign string) string {
		if n, ok := v.(float64); ok {
			return fmt.Sprintf("%s %s %s", name, sign, decimal(n))
		}
		return "true"
	}
	empty := 0.0
	for _, w := range weights {
		if w == 0 {
			empty++
		}
	}
	var buckets []bucket
	for i, w := range weights {
		until := "<"
		if i == len(weights)-1 {
			until = "<="
		}
		w *= 1 - tailHoldout - holdout
		if weights[i] == 0 && empty > 0 {
			w = holdout / empty
		}
		buckets = append(buckets, bucket{edge(edges[i], ">=") + " && " + edge(edges[i+1], until), w})
	}
	share := tailHoldout
	if low && high {
		share /= 2
	}
	if !hasTails {
		tails = []float64{share, share}
	}
	if low {
		buckets = append(buckets, bucket{edge(edges[0], "<"), tails[0]})
	}
	if high {
		buckets = append(buckets, bucket{edge(edges[len(edges)-1], ">"), tails[1]})
	}
	return []Rule{{"table", map[string]any{"table": divergence(buckets, limit), "where": and(name+" != null", r.Params["where"]), "on_empty": "fail"}}}, nil
}

// divergence is that of Kullback and Leibler, in nats, from weights that need not
// add up to 1. Rows where none are expected make it infinite.
func divergence(buckets []bucket, limit float64) string {
	total := 0.0
	for _, b := range buckets {
		total += b.weight
	}
	var parts, none []string
	for _, b := range buckets {
		if b.weight > 0 {
			parts = append(parts, fmt.Sprintf("share(%[1]s) * (share(%[1]s) > 0.0 ? ln(share(%[1]s) / %[2]s) : 0.0)", b.condition, decimal(b.weight/total)))
		} else {
			none = append(none, fmt.Sprintf(" && count(%s) == 0", b.condition))
		}
	}
	return strings.Join(parts, " + ") + " <= " + decimal(limit) + strings.Join(none, "")
}

// decimal writes a number as a double of CEL.
func decimal(x float64) string {
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
