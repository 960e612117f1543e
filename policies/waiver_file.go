package policies

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/glob"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// Waivers lists the waivers that the bundle was loaded with, by when they end.
func (b *Bundle) Waivers() []Waiver {
	byPolicy, _ := b.config["waivers"].(map[string][]Waiver)
	var out []Waiver
	for _, list := range byPolicy {
		out = append(out, list...)
	}
	slices.SortFunc(out, func(x, y Waiver) int {
		return strings.Compare(x.Expires+" "+x.ID, y.Expires+" "+y.ID)
	})
	return out
}

// For reports whether the waiver is for a table, as policies read its glob.
func (w Waiver) For(table string) bool {
	g, err := glob.Compile(w.Table, '.')
	return err == nil && g.Match(table)
}

// DaysLeft is how many days a waiver goes on after that day: 0 on its last day,
// less than 0 when it is over.
func (w Waiver) DaysLeft(day time.Time) int {
	expires, err := time.Parse(dateLayout, w.Expires)
	if err != nil {
		return -1
	}
	return int(expires.Sub(day.UTC().Truncate(24*time.Hour)).Hours() / 24)
}

// NextWaiverID gives the id after those of a year: W-2026-014.
func NextWaiverID(waivers []Waiver, day time.Time) string {
	prefix := "W-" + day.UTC().Format("2006") + "-"
	last := 0
	for _, w := range waivers {
		var n int
		if _, err := fmt.Sscanf(strings.TrimPrefix(w.ID, prefix), "%d", &n); err == nil && strings.HasPrefix(w.ID, prefix) {
			last = max(last, n)
		}
	}
	return fmt.Sprintf("%s%03d", prefix, last+1)
}

// AddWaiver writes a waiver behind those of a file, whose text, nil for a file
// that is not there, stays as it is. What is wrong with the waiver comes as
// yamlpos.Errors, as if it stood in the file.
func (b *Bundle) AddWaiver(file string, text []byte, w Waiver) ([]byte, error) {
	before := map[string][]Waiver{}
	if strings.TrimSpace(string(text)) != "" {
		var err error
		if before, err = b.parseWaivers(file, text); err != nil {
			return nil, err
		}
	}
	out := insertWaiver(string(text), w)
	after, err := b.parseWaivers(file, []byte(out))
	if err != nil {
		return nil, err
	}
	if count(after) != count(before)+1 {
		return nil, yamlpos.Errors{{File: file, Line: 1, Col: 1, Message: "the list of waivers is written so that none can be added to it",
			Hint: "write waivers: and below it one item for each waiver, beginning with - id:"}}
	}
	return []byte(out), nil
}

func count(byPolicy map[string][]Waiver) int {
	n := 0
	for _, list := range byPolicy {
		n += len(list)
	}
	return n
}

var (
	noWaivers  = regexp.MustCompile(`(?m)^waivers:[ \t]*(\[[ \t]*\]|~|null)?[ \t]*(#[^\r\n]*)?(\r?)$`)
	waiverItem = regexp.MustCompile(`(?m)^([ \t]*)- `)
)

// insertWaiver puts a waiver behind the last line that is no comment at the end.
func insertWaiver(text string, w Waiver) string {
	end := "\n"
	if strings.Contains(text, "\r\n") {
		end = "\r\n"
	}
	indent := "  "
	at := waiverItem.FindStringSubmatch(text)
	switch {
	case at != nil:
		indent = at[1]
	case noWaivers.MatchString(text):
		text = noWaivers.ReplaceAllString(text, "waivers:$2$3")
		text = strings.Replace(text, "waivers:#", "waivers: #", 1)
	case !strings.Contains(text, "waivers:"):
		text += "waivers:" + end
	}
	lines := strings.SplitAfter(text, "\n")
	last := len(lines)
	for last > 0 {
		line := strings.TrimRight(lines[last-1], " \t\r\n")
		bare := strings.TrimLeft(line, " \t")
		if bare != "" && (bare[0] != '#' || len(line)-len(bare) > len(indent)) {
			break
		}
		last--
	}
	if last > 0 && !strings.HasSuffix(lines[last-1], "\n") {
		lines[last-1] += end
	}
	return strings.Join(lines[:last], "") + writeWaiver(w, indent, end) + strings.Join(lines[last:], "")
}

// writeWaiver writes a waiver as an item of a list.
func writeWaiver(w Waiver, indent, end string) string {
	var b strings.Builder
	mark := "- "
	put := func(key, value string) {
		if value != "" {
			b.WriteString(indent + mark + key + ": " + value + end)
			mark = "  "
		}
	}
	list := func(values []string) string {
		if len(values) == 0 {
			return ""
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = yamlText(v)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	}
	put("id", yamlText(w.ID))
	put("policy", yamlText(w.Policy))
	put("table", yamlText(w.Table))
	put("paths", list(w.Paths))
	put("env", list(w.Env))
	put("diff_ops", list(w.DiffOps))
	put("reason", yamlText(w.Reason))
	put("ticket", yamlText(w.Ticket))
	put("requested_by", yamlText(w.RequestedBy))
	put("approved_by", list(w.ApprovedBy))
	put("created", w.Created)
	put("expires", w.Expires)
	if w.MaxUses != nil {
		put("max_uses", strconv.Itoa(*w.MaxUses))
	}
	return b.String()
}

var (
	plainText = regexp.MustCompile(`^\p{L}[\p{L}\p{N} _./@;()'*+-]*$`)
	yamlWord  = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|null|y|n)$`)
)

// yamlText writes a text as YAML: in quotes, unless nobody could read it as
// anything else.
func yamlText(s string) string {
	if s == "" || plainText.MatchString(s) && !yamlWord.MatchString(s) && s == strings.TrimSpace(s) {
		return s
	}
	text, _ := json.Marshal(s) // a text always has JSON
	return string(text)
}
