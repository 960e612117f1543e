package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/record"
)

// sarifLimit is how many results GitHub keeps of a run; it refuses more than 25,000.
const sarifLimit = 5000

// writeSARIF writes what is wrong as SARIF 2.1.0 (OASIS, errata 01), the worst
// first: a rule for each kind, policy and check of a source, a result for each
// expectation, decision and finding. What a waiver lets through is suppressed.
// A result stands at the line of the suite or, where nothing has a line, at the
// first one of the table's suite. Fingerprints stay when lines move.
func writeSARIF(w io.Writer, run *record.Run) error {
	blocking, warnings := issues(run)
	all := slices.Concat(blocking, warnings, notes(run), suppressed(run))
	rest := max(0, len(all)-sarifLimit)
	all = all[:len(all)-rest]

	log := sarifRun{Tool: sarifTool{sarifDriver{Name: "dq", Version: run.Tool.Version, Rules: []sarifRule{}}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	rules := map[string]int{}
	marks := marker{}
	for n := range all {
		i := &all[n]
		id := i.rule()
		at, known := rules[id]
		if !known {
			at = len(log.Tool.Driver.Rules)
			rules[id] = at
			log.Tool.Driver.Rules = append(log.Tool.Driver.Rules, i.sarifRule(id))
		}
		log.Results = append(log.Results, i.sarifResult(id, at, marks.of(i)))
	}
	ran := sarifInvocation{Successful: run.Verdict != record.Error, Notifications: []sarifNotification{}}
	if !run.StartedAt.IsZero() {
		ran.Start = run.StartedAt.UTC().Format(time.RFC3339Nano)
		ran.End = run.StartedAt.Add(time.Duration(run.DurationMS) * time.Millisecond).UTC().Format(time.RFC3339Nano)
	}
	note := func(level, text string) {
		ran.Notifications = append(ran.Notifications, sarifNotification{level, sarifText{text}})
	}
	if rest > 0 {
		note("warning", plural(int64(rest), "result")+" more; another report has them all")
	}
	if len(blocking) == 0 && (run.Verdict == record.Fail || run.Verdict == record.Error) {
		note("error", clean(headline(run)+": "+summary(run), maxMessage))
	}
	log.Invocations = []sarifInvocation{ran}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(sarifLog{"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", "2.1.0", []sarifRun{log}})
}

// suppressed lists the decisions that a waiver lets through.
func suppressed(run *record.Run) []issue {
	var list []issue
	for t := range tables(run) {
		for n := range t.Decisions {
			if d := &t.Decisions[n]; d.Waiver != nil {
				list = append(list, issue{verdict: record.Skipped, table: t.Name, check: t.Check, schema: t.Schema, decision: d})
			}
		}
	}
	return list
}

// rule is the stable name of what found the issue: the kind, the policy, the check
// of a source. A rule of the suite's own is known by its id.
func (i *issue) rule() string {
	if e := i.expectation; e != nil && e.Kind != "" && e.Kind != "row" && e.Kind != "table" && e.Kind != "sql" {
		return clean(e.Kind, maxName)
	}
	return clean(orElse(i.id(), "dq"), maxName)
}

func (i *issue) level() string {
	switch i.verdict {
	case record.Error, record.Fail:
		return "error"
	case record.Warn, record.Vacuous:
		return "warning"
	}
	return "note"
}

func (i *issue) sarifRule(id string) sarifRule {
	r := sarifRule{ID: id}
	r.Properties.Tags = []string{"data-quality"}
	switch {
	case i.decision != nil:
		r.Short.Text = orElse(i.decision.Title, id)
		r.Properties.Tags = append(r.Properties.Tags, "policy")
		if c := i.decision.Category; c != "" {
			r.Properties.Tags = append(r.Properties.Tags, c)
		}
		if h := i.decision.Remediation; h != "" {
			r.Help = &sarifText{clean(h, maxMessage)}
		}
	case i.expectation != nil:
		r.Short.Text = id
		if id == i.expectation.ID {
			r.Short.Text = orElse(i.expectation.Description, orElse(i.expectation.CEL, id))
		} else {
			r.Help = &sarifText{"dq explain " + id}
		}
		if d := i.expectation.Dimension; d != "" {
			r.Properties.Tags = append(r.Properties.Tags, d)
		}
	default:
		r.Short.Text = id
		if h := i.finding.Hint; h != "" {
			r.Help = &sarifText{clean(h, maxMessage)}
		}
	}
	r.Short.Text = clean(r.Short.Text, maxMessage)
	for n, tag := range r.Properties.Tags {
		r.Properties.Tags[n] = clean(tag, maxName)
	}
	return r
}

func (i *issue) sarifResult(rule string, at int, mark string) sarifResult {
	r := sarifResult{RuleID: rule, RuleIndex: at, Level: i.level(), Message: sarifText{i.short()}, Prints: map[string]string{"dq/v1": mark}}
	if h := i.hint(); h != "" {
		r.Message.Text += ". " + clean(h, maxMessage)
	}
	var l sarifLocation
	if file, line, column := i.place(); file != "" {
		p := &sarifPhysical{Region: sarifRegion{Line: line, Column: column}}
		p.Artifact.URI = fileURI(file)
		l.Physical = p
	}
	if table, column := i.about(); table != "" {
		kind := "table"
		if column != "" {
			kind = "column"
		}
		l.Logical = []sarifLogical{{Name: clean(subject(table, column), maxName*2), Kind: kind}}
	}
	if l.Physical != nil || l.Logical != nil {
		r.Locations = []sarifLocation{l}
	}
	if d := i.decision; d != nil && d.Waiver != nil {
		r.Suppressions = []sarifSuppression{{"external", "accepted", clean(waived(d.Waiver), maxMessage)}}
	}
	return r
}

// short says in one line what is wrong, with the table.
func (i *issue) short() string {
	text := orElse(i.message(), i.id())
	if table, _ := i.about(); table != "" {
		text = table + ": " + text
	}
	return clean(orElse(text, "dq"), maxMessage)
}

// about names the table and the column of an issue; column is "" when it is about
// none or several.
func (i *issue) about() (table, column string) {
	switch {
	case i.expectation != nil && len(i.expectation.Columns) == 1:
		return i.table, i.expectation.Columns[0]
	case i.decision != nil:
		return orElse(i.decision.Table, i.table), i.decision.Path
	case i.finding != nil:
		return i.table, i.finding.Column
	}
	return i.table, ""
}

// place is where the issue stands. What has no line of its own stands at the first
// one of the table's suite; file is "" when there is none.
func (i *issue) place() (file string, line, column int) {
	file, l, c := place(i.position())
	if file == "" && i.check != nil {
		file, l = i.check.Suite.Name, "1"
	}
	line, _ = strconv.Atoi(l)
	column, _ = strconv.Atoi(c)
	if line < 1 { // no editor counts from 0
		line = 1
	}
	return file, line, max(column, 0)
}

// fileURI writes a path as a URI: relative as it is, absolute with its scheme.
func fileURI(path string) string {
	path = strings.TrimPrefix(filepath.ToSlash(clean(path, 4096)), "./")
	u := url.URL{Path: path}
	if strings.HasPrefix(path, "/") {
		u.Scheme = "file"
	}
	return u.String()
}

// marker gives issues fingerprints: of what is wrong where in the data, and not of
// lines and numbers, which move. Equal ones are numbered.
type marker map[string]int

func (m marker) of(i *issue) string {
	what := "finding"
	switch {
	case i.expectation != nil:
		what = "expectation"
	case i.decision != nil:
		what = "decision"
	}
	table, column := i.about()
	key := strings.Join([]string{what, table, i.id(), column}, "\x00")
	m[key]++
	sum := sha256.Sum256([]byte(key + "\x00" + strconv.Itoa(m[key])))
	return hex.EncodeToString(sum[:])
}

// The parts of SARIF that are written; the names are the specification's.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID         string     `json:"id"`
		Short      sarifText  `json:"shortDescription"`
		Help       *sarifText `json:"help,omitempty"`
		Properties struct {
			Tags []string `json:"tags"`
		} `json:"properties"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Start         string              `json:"startTimeUtc,omitempty"`
		End           string              `json:"endTimeUtc,omitempty"`
		Notifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations,omitempty"`
		Prints       map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region sarifRegion `json:"region"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifSuppression struct {
		Kind   string `json:"kind"`
		Status string `json:"status"`
		Why    string `json:"justification"`
	}
)
