package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dq-dev/dq/record"
)

var rawText = regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`)

// checkPage reads a page as a browser would see its structure, and fails for
// what a report must never have: unbalanced tags, inline style or script, a
// request to the network, header cells without scope, pictures without words,
// ids that occur twice, links to nowhere.
func checkPage(t *testing.T, out []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(rawText.ReplaceAll(out, nil)))
	d.Strict = false
	d.AutoClose = []string{"meta", "input", "wbr"}
	d.Entity = xml.HTMLEntity
	ids, links, depth := map[string]int{}, map[string]bool{}, 0
	titled := true
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Errorf("the page is not well-formed: %v", err)
			return
		}
		switch e := tok.(type) {
		case xml.StartElement:
			depth++
			attr := map[string]string{}
			for _, a := range e.Attr {
				name := a.Name.Local
				attr[name] = a.Value
				switch {
				case name == "style", strings.HasPrefix(name, "on"), name == "src":
					t.Errorf("<%s> has a %s attribute", e.Name.Local, name)
				case name == "href" && !strings.HasPrefix(a.Value, "#"):
					t.Errorf("a link leads to %q", a.Value)
				case name == "href":
					links[a.Value[1:]] = true
				case name == "id":
					ids[a.Value]++
				}
			}
			if !titled && e.Name.Local != "title" {
				t.Error("an <svg role=img> does not begin with a <title>")
			}
			titled = true
			switch e.Name.Local {
			case "th":
				if attr["scope"] == "" {
					t.Error("a <th> has no scope")
				}
			case "svg":
				titled = attr["role"] != "img"
				if titled && attr["aria-hidden"] != "true" {
					t.Error("an <svg> is neither described nor hidden")
				}
			case "html":
				if attr["lang"] == "" {
					t.Error("<html> has no lang")
				}
			case "link", "iframe", "object", "img", "base", "form":
				t.Errorf("the page has a <%s>", e.Name.Local)
			}
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 {
		t.Errorf("%d tags stay open", depth)
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %q occurs %d times", id, n)
		}
	}
	for link := range links {
		if ids[link] == 0 {
			t.Errorf("a link leads to #%s, which is not there", link)
		}
	}
}

func TestPage(t *testing.T) {
	checkPage(t, draw(t, "html", fixture(t)))
}

// The policy allows just the style and the script that are in the page.
func TestContentSecurityPolicy(t *testing.T) {
	out := string(draw(t, "html", fixture(t)))
	for _, name := range []string{"style", "script"} {
		_, rest, ok := strings.Cut(out, "<"+name+">")
		text, _, ok2 := strings.Cut(rest, "</"+name+">")
		sum := sha256.Sum256([]byte(text))
		want := name + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if !ok || !ok2 || !strings.Contains(out, want) {
			t.Errorf("the policy does not hold %s", want)
		}
		if strings.Count(out, "<"+name) != 1 {
			t.Errorf("there is more than one <%s>", name)
		}
	}
	if !strings.Contains(out, `content="default-src 'none';`) {
		t.Error("the policy does not begin by forbidding everything")
	}
	if n := len(pageJS); n > 15_000 {
		t.Errorf("the script has %d bytes", n)
	}
}

// wide is a run over one table of so many columns, profiled and checked.
func wide(columns int) *record.Run {
	mean, length := 12.345678, int64(40)
	p := &record.Profile{Rows: 1_000_000}
	c := &record.Check{}
	for i := range columns {
		name := fmt.Sprintf("measurement_of_sensor_%03d", i)
		h := &record.Histogram{Low: -1234.5678, High: 98765.4321, Counts: make([]int64, 40)}
		for j := range h.Counts {
			h.Counts[j] = int64((j*7919 + i*104729) % 65536)
		}
		col := record.ColumnProfile{Name: name, Type: "decimal(18,3)", Rows: 1_000_000, Nulls: 12345, Distinct: 99999, Zeros: 17, Negative: 4, Min: "-1234.567", Max: "98765.432",
			Mean: &mean, StdDev: &mean, Quantiles: []float64{1, 2, 3, 4, 5}, MinLength: &length, MaxLength: &length, Histogram: h}
		for j := range 10 {
			col.Top = append(col.Top, record.ValueCount{Value: strings.Repeat("frequent value ", 8), Count: int64(1000 - j)})
		}
		p.Columns = append(p.Columns, col)
		c.Expectations = append(c.Expectations, record.Expectation{ID: name + ".not_null", Scope: "row", CEL: name + " != null", Verdict: record.Pass, Rows: 1_000_000, Evaluated: 1_000_000, Dimension: "completeness"})
	}
	return &record.Run{Outcome: "published", Verdict: record.Pass, Layers: []record.Layer{{Name: "silver", Tables: []record.Table{{Name: "silver.wide", Outcome: "published", Check: c, Profile: p}}}}}
}

func TestPageOfWideTableIsSmall(t *testing.T) {
	if n := len(draw(t, "html", wide(300))); n >= 1_000_000 {
		t.Errorf("a page over 300 columns has %d bytes", n)
	}
}

// Text has a contrast of at least 4.5 to 1 on all it stands on, drawings 3 to 1,
// in the light and in the dark.
func TestContrast(t *testing.T) {
	themes := regexp.MustCompile(`(?s)\{([^{}]*--bg:[^}]*)\}`).FindAllStringSubmatch(pageCSS, -1)
	if len(themes) != 4 { // light, dark by preference, dark by choice, print
		t.Fatalf("%d themes in the style sheet", len(themes))
	}
	light := map[string]string{}
	for n, theme := range themes {
		vars := map[string]string{}
		for k, v := range light {
			vars[k] = v
		}
		for _, m := range regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]+)`).FindAllStringSubmatch(theme[1], -1) {
			vars[m[1]] = m[2]
		}
		if n == 0 {
			light = vars
		}
		demand := func(front, back string, least float64) {
			if got := contrast(t, vars[front], vars[back]); got < least {
				t.Errorf("theme %d: %s on %s has a contrast of %.2f, want %.1f", n, front, back, got, least)
			}
		}
		for _, back := range []string{"bg", "card", "shade"} {
			for _, front := range []string{"ink", "soft", "accent"} {
				demand(front, back, 4.5)
			}
		}
		for _, v := range []string{"pass", "warn", "fail", "error", "idle"} {
			demand(v, v+"-bg", 4.5)
			demand(v, "card", 3)
			demand("ink", v+"-bg", 4.5)
		}
		demand("chart", "card", 3)
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(hex string) float64 {
		hex = strings.TrimPrefix(hex, "#")
		if len(hex) == 3 {
			hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
		}
		n, err := strconv.ParseUint(hex, 16, 32)
		if err != nil || len(hex) != 6 {
			t.Fatalf("colour %q", hex)
		}
		linear := func(c uint64) float64 {
			f := float64(c&255) / 255
			if f <= 0.04045 {
				return f / 12.92
			}
			return math.Pow((f+0.055)/1.055, 2.4)
		}
		return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n)
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
