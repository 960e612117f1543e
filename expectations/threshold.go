package expectations

import (
	"math/big"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
)

// Threshold is how many bad rows an expectation bears. The zero Threshold bears
// none. Fractions are exact.
type Threshold struct {
	// Mostly is the least fraction of good rows among those judged; below it the
	// expectation fails. Below WarnMostly it warns. Nil is not set.
	Mostly, WarnMostly *big.Rat
	// MaxFailed is the greatest number of bad rows; above it the expectation
	// fails, above WarnMaxFailed it warns. Nil is not set.
	MaxFailed, WarnMaxFailed *int64
}

// Set reports whether the suite gives a threshold.
func (t Threshold) Set() bool { return t.Mostly != nil || t.MaxFailed != nil }

// Verdict judges bad rows among evaluated ones: pass, warn or fail.
func (t Threshold) Verdict(bad, evaluated int64) record.Verdict {
	if t.MaxFailed != nil {
		switch {
		case bad > *t.MaxFailed:
			return record.Fail
		case t.WarnMaxFailed != nil && bad > *t.WarnMaxFailed:
			return record.Warn
		}
		return record.Pass
	}
	switch {
	case !bears(t.Mostly, bad, evaluated):
		return record.Fail
	case t.WarnMostly != nil && !bears(t.WarnMostly, bad, evaluated):
		return record.Warn
	}
	return record.Pass
}

// bears reports bad/evaluated <= 1 - mostly, in whole numbers. Nil is 1.
func bears(mostly *big.Rat, bad, evaluated int64) bool {
	if mostly == nil {
		return bad == 0
	}
	den := mostly.Denom()
	allowed := new(big.Int).Sub(den, mostly.Num())
	return new(big.Int).Mul(big.NewInt(bad), den).Cmp(allowed.Mul(allowed, big.NewInt(evaluated))) <= 0
}

// JSON is the threshold as the JSON of a check has it.
func (t Threshold) JSON() map[string]any {
	pair := func(key string, fail, warn any) map[string]any {
		if warn == nil {
			return map[string]any{key: fail}
		}
		return map[string]any{key: map[string]any{"warn": warn, "fail": fail}}
	}
	if t.MaxFailed != nil {
		var warn any
		if t.WarnMaxFailed != nil {
			warn = *t.WarnMaxFailed
		}
		return pair("max_failed", *t.MaxFailed, warn)
	}
	var warn any
	if t.WarnMostly != nil {
		warn = float(t.WarnMostly)
	}
	if t.Mostly == nil {
		return map[string]any{"mostly": 1.0}
	}
	return pair("mostly", float(t.Mostly), warn)
}

func float(r *big.Rat) float64 {
	f, _ := r.Float64()
	return f
}

// readMostly reads mostly: 0.999, or {warn: 0.999, fail: 0.99}.
func (t *Threshold) readMostly(n *yamlpos.Node) {
	fraction := func(n *yamlpos.Node) *big.Rat {
		r := n.Number()
		if r.Sign() < 0 || r.Cmp(big.NewRat(1, 1)) > 0 {
			n.Errorf("write 0.99 for ninety-nine in a hundred", "mostly is a fraction from 0 to 1, not %s", n.Text)
		}
		return r
	}
	if n.Kind != yamlpos.Mapping {
		t.Mostly = fraction(n)
		return
	}
	f := n.Map("mostly", "warn", "fail")
	need(n, f, "warn", "fail")
	if f["warn"] == nil || f["fail"] == nil {
		return
	}
	t.WarnMostly, t.Mostly = fraction(f["warn"]), fraction(f["fail"])
	if t.WarnMostly.Cmp(t.Mostly) < 0 {
		n.Errorf("swap them", "warn is below fail: it could never warn")
	}
}

// readMaxFailed reads max_failed: 10, or {warn: 5, fail: 10}.
func (t *Threshold) readMaxFailed(n *yamlpos.Node) {
	count := func(n *yamlpos.Node) *int64 {
		v := n.Int()
		if v < 0 {
			n.Errorf("write 0 or more", "max_failed is below zero")
		}
		return &v
	}
	if n.Kind != yamlpos.Mapping {
		t.MaxFailed = count(n)
		return
	}
	f := n.Map("max_failed", "warn", "fail")
	need(n, f, "warn", "fail")
	if f["warn"] == nil || f["fail"] == nil {
		return
	}
	t.WarnMaxFailed, t.MaxFailed = count(f["warn"]), count(f["fail"])
	if *t.WarnMaxFailed > *t.MaxFailed {
		n.Errorf("swap them", "warn is above fail: it could never warn")
	}
}
