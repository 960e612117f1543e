package suggest

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Backtest is what suites of earlier versions of a table said of the versions that came
// after them, the oldest first.
//
// A version that fails some rules is held back, as a gate would: the next one is judged by the same
// suite. Rules that it keeps again were right, and the version was an incident; those that it
// fails again gave a false alarm, for the change was meant.
type Backtest struct {
	// Alpha is the rate of false alarms that a rule may have at most, at 95 %.
	Alpha  float64
	trials []map[string]Outcome
	held   map[string]Outcome // what failed in the version before, nil when it did not
	// incidents are the trials of versions that were held back and had failed for good.
	incidents int
}

// Outcome is what a rule said of the next version.
type Outcome struct {
	Judged, Bad int64 // rows; 0 of a rule on the table
	Failed      bool
}

// Dropped is a rule that a backtest left out.
type Dropped struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// Backtested is how a suite was tested.
type Backtested struct {
	Versions int     `json:"versions"` // that were learned from
	Tested   int     `json:"tested"`   // of them the newer ones, on which false alarms were counted
	Alpha    float64 `json:"alpha"`
	Enough   bool    `json:"enough"` // so many that a rule without a false alarm is below alpha
	Alarms   int     `json:"alarms"` // of the tested ones the kept rules would have failed falsely, all together
	// Incidents are versions that failed rules which the next one kept again.
	Incidents int       `json:"incidents"`
	Dropped   []Dropped `json:"dropped"`
}

// Add is told what the suite in force said of the next version, by the rule's id, and
// says whether the version is taken, so that the next suite is learned from it.
func (b *Backtest) Add(outcomes map[string]Outcome) (taken bool) {
	failed := map[string]Outcome{}
	for id, o := range outcomes {
		if o.Failed {
			failed[id] = o
		}
	}
	if b.held == nil {
		b.trials = append(b.trials, outcomes)
		if len(failed) > 0 {
			b.held = failed
		}
		return len(failed) == 0
	}
	healed := len(b.held) > 0
	last := b.trials[len(b.trials)-1]
	now := map[string]Outcome{}
	for id, o := range outcomes {
		before, was := b.held[id]
		switch {
		case was && o.Failed: // the same change is one alarm
			healed = false
		case was:
			last[id] = Outcome{Judged: before.Judged}
			now[id] = o
		default:
			now[id] = o
		}
	}
	if healed {
		b.incidents++
	}
	b.trials = append(b.trials, now)
	b.held = nil
	return true
}

// atMost is the share of bad rows that a rule may bear at most: one that bears more says nothing.
const atMost = 0.1

// Keep leaves those rules in a suite, that of the newest version, whose rate of false
// alarms is below alpha, with its bound. The older third
// of the trials sets what a rule bears, the newer two count the alarms. When they are so
// few that no rule can be below alpha, rules without an alarm stay.
func (b *Backtest) Keep(s *Suite) {
	first := len(b.trials) / 3
	tested := b.trials[first:]
	out := &Backtested{Versions: len(b.trials) + 1, Tested: len(tested), Alpha: b.Alpha, Incidents: b.incidents, Dropped: []Dropped{}}
	out.Enough = atMostOf(0, len(tested)) <= b.Alpha
	alarmed := make([]bool, len(tested))
	s.Rules = slices.DeleteFunc(s.Rules, func(r Rule) bool {
		drop := func(format string, args ...any) bool {
			out.Dropped = append(out.Dropped, Dropped{r.ID, fmt.Sprintf(format, args...)})
			return true
		}
		bears, alarms := b.judge(&r, first)
		bound := atMostOf(len(alarms), r.Trials)
		switch {
		case bears > atMost && r.OnFail != "warn":
			return drop("up to %.3g %% of rows broke it from one version to the next", 100*bears)
		case r.Trials == 0:
			return drop("no version before the newest has it")
		case bound > b.Alpha && out.Enough:
			return drop("%s, at most %.3g %%", said(len(alarms), r.Trials), 100*bound)
		case len(alarms) > 0 && !out.Enough:
			return drop("%s", said(len(alarms), r.Trials))
		}
		for _, i := range alarms {
			alarmed[i] = true
		}
		return false
	})
	for i := range s.Rules {
		r := &s.Rules[i]
		bears, alarms := b.judge(r, first)
		if bears > 0 && r.OnFail != "warn" && (r.Fail == "" || 1-bears < r.Confidence) {
			r.Fail = number(decimalText(math.Floor((1-bears)*1000) / 1000))
		}
		r.Alarms, r.AlarmsAtMost = len(alarms), math.Ceil(atMostOf(len(alarms), r.Trials)*1000)/1000
		r.Why += fmt.Sprintf("; %s (at most %.3g %%)", said(r.Alarms, r.Trials), 100*r.AlarmsAtMost)
	}
	for _, a := range alarmed {
		if a {
			out.Alarms++
		}
	}
	s.Backtest = out
}

// judge gives the share of bad rows that a rule bore in the older trials, and in which of the
// newer ones more broke it. It counts the newer ones that had it.
func (b *Backtest) judge(r *Rule, first int) (bears float64, alarms []int) {
	r.Trials = 0
	for i, t := range b.trials {
		o, ok := t[r.ID]
		switch {
		case !ok:
		case i < first:
			if o.Judged > 0 {
				bears = math.Max(bears, float64(o.Bad)/float64(o.Judged))
			}
		default:
			r.Trials++
			if o.Failed && (o.Judged == 0 || float64(o.Bad) > bears*float64(o.Judged)) {
				alarms = append(alarms, i-first)
			}
		}
	}
	return bears, alarms
}

func said(alarms, versions int) string {
	what := map[int]string{0: "no false alarm", 1: "1 false alarm"}[alarms]
	if what == "" {
		what = fmt.Sprintf("%d false alarms", alarms)
	}
	if versions == 1 {
		return what + " in 1 version"
	}
	return fmt.Sprintf("%s in %d versions", what, versions)
}

// atMostOf is the upper end at 95 %, one-sided, of the rate of what was seen k times in n
// trials (Clopper and Pearson): the rate at which k or fewer are seen in 5 % of cases.
func atMostOf(k, n int) float64 {
	if k >= n {
		return 1
	}
	low, high := 0.0, 1.0
	for range 60 {
		p := (low + high) / 2
		sum := 0.0
		for i := range k + 1 {
			a, _ := math.Lgamma(float64(n + 1))
			b, _ := math.Lgamma(float64(i + 1))
			c, _ := math.Lgamma(float64(n - i + 1))
			sum += math.Exp(a - b - c + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
		}
		if sum > 0.05 {
			low = p
		} else {
			high = p
		}
	}
	return high
}

// For gives the suite without what reads columns that a table does not have.
func (s *Suite) For(columns []string) *Suite {
	has := func(name string) bool { return slices.Contains(columns, name) }
	out := *s
	out.Columns = slices.DeleteFunc(slices.Clone(s.Columns), func(c Column) bool { return !has(c.Name) })
	out.Rules = slices.DeleteFunc(slices.Clone(s.Rules), func(r Rule) bool {
		return slices.ContainsFunc(r.Columns, func(c string) bool { return !has(c) })
	})
	return &out
}

// head says how the suite was tested.
func (b *Backtested) head(w *strings.Builder) {
	fmt.Fprintf(w, "# Learned from %d versions, of which the newer %d tested it: its rules would have stopped %d of them\n", b.Versions, b.Tested, b.Alarms)
	fmt.Fprintf(w, "# falsely. %d of all versions failed rules that the next one kept again: incidents.\n", b.Incidents)
	if !b.Enough {
		fmt.Fprintf(w, "# So few cannot show that a rule has less than %.3g %% false alarms (at 95 %%): rules without any stay.\n", 100*b.Alpha)
	}
}

// tail says what was left out.
func (b *Backtested) tail(w *strings.Builder) {
	for _, d := range b.Dropped {
		fmt.Fprintf(w, "# left out: %s: %s\n", inside.ReplaceAllString(d.ID, "?"), d.Why)
	}
}
