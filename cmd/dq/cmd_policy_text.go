package main

import (
	"fmt"
	"strings"

	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// The styles of text on a person's terminal.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint puts a style around a text, if it is for a terminal.
func (a *app) paint(style, s string) string {
	if s == "" || !a.color() {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

// textWidth is how wide text for people is.
const textWidth = 100

// wrapped writes a paragraph behind an indent, in a style.
func (a *app) wrapped(indent, style, s string) {
	line := ""
	for _, word := range strings.Fields(plain(s)) {
		if line != "" && len([]rune(indent+line+" "+word)) > textWidth {
			fmt.Fprintln(a.out, indent+a.paint(style, line))
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		fmt.Fprintln(a.out, indent+a.paint(style, line))
	}
}

// effects are how the effects of findings look.
var effects = map[string]struct{ mark, style, word string }{
	"deny": {"✗", red, "denied"}, "warn": {"!", yellow, "warning"}, "waived": {"~", dim, "waived"}, "dry_run": {"·", dim, "dry run"},
}

// sameFindings is how many findings of one policy are shown one by one.
const sameFindings = 3

// showFindings writes findings for people, those of one policy together, with what
// to do about them.
func (a *app) showFindings(indent string, decisions []record.Decision, remedies bool) {
	for i := 0; i < len(decisions); {
		d := decisions[i]
		n := i + 1
		for n < len(decisions) && decisions[n].Policy == d.Policy && decisions[n].Effect == d.Effect && (decisions[n].Waiver == nil) == (d.Waiver == nil) {
			n++
		}
		a.showFinding(indent, remedies, decisions[i:n]...)
		i = n
	}
}

// showFinding writes a finding for people, or several of one policy.
func (a *app) showFinding(indent string, remedies bool, same ...record.Decision) {
	d := same[0]
	e := effects[d.Effect]
	at := plain(d.Path)
	if len(same) > 1 {
		at = fmt.Sprintf("%d times", len(same))
	}
	if at != "" {
		at = "  " + at
	}
	fmt.Fprintf(a.out, "%s%s %s %s%s\n", indent, a.paint(e.style, e.mark), a.paint(bold, plain(d.Policy)), a.paint(e.style, e.word), a.paint(dim, at))
	for i, d := range same {
		if i == sameFindings && len(same) > sameFindings+1 {
			a.wrapped(indent+"    ", "", fmt.Sprintf("and %d more", len(same)-sameFindings))
			break
		}
		a.wrapped(indent+"    ", "", d.Message)
	}
	if w := d.Waiver; w != nil {
		a.wrapped(indent+"    ", dim, fmt.Sprintf("waiver %s by %s until %s: %s", w.ID, strings.Join(w.ApprovedBy, ", "), w.Expires, w.Reason))
	} else if remedies {
		a.wrapped(indent+"    ", dim, d.Remediation)
	}
}

// showRuling writes what policies said about a change.
func (a *app) showRuling(r *policies.Ruling) {
	a.showFindings("", r.Decisions, true)
	if len(r.Decisions) > 0 {
		fmt.Fprintln(a.out)
	}
	fmt.Fprintln(a.out, a.verdictLine(r.Table, r.Decisions))
}

// verdictLine sums up what policies said about a table.
func (a *app) verdictLine(table string, decisions []record.Decision) string {
	by := map[string]int{}
	for _, d := range decisions {
		by[d.Effect]++
	}
	var parts []string
	for _, effect := range []string{"deny", "warn", "waived", "dry_run"} {
		if by[effect] > 0 {
			word := effects[effect].word
			if effect == "warn" && by[effect] > 1 {
				word = "warnings"
			}
			parts = append(parts, fmt.Sprintf("%d %s", by[effect], word))
		}
	}
	say := "no policy finds anything"
	if len(parts) > 0 {
		say = strings.Join(parts, ", ")
	}
	switch {
	case by["deny"] > 0:
		return a.paint(red+";1", "✗ refused") + "  " + a.paint(bold, plain(table)) + ": " + say
	case by["warn"] > 0:
		return a.paint(yellow+";1", "! allowed") + "  " + a.paint(bold, plain(table)) + ": " + say
	}
	return a.paint(green+";1", "✓ allowed") + "  " + a.paint(bold, plain(table)) + ": " + say
}

// rulingCode turns findings into an exit code, given --fail-on.
func rulingCode(failOn string, decisions []record.Decision) error {
	for _, d := range decisions {
		if failOn != "never" && d.Effect == "deny" || failOn == "warn" && d.Effect == "warn" {
			return &exitError{code: exitFound}
		}
	}
	return nil
}
