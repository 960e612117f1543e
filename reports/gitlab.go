package reports

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"

	"github.com/dq-dev/dq/record"
)

// writeGitLab writes GitLab's code quality report: one entry for each thing that is
// wrong, the worst first. A path is needed of each; what has neither a line nor a
// suite is said to be in the pipeline's file.
func writeGitLab(w io.Writer, run *record.Run) error {
	blocking, warnings := issues(run)
	list := []gitlabIssue{}
	marks := marker{}
	for _, issues := range [][]issue{blocking, warnings, notes(run)} {
		for n := range issues {
			i := &issues[n]
			file, line, _ := i.place()
			g := gitlabIssue{Description: i.short(), Check: clean(orElse(i.id(), "dq"), maxName), Fingerprint: marks.of(i), Severity: gitlabSeverity[i.verdict]}
			g.Location.Path, g.Location.Lines.Begin = gitlabPath(file), line
			list = append(list, g)
		}
	}
	if len(blocking) == 0 && (run.Verdict == record.Fail || run.Verdict == record.Error) {
		i := issue{verdict: run.Verdict, finding: &record.Finding{Rule: "run"}}
		g := gitlabIssue{Description: clean(headline(run)+": "+summary(run), maxMessage), Check: "run", Fingerprint: marks.of(&i), Severity: gitlabSeverity[run.Verdict]}
		g.Location.Path, g.Location.Lines.Begin = gitlabPath(""), 1
		list = append(list, g)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(list)
}

var gitlabSeverity = map[record.Verdict]string{record.Error: "blocker", record.Fail: "critical", record.Warn: "minor", record.Vacuous: "info", noted: "info"}

// gitlabPath is a path as GitLab wants it: from the top of the repository, without ./.
func gitlabPath(file string) string {
	file = strings.TrimPrefix(filepath.ToSlash(clean(file, 4096)), "./")
	if file == "" {
		return "pipeline.yaml"
	}
	return file
}

type gitlabIssue struct {
	Description string `json:"description"`
	Check       string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}
