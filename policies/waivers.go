package policies

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// Waiver lets the findings of one policy through on some tables, for a while.
// Empty lists are no condition. It works from Created to Expires, both included
// (UTC). An expired one does not work, and its findings come with DQ-W001.
type Waiver struct {
	ID          string   `json:"id"`
	Policy      string   `json:"policy"` // one id, no glob
	Table       string   `json:"table"`  // glob: silver.*
	Paths       []string `json:"paths"`  // columns; of DQ-Q001 expectations
	Env         []string `json:"env"`
	DiffOps     []string `json:"diff_ops"` // column_dropped ...
	Reason      string   `json:"reason"`
	Ticket      string   `json:"ticket,omitempty"`
	RequestedBy string   `json:"requested_by"`
	ApprovedBy  []string `json:"approved_by"` // never who requested it
	Created     string   `json:"created"`     // 2006-01-02
	Expires     string   `json:"expires"`     // at most 90 days later; 30 for privacy
	// MaxUses is in how many versions of tables it lets findings through; see [Uses].
	// Nil: in any number.
	MaxUses *int `json:"max_uses,omitempty"`
}

// The bounds of a waiver.
const (
	minReason       = 20 // characters
	maxDays         = 90
	maxDaysPrivacy  = 30
	dateLayout      = "2006-01-02"
	privacyCategory = "privacy"
)

// readWaivers reads a file of waivers, by policy id; one that is not there holds none:
//
//	waivers:
//	  - id: w-2026-014
//	    policy: DQ-S001
//	    table: silver.orders
//	    paths: [old_code]
//	    reason: Nobody reads old_code any more, the board moves to code this week.
//	    ticket: DATA-1234
//	    requested_by: ada
//	    approved_by: [lea]
//	    created: 2026-10-01
//	    expires: 2026-10-31
//	    max_uses: 1
//
// Errors are yamlpos.Errors, all at once.
func (b *Bundle) readWaivers(file string) (map[string][]Waiver, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string][]Waiver{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("policies: waivers: %w", err)
	}
	return b.parseWaivers(file, data)
}

func (b *Bundle) parseWaivers(file string, data []byte) (map[string][]Waiver, error) {
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		return nil, err
	}
	byPolicy := map[string][]Waiver{}
	seen := map[string]bool{}
	for _, node := range doc.Root.Map("a waivers file", "waivers")["waivers"].List("waivers", false) {
		w := b.waiver(node)
		if w.ID != "" && seen[w.ID] {
			node.Get("id").Errorf("give each waiver its own id", "there is another waiver %s", w.ID)
		}
		seen[w.ID] = true
		byPolicy[w.Policy] = append(byPolicy[w.Policy], w)
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return byPolicy, nil
}

func (b *Bundle) waiver(node *yamlpos.Node) Waiver {
	f := node.Map("a waiver", "id", "policy", "table", "paths", "env", "diff_ops", "reason", "ticket",
		"requested_by", "approved_by", "created", "expires", "max_uses")
	text := func(key string) string {
		n := f[key]
		if n == nil || n.Null {
			if node.Kind == yamlpos.Mapping {
				node.Errorf("add "+key, "the waiver has no %s", key)
			}
			return ""
		}
		text := strings.TrimSpace(n.String())
		if text == "" && n.Kind == yamlpos.Scalar {
			n.Errorf("write the "+key, "the %s of the waiver is blank", key)
		}
		return text
	}
	w := Waiver{ID: text("id"), Policy: text("policy"), Table: text("table"), Reason: text("reason"), RequestedBy: text("requested_by"),
		Paths: list(f["paths"], "paths"), Env: list(f["env"], "env"), DiffOps: list(f["diff_ops"], "diff_ops"),
		ApprovedBy: list(f["approved_by"], "approved_by"), Created: text("created"), Expires: text("expires")}
	for _, n := range f["env"].List("env", true) {
		n.OneOf("environment", Environments...)
	}
	for _, n := range f["diff_ops"].List("diff_ops", true) {
		if op := n.String(); op != "" && !table.KnownOp(op) {
			n.Errorf(yamlpos.DidYouMean(op, table.Ops), "there is no change %s", op)
		}
	}
	if f["ticket"] != nil {
		w.Ticket = strings.TrimSpace(f["ticket"].String())
	}
	if n := f["max_uses"]; n != nil {
		uses := int(n.Int())
		_, err := strconv.Atoi(n.Text) // what is no number is said already
		if w.MaxUses = &uses; uses < 1 && err == nil {
			n.Errorf("write 1 or more, or leave it out", "a waiver that may be used %d times lets nothing through", uses)
		}
	}

	p, known := b.byID[w.Policy]
	if w.Policy != "" && !known {
		ids := make([]string, len(b.policies))
		for i, p := range b.policies {
			ids[i] = p.ID
		}
		f["policy"].Errorf(yamlpos.DidYouMean(w.Policy, ids), "there is no policy %s", w.Policy)
	}
	if w.Policy == aboutWaivers {
		f["policy"].Errorf("waive what the expired waiver was for", "DQ-W001 says that a waiver expired: it cannot be waived")
	}
	if w.Table != "" {
		if problem := badGlob(w.Table); problem != "" {
			f["table"].Errorf("name the table, or a part of it: silver.*", "table %q %s", w.Table, problem)
		} else if strings.Trim(w.Table, "*.") == "" {
			f["table"].Errorf("name the table, or a part of it: silver.*", "a waiver for every table is too wide")
		}
	}
	if w.Reason != "" && len([]rune(w.Reason)) < minReason {
		f["reason"].Errorf(fmt.Sprintf("write at least %d characters", minReason), "the reason is too short to be understood later")
	}
	if len(w.ApprovedBy) == 0 && node.Kind == yamlpos.Mapping {
		node.Errorf("add approved_by: [name]", "nobody approved the waiver")
	}
	for i := range w.ApprovedBy {
		n := f["approved_by"].List("approved_by", true)[i]
		name := strings.TrimSpace(n.Text)
		w.ApprovedBy[i] = name
		if name == "" && n.Kind == yamlpos.Scalar {
			n.Errorf("write who approved it: approved_by: [name]", "who approved the waiver is blank")
		}
		if name != "" && strings.EqualFold(name, w.RequestedBy) {
			f["approved_by"].Errorf("have somebody else approve it", "%s cannot approve what %s requested", name, w.RequestedBy)
		}
	}
	days := maxDays
	if p.Category == privacyCategory {
		days = maxDaysPrivacy
		if len(w.ApprovedBy) > 0 && !b.settings.privacyApproved(w.ApprovedBy) {
			f["approved_by"].Errorf("have one of the group approve it; "+ConfigFile+" says who is in it: groups: {"+b.settings.PrivacyGroup+": [name]}",
				"a waiver for %s is approved by the group %s, and nobody here is in it", w.Policy, b.settings.PrivacyGroup)
		}
	}
	created, ok := date(f["created"], w.Created)
	expires, ok2 := date(f["expires"], w.Expires)
	switch {
	case !ok || !ok2:
	case expires.Before(created):
		f["expires"].Errorf("write a later date", "the waiver ends on %s, before it begins", w.Expires)
	case expires.Sub(created) > time.Duration(days)*24*time.Hour:
		f["expires"].Errorf("at the latest "+created.AddDate(0, 0, days).Format(dateLayout), "the waiver lasts longer than %d days", days)
	}
	return w
}

// list reads a list of names; never nil, so that policies see a list.
func list(n *yamlpos.Node, what string) []string {
	return append([]string{}, n.Strings(what)...)
}

func date(n *yamlpos.Node, text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, false
	}
	t, err := time.Parse(dateLayout, text)
	if err != nil {
		n.Errorf("write it as 2026-10-31", "%q is no date", text)
		return time.Time{}, false
	}
	return t, true
}

var globPattern = regexp.MustCompile(`^[\p{L}\p{N}_.*-]+$`)

// badGlob says what is wrong with a glob, so that no policy fails on it later.
func badGlob(glob string) string {
	if !globPattern.MatchString(glob) {
		return "is no table name: letters, digits, _ - . and * are"
	}
	return ""
}

// Owner answers for tables.
type Owner struct {
	Email string `json:"email"`
	Team  string `json:"team,omitempty"`
}

// Answerable is who answers for personal data, as the directory of owners names them
// for reports. Policies do not see it.
type Answerable struct {
	Controller *Owner // whose Team is the name of the organisation; nil when there is none
	DPO        string // the data protection officer, one of the owners; "" when there is none
}

// readOwners reads the directory of owners:
//
//	owners:
//	  sales: {email: sales-data@example.com, team: Sales Analytics}
//	  privacy: {email: privacy@example.com}
//	controller: {email: office@example.com, team: Example Ltd}
//	dpo: privacy
//
// Errors are yamlpos.Errors, all at once.
func readOwners(file string) (map[string]Owner, Answerable, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, Answerable{}, fmt.Errorf("policies: owners: %w", err)
	}
	return parseOwners(file, data)
}

func parseOwners(file string, data []byte) (map[string]Owner, Answerable, error) {
	var who Answerable
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		return nil, who, err
	}
	owners := map[string]Owner{}
	top := doc.Root.Map("an owners file", "owners", "controller", "dpo")
	read := func(key, n *yamlpos.Node, what, name string) Owner {
		f := n.Map(what, "email", "team")
		o := Owner{}
		if f["team"] != nil {
			o.Team = f["team"].String()
		}
		if f["email"] == nil {
			key.Errorf("add email: name@example.com", "%s has no email", name)
		} else if o.Email = f["email"].String(); !strings.Contains(o.Email, "@") {
			f["email"].Errorf("write name@example.com", "%q is no e-mail address", o.Email)
		}
		return o
	}
	for _, e := range top["owners"].Pairs("owners") {
		owners[e.Key.Text] = read(e.Key, e.Value, "an owner", "owner "+e.Key.Text)
	}
	if n := top["controller"]; n != nil {
		o := read(n, n, "the controller", "the controller")
		who.Controller = &o
	}
	if n := top["dpo"]; n != nil {
		if who.DPO = n.String(); who.DPO != "" && !known(owners, who.DPO) {
			n.Errorf(yamlpos.DidYouMean(who.DPO, slices.Sorted(maps.Keys(owners))), "dpo: there is no owner %q", who.DPO)
		}
	}
	if err := doc.Err(); err != nil {
		return nil, who, err
	}
	return owners, who, nil
}

func known(owners map[string]Owner, name string) bool {
	_, ok := owners[name]
	return ok
}
