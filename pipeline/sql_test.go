package pipeline

import (
	"slices"
	"testing"
)

func TestMentions(t *testing.T) {
	names := map[string]bool{"silver.orders": true, "bronze.orders": true, "gold.x": true}
	for sql, want := range map[string][]string{
		"SELECT * FROM silver.orders":                                    {"silver.orders"},
		"SELECT 'silver.orders' FROM bronze . orders":                    {"bronze.orders"},
		"SELECT * -- silver.orders\nFROM \"bronze\".\"orders\"":          {"bronze.orders"},
		"/* silver.orders */ SELECT 'it''s gold.x' FROM x.silver.orders": {"silver.orders"},
		"SELECT 1":                           nil,
		"SELECT 'never closed silver.orders": nil,
	} {
		if got := mentions(sql, names); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", sql, got, want)
		}
	}
}

func TestCanonical(t *testing.T) {
	for sql, want := range map[string]string{
		"-- prose\nSELECT  a,\n\tb /* more */ FROM t\n": "SELECT a, b FROM t",
		"SELECT 'a  -- b' AS \"x  y\"":                  "SELECT 'a  -- b' AS \"x  y\"",
	} {
		if got := canonical(sql); got != want {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	}
}

func FuzzSQLText(f *testing.F) {
	f.Add("SELECT 'a' /* b */ FROM \"c\".d -- e")
	f.Fuzz(func(t *testing.T, sql string) {
		mentions(sql, map[string]bool{"a.b": true})
		if c := canonical(sql); canonical(c) != c {
			t.Errorf("%q is not stable: %q, then %q", sql, c, canonical(c))
		}
	})
}
