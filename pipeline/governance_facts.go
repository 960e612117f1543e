package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the same attainment on a machine without time zones

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// attainment works out how promises were kept, from when versions were published.
func (g *governance) attainment(t *Table, doc *record.GovernedTable, commits []delta.Commit) {
	var published []time.Time // of the whole log: what was there when the period began counts
	for _, c := range commits {
		if note, ok := commitNote(c); ok && note.Pipeline == g.Name && c.Time.Before(g.end()) {
			published = append(published, c.Time)
		}
	}
	if text := t.Suite.SLA.Freshness; text != "" {
		doc.Attainment = append(doc.Attainment, freshness(text, published, g.opt.From, g.end()))
	}
	if text := t.Suite.SLA.Availability; text != "" {
		doc.Attainment = append(doc.Attainment, availability(text, published, g.opt.From, g.end()))
	}
	batches := record.Attainment{Objective: "batches", Promised: "accepted by the gate", Verdict: record.Pass}
	rows := record.Attainment{Objective: "rows", Promised: "accepted by the rules", Verdict: record.Pass}
	for _, s := range doc.History {
		switch s.Outcome {
		case "refused":
			batches.Of++
		case "published":
			batches.Of, batches.Met = batches.Of+1, batches.Met+1
			rows.Of += s.Counts.Returned
			rows.Met += s.Counts.Returned - s.Counts.Quarantined - s.Counts.Dropped
		}
	}
	batches.Message = fmt.Sprintf("%s of %s accepted", thousands(batches.Met), thousands(batches.Of))
	rows.Message = fmt.Sprintf("%s came in published batches; quarantined or dropped: %s", plural(rows.Of, "row"), thousands(rows.Of-rows.Met))
	for _, a := range []*record.Attainment{&batches, &rows} {
		if a.Of == 0 {
			a.Verdict = record.Skipped
		} else if a.Met < a.Of {
			a.Verdict = record.Warn
		}
		doc.Attainment = append(doc.Attainment, *a)
	}
}

// freshness is the share of the time in which the newest version was no older than promised.
func freshness(promised string, published []time.Time, from *time.Time, end time.Time) record.Attainment {
	a := record.Attainment{Objective: "freshness", Promised: promised, Verdict: record.Skipped}
	most, err := parseAge(promised)
	if err != nil {
		a.Message = "not measured: " + err.Error()
		return a
	}
	if len(published) == 0 {
		a.Message = "no version was published"
		return a
	}
	start := later(published[0], from)
	total := end.Sub(start)
	if total <= 0 {
		a.Message = "the period has no time yet"
		return a
	}
	var late, longest time.Duration
	times := 0
	for i, at := range published {
		next := end
		if i+1 < len(published) {
			next = published[i+1]
		}
		stale := at.Add(most)
		if stale.Before(start) {
			stale = start
		}
		if next.After(stale) && next.After(start) {
			late += next.Sub(stale)
			times++
		}
		if next.After(start) {
			longest = max(longest, next.Sub(at))
		}
	}
	a.Of, a.Met = int64(total/time.Second), int64((total-late)/time.Second)
	a.Verdict = record.Pass
	a.Message = fmt.Sprintf("never older than promised; at most %s between versions", longest.Round(time.Second))
	if late > 0 {
		a.Verdict = record.Warn
		a.Message = fmt.Sprintf("older than promised %s, for %s in all; at most %s between versions", plural(int64(times), "time"), late.Round(time.Second), longest.Round(time.Second))
	}
	return a
}

// later is the later of the first version and the begin of the period, if it has one.
func later(first time.Time, from *time.Time) time.Time {
	if from != nil && from.After(first) {
		return *from
	}
	return first
}

// parseAge reads 26h or 2d.
func parseAge(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 16)
		if err != nil || n <= 0 {
			return 0, fmt.Errorf("%q is no duration; write 26h or 2d", text)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no duration; write 26h or 2d", text)
	}
	return d, nil
}

// availability counts the days on which a version of the last 24 hours was there in time.
func availability(promised string, published []time.Time, from *time.Time, end time.Time) record.Attainment {
	a := record.Attainment{Objective: "availability", Promised: promised, Verdict: record.Skipped}
	hour, zone, _ := strings.Cut(promised, " ")
	clock, err := time.Parse("15:04", hour)
	place := time.UTC
	if err == nil && zone != "" {
		place, err = time.LoadLocation(zone)
	}
	if err != nil {
		a.Message = fmt.Sprintf("not measured: %q is no time of the day; write 08:00 Europe/Paris", promised)
		return a
	}
	if len(published) == 0 {
		a.Message = "no version was published"
		return a
	}
	start := later(published[0], from)
	first := start.In(place)
	missed := ""
	for day := 0; ; day++ {
		due := time.Date(first.Year(), first.Month(), first.Day()+day, clock.Hour(), clock.Minute(), 0, 0, place)
		if due.After(end) {
			break
		}
		if due.Before(start) {
			continue
		}
		before := time.Date(first.Year(), first.Month(), first.Day()+day-1, clock.Hour(), clock.Minute(), 0, 0, place)
		a.Of++
		if slices.ContainsFunc(published, func(at time.Time) bool { return at.After(before) && !at.After(due) }) {
			a.Met++
		} else {
			missed = due.Format(time.DateOnly)
		}
	}
	if a.Of == 0 {
		a.Message = "no day of the period is over yet"
		return a
	}
	a.Verdict, a.Message = record.Pass, fmt.Sprintf("in time on %d of %s", a.Met, plural(a.Of, "day"))
	if missed != "" {
		a.Verdict = record.Warn
		a.Message += ", last missed on " + missed
	}
	return a
}

// readers are what reads the table: exposures, and tables that are made from it.
func (g *governance) readers(t *Table, doc *record.GovernedTable) {
	for _, x := range g.Exposures {
		r := record.Reader{ID: x.Name, Kind: x.Kind, Owner: x.Owner, Columns: []string{}}
		reads := false
		for _, path := range x.Reads {
			if name, column := readPath(path); name == t.Name {
				reads = true
				if column != "" {
					r.Columns = append(r.Columns, column)
				}
			}
		}
		if reads {
			doc.Readers = append(doc.Readers, r)
		}
	}
	for _, l := range g.Layers {
		for _, down := range l.Tables {
			if slices.Contains(down.DependsOn, t.Name) {
				doc.Readers = append(doc.Readers, record.Reader{ID: down.Name, Kind: "table", Owner: down.Suite.Owner, Columns: g.readColumns(t.Name, down.Name)})
			}
		}
	}
}

// readColumns are the columns of a table that another was made from.
func (g *governance) readColumns(from, to string) []string {
	out := []string{}
	if g.graph == nil {
		return out
	}
	i := slices.IndexFunc(g.graph.Tables, func(t record.GraphTable) bool { return t.Name == to })
	if i < 0 {
		return out
	}
	for _, column := range append([]string{""}, g.graph.Tables[i].Columns...) {
		for _, e := range g.into[endpoint{to, column}] {
			if e.FromTable == from && e.FromColumn != "" {
				out = append(out, e.FromColumn)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// critical lists the columns that matter most, and where their values come from: keys,
// personal data, those that are tagged critical, and those that exposures name.
func (g *governance) critical(t *Table, doc *record.GovernedTable, schema table.Schema) {
	why := map[string][]string{}
	for _, k := range t.Keys {
		why[k] = append(why[k], "key")
	}
	types := map[string]string{}
	var order []string
	for _, f := range schema.Fields {
		types[f.Name] = f.Type.String()
		order = append(order, f.Name)
	}
	for i := range t.Suite.Columns {
		c := &t.Suite.Columns[i]
		if c.Key && !slices.Contains(t.Keys, c.Name) {
			why[c.Name] = append(why[c.Name], "key")
		}
		if c.Personal() {
			why[c.Name] = append(why[c.Name], "personal")
		}
		if slices.Contains(c.Tags, "critical") {
			why[c.Name] = append(why[c.Name], "tagged critical")
		}
		if !slices.Contains(order, c.Name) {
			order = append(order, c.Name)
		}
	}
	for _, r := range doc.Readers {
		if r.Kind != "table" {
			for _, c := range r.Columns {
				why[c] = append(why[c], "read by "+r.ID)
			}
		}
	}
	for _, name := range order {
		if len(why[name]) > 0 {
			e := record.Element{Column: name, Type: types[name], Why: why[name], Sources: g.sources(t.Name, name)}
			if t.Source != nil && len(e.Sources) == 0 {
				e.Sources = []string{g.shown(t.Source.Glob) + ": " + name} // columns of files are found by name
			}
			doc.Critical = append(doc.Critical, e)
		}
	}
}

// sources are the columns at the beginning of a column's lineage, over DIRECT edges.
func (g *governance) sources(table, column string) []string {
	out := []string{}
	seen := map[endpoint]bool{}
	var visit func(p endpoint)
	visit = func(p endpoint) {
		if seen[p] {
			return
		}
		seen[p] = true
		made := false
		for _, e := range g.into[p] {
			if e.Type == "DIRECT" {
				made = true
				visit(endpoint{e.FromTable, e.FromColumn})
			}
		}
		if !made && p != (endpoint{table, column}) {
			out = append(out, strings.TrimSuffix(p.table+"."+p.column, "."))
		}
	}
	visit(endpoint{table, column})
	slices.Sort(out)
	return slices.Compact(out)
}

// processing sums personal data up by purpose, with who reads the tables.
func (g *governance) processing() {
	at := map[string]int{}
	personal := false
	for _, t := range g.doc.Tables {
		for _, c := range t.Personal {
			personal = true
			key := c.Purpose + "\x00" + c.LegalBasis
			i, ok := at[key]
			if !ok {
				i = len(g.doc.Processing)
				at[key] = i
				g.doc.Processing = append(g.doc.Processing, record.Processing{Purpose: c.Purpose, LegalBasis: c.LegalBasis, Recipients: []string{}, Erasure: []string{}})
			}
			p := &g.doc.Processing[i]
			p.Categories = append(p.Categories, c.Categories...)
			p.Tables = append(p.Tables, t.Name)
			if c.RetentionDays != nil {
				p.Erasure = append(p.Erasure, plural(int64(*c.RetentionDays), "day"))
			}
			for _, r := range t.Readers {
				if r.Kind != "table" {
					p.Recipients = append(p.Recipients, r.ID+" ("+strings.TrimSpace(r.Kind+" "+r.Owner)+")")
				}
			}
		}
	}
	for i := range g.doc.Processing {
		p := &g.doc.Processing[i]
		for _, list := range []*[]string{&p.Categories, &p.Tables, &p.Recipients, &p.Erasure} {
			slices.Sort(*list)
			*list = slices.Compact(*list)
		}
	}
	if personal && g.doc.DPO == nil {
		g.open("warn", "personal_data.dpo", "", "write dpo: NAME in the file of owners", "there are personal data, and no data protection officer is named")
	}
	if personal && g.doc.Controller == nil {
		g.open("warn", "personal_data.controller", "", "write controller: {team: ..., email: ...} in the file of owners", "there are personal data, and no controller is named")
	}
}

// lookAt notes the open points of a table that exists.
func (g *governance) lookAt(doc *record.GovernedTable) {
	lost, foreign, restored := 0, 0, 0
	var newest *record.GovernedStep
	for i := range doc.History {
		s := &doc.History[i]
		if s.Lost {
			lost++
		}
		switch s.Outcome {
		case "foreign":
			foreign++
		case "restored":
			restored++
		case "published", "refused":
			newest = s
		}
	}
	if newest != nil && newest.Outcome == "refused" {
		why := ", held back with its layer"
		if len(newest.Failed) > 0 {
			why = ": " + newest.Failed[0].ID
		}
		g.open("warn", "gate.refused", doc.Name, "dq gate list", "the newest batch, of %s, was refused%s; readers see what was published before", newest.At.Format("2006-01-02 15:04 UTC"), why)
	}
	if newest != nil && newest.Outcome == "published" && newest.Verdict == record.Warn {
		g.open("warn", "gate.warned", doc.Name, "", "version %d was published with warnings", *newest.Version)
	}
	if lost > 0 {
		g.open("warn", "record.lost", doc.Name, "restore _dq/runs from a backup", "the run records of %s are gone: what rules said of them is known by the verdict in the table's log alone", plural(int64(lost), "version"))
	}
	if foreign > 0 {
		g.open("warn", "history.foreign", doc.Name, "dq table history "+doc.Location, "%s made by others than this pipeline: no gate judged them before readers saw them", wasWere(foreign, "commit"))
	}
	if restored > 0 {
		g.open("warn", "history.restored", doc.Name, "", "the table was restored %s", plural(int64(restored), "time"))
	}
	for _, a := range doc.Attainment {
		if a.Verdict == record.Warn && a.Objective != "batches" && a.Objective != "rows" {
			g.open("warn", "sla."+a.Objective, doc.Name, "", "%s %s: %s", a.Objective, a.Promised, a.Message)
		}
	}
}

func wasWere(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " was"
	}
	return plural(int64(n), noun) + " were"
}
