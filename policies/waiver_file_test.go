package policies

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
)

func given() Waiver {
	return Waiver{ID: "W-2026-002", Policy: "DQ-S001", Table: "silver.*", Paths: []string{"old code", "b"}, Reason: "It is: nobody # reads it any more.",
		Ticket: "12", RequestedBy: "ada", ApprovedBy: []string{"lea"}, Created: "2026-10-01", Expires: "2026-10-31"}
}

const written = `- id: W-2026-002
  policy: DQ-S001
  table: silver.*
  paths: [old code, b]
  reason: "It is: nobody # reads it any more."
  ticket: "12"
  requested_by: ada
  approved_by: [lea]
  created: 2026-10-01
  expires: 2026-10-31
`

// A waiver is added behind the others, and everything else stays as it is.
func TestAddWaiver(t *testing.T) {
	b, err := Load(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	first := "  - {id: W-1, policy: DQ-O001, table: gold.x, reason: Nobody owns it before next week., requested_by: ada, approved_by: [lea], created: 2026-10-01, expires: 2026-10-02}\n"
	indented := func(by string) string { return by + strings.TrimSuffix(strings.ReplaceAll(written, "\n", "\n"+by), by) }
	for text, want := range map[string]string{
		"":                             "waivers:\n" + indented("  "),
		"# none yet\n":                 "waivers:\n" + indented("  "),
		"waivers: []\n":                "waivers:\n" + indented("  "),
		"waivers: [] # see the wiki\n": "waivers: # see the wiki\n" + indented("  "),
		"waivers:\n":                   "waivers:\n" + indented("  "),
		"# why\nwaivers:\n" + first + "\n# end\n": "# why\nwaivers:\n" + first + indented("  ") + "\n# end\n",
		"waivers:\n" + strings.TrimSpace(first):   "waivers:\n" + strings.TrimSpace(first) + "\n" + written,
	} {
		got, err := b.AddWaiver("waivers.yaml", []byte(text), given())
		if err != nil || !strings.HasSuffix(string(got), want) {
			t.Errorf("%q: %v\n%s\nwant\n%s", text, err, got, want)
		}
	}
	if got, err := b.AddWaiver("waivers.yaml", []byte("waivers:\r\n"), given()); err != nil || strings.Count(string(got), "\r\n") != strings.Count(string(got), "\n") {
		t.Errorf("%v\n%q", err, got)
	}
}

func TestAddWaiverRefuses(t *testing.T) {
	b, err := Load(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	long := given()
	long.Expires = "2027-10-31"
	if _, err := b.AddWaiver("waivers.yaml", nil, long); err == nil || !strings.Contains(err.Error(), "waivers.yaml:11:14: the waiver lasts longer than 90 days") {
		t.Errorf("%v", err)
	}
	flow := "waivers: [{id: W-1, policy: DQ-O001, table: gold.x, reason: Nobody owns it before next week., requested_by: ada, approved_by: [lea], created: 2026-10-01, expires: 2026-10-02}]\n"
	if _, err := b.AddWaiver("waivers.yaml", []byte(flow), given()); err == nil {
		t.Error("a list in brackets was added to")
	}
	if _, err := b.AddWaiver("waivers.yaml", []byte("waiver: []\n"), given()); err == nil {
		t.Error("a file with another key was added to")
	}
}

func TestNextWaiverID(t *testing.T) {
	day := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	if got := NextWaiverID([]Waiver{{ID: "W-2026-009"}, {ID: "W-2025-099"}, {ID: "X"}}, day); got != "W-2026-010" {
		t.Error(got)
	}
	for expires, want := range map[string]int{"2026-10-01": 0, "2026-09-30": -1, "2026-10-15": 14} {
		if got := (Waiver{Expires: expires}).DaysLeft(day); got != want {
			t.Errorf("%s: %d", expires, got)
		}
	}
}

// A waiver is for the tables that policies let it through for, not for those that another
// reading of its glob names.
func TestWaiverFor(t *testing.T) {
	for glob, tables := range map[string]map[string]bool{
		"silver.*":      {"silver.orders": true, "gold.orders": false, "silver.a.b": false},
		"*":             {"silver.orders": false, "orders": true},
		"**":            {"silver.orders": true, "orders": true},
		"*.orders":      {"silver.orders": true, "quarantine.silver.orders": false},
		"**.orders":     {"silver.orders": true, "quarantine.silver.orders": true},
		"silver.orders": {"silver.orders": true, "silver.orders_x": false},
	} {
		for table, want := range tables {
			matches, err := rego.New(rego.Query(fmt.Sprintf(`x := glob.match(%q, ["."], %q)`, glob, table))).Eval(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if ruled := matches[0].Bindings["x"]; ruled != want {
				t.Errorf("policies let %s through for %s: %v, want %v", glob, table, ruled, want)
			}
			if got := (Waiver{Table: glob}).For(table); got != want {
				t.Errorf("waiver for %s is for %s: %v, want %v", glob, table, got, want)
			}
		}
	}
}
