package policies

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/record"
)

// Everything that is wrong in config.yaml is said at once: where, and what may be meant.
func TestWrongConfig(t *testing.T) {
	_, err := Load(context.Background(), Options{Dirs: []string{"testdata/wrong/config"}})
	golden(t, "config.golden", problems(t, err))
}

// configured loads the bundled policies with a config.yaml.
func configured(t *testing.T, text string) *Bundle {
	t.Helper()
	b, err := Load(context.Background(), Options{Dirs: []string{filepath.Dir(write(t, ConfigFile, text))}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each mode, on each of what it may be bound to, and beside it. The table has no owner:
// DQ-O001 is an error in silver and gold, and a warning in bronze.
func TestModesOfConfig(t *testing.T) {
	scopes := []struct{ yaml, in, out string }{ // table and environment inside and outside of it
		{"layer: silver", "silver.orders prod", "gold.orders prod"},
		{"env: dev", "silver.orders dev", "silver.orders prod"},
		{"table: silver.*", "silver.orders prod", "gold.orders prod"},
		{"table: '*.orders'", "gold.orders prod", "gold.customers prod"},
		{"table: silver.or*", "silver.orders test", "silver.customers test"},
		{"table: silver.orders", "silver.orders prod", "silver.orders2 prod"},
		{"table: '**', env: test, layer: gold", "gold.orders test", "silver.orders test"},
		{"policy: DQ-O001", "silver.orders prod", ""},
		{"policy: ownership, layer: silver", "silver.orders prod", "gold.orders prod"},
		{"policy: DQ-S001", "", "silver.orders prod"},
	}
	effects := map[string]string{"enforce": "deny", "warn": "warn", "dry_run": "dry_run", "off": ""}
	ask := func(b *Bundle, where string) string {
		name, env, _ := strings.Cut(where, " ")
		layer, _, _ := strings.Cut(name, ".")
		in := orders()
		in.Env, in.Table = env, Table{Name: name, Layer: layer}
		r, err := b.Decide(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(r.Decisions, func(d record.Decision) bool { return d.Policy == "DQ-O001" })
		if i < 0 {
			return ""
		}
		if effect := r.Decisions[i].Effect; r.Blocking == (effect == "deny") {
			return effect
		}
		return "a ruling that contradicts it"
	}
	for mode, effect := range effects {
		for _, s := range scopes {
			b := configured(t, fmt.Sprintf("modes:\n  - {policy: DQ-O001, mode: %q}\n  - {%s, mode: %q}\n", other(mode), s.yaml, mode))
			if s.in != "" {
				if got := ask(b, s.in); got != effect {
					t.Errorf("%s for %s: on %s the effect is %q, want %q", mode, s.yaml, s.in, got, effect)
				}
			}
			if s.out != "" {
				if got := ask(b, s.out); got != effects[other(mode)] {
					t.Errorf("%s for %s: on %s, which it is not about, the effect is %q, want %q", mode, s.yaml, s.out, got, effects[other(mode)])
				}
			}
		}
	}
}

// other is a mode whose effect differs from that of one.
func other(mode string) string {
	if mode == "enforce" {
		return "dry_run"
	}
	return "enforce"
}

// Of several folders, and of the pipeline's own modes after them, the last entry holds.
func TestModesFollowEachOther(t *testing.T) {
	dirs := []string{
		filepath.Dir(write(t, ConfigFile, "modes: [{policy: DQ-O001, mode: 'off'}]\n")),
		filepath.Dir(write(t, ConfigFile, "modes: [{policy: ownership, mode: warn}]\n")),
	}
	in := orders()
	in.Table.Owner = ""
	for want, o := range map[string]Options{
		"[warn]":    {Dirs: dirs},
		"[]":        {Dirs: []string{dirs[1], dirs[0]}},
		"[dry_run]": {Dirs: dirs, Modes: []Mode{{Table: "silver.*", Mode: "dry_run"}}},
	} {
		b, err := Load(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.Decide(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, d := range r.Decisions {
			got = append(got, d.Effect)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
}
