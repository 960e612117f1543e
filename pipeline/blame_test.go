package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
)

// TestFindBad: a letter for each version from 0 on: p passes, w warns, f fails; in
// capitals nothing was kept, and - cannot be judged. Failures are the numbers behind.
func TestFindBad(t *testing.T) {
	verdicts := map[byte]record.Verdict{'p': record.Pass, 'w': record.Warn, 'f': record.Fail}
	for name, c := range map[string]struct {
		history string
		failed  []int64
		want    string
	}{
		"never":                       {history: "ppp", want: "none; 3 kept, 0 checked"},
		"since":                       {history: "ppwww", want: "2 after 1; 4 kept"},
		"twice":                       {history: "pwpwp", want: "3 after 2, passes at 4; 3 kept"},
		"warning becomes failure":     {history: "pwwff", want: "3 after 2; 3 kept"},
		"better and still bad":        {history: "pfw", want: "1 after 0; 3 kept"},
		"always":                      {history: "www", failed: []int64{1, 9, 9}, want: "1 after 0, always; 3 kept"},
		"always the same":             {history: "www", failed: []int64{2, 2, 2}, want: "0, always; 3 kept"},
		"nothing kept":                {history: "PPPPPWWW", want: "5 after 4, between 0 and 7; 0 kept, 5 checked"},
		"nothing kept, newest passes": {history: "PWP", want: "none; 0 kept, 1 checked"},
		"nothing kept, always":        {history: "WWW", want: "0, always; 0 kept, 2 checked"},
		"a gap":                       {history: "pPPWWw", want: "3 after 2, between 0 and 5; 2 kept, 2 checked"},
		"older ones not kept":         {history: "PPWww", want: "2 after 1, between 0 and 3; 2 kept, 3 checked"},
		"newest not kept":             {history: "ppW", want: "2 after 1; 1 kept, 1 checked"},
		"files gone":                  {history: "---WW", want: "3, always, between 0 and 4; 0 kept, 4 checked"},
		"newest gone":                 {history: "pp-", want: "none; 0 kept, 1 checked"},
	} {
		t.Run(name, func(t *testing.T) {
			said := func(version int64) *record.Expectation {
				v, ok := verdicts[c.history[version]|0x20]
				if !ok {
					return nil
				}
				e := &record.Expectation{Verdict: v}
				if c.failed != nil {
					e.Failed = c.failed[version]
				}
				return e
			}
			var versions []*pipeline.Judged
			for v := len(c.history) - 1; v >= 0; v-- {
				versions = append(versions, &pipeline.Judged{Version: int64(v)})
			}
			found, err := pipeline.FindBad(context.Background(), versions, func(_ context.Context, j *pipeline.Judged) (*record.Expectation, error) {
				if c.history[j.Version] < 'a' {
					return nil, nil
				}
				return said(j.Version), nil
			}, func(_ context.Context, version int64) (*record.Expectation, string, error) {
				return said(version), "its files are gone", nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got := "none"
			if found.Bad != nil {
				got = fmt.Sprint(found.Bad.Version)
			}
			if found.Before != nil {
				got += fmt.Sprintf(" after %d", found.Before.Version)
			}
			if found.Passes != nil {
				got += fmt.Sprintf(", passes at %d", found.Passes.Version)
			}
			if found.Always {
				got += ", always"
			}
			if found.From != nil {
				got += fmt.Sprintf(", between %d and %d", *found.From, *found.To)
			}
			if got += fmt.Sprintf("; %d kept", found.Stored); found.Checked > 0 || found.Bad == nil {
				got += fmt.Sprintf(", %d checked", found.Checked)
			}
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.history, got, c.want)
			}
		})
	}
}
