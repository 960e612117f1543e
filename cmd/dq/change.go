package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/policies"
)

// whoRuns tells policies who runs dq: what the CI or the scheduler says of it in
// the environment, else the user of the system.
func whoRuns(getenv func(string) string) *policies.Actor {
	first := func(names ...string) string {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	switch {
	case getenv("GITHUB_ACTIONS") != "":
		return &policies.Actor{ID: first("GITHUB_ACTOR"), Kind: "ci"}
	case getenv("GITLAB_CI") != "":
		return &policies.Actor{ID: first("GITLAB_USER_LOGIN"), Kind: "ci"}
	case getenv("AIRFLOW_CTX_DAG_ID") != "":
		return &policies.Actor{ID: "airflow/" + getenv("AIRFLOW_CTX_DAG_ID"), Kind: "service"}
	}
	kind := "human"
	if getenv("CI") != "" {
		kind = "ci"
	}
	id := first("USER", "LOGNAME", "USERNAME")
	if u, err := user.Current(); id == "" && err == nil {
		id = u.Username
	}
	return &policies.Actor{ID: id, Kind: kind}
}

// whatChanged tells policies which change of code a run is for: what the CI says of
// it in the environment, else the commit that is checked out around dir; nil when
// there is neither. No process is started.
func whatChanged(getenv func(string) string, dir string) *policies.ChangeSet {
	switch {
	case getenv("GITHUB_ACTIONS") != "":
		c := &policies.ChangeSet{Commit: getenv("GITHUB_SHA"), Author: getenv("GITHUB_ACTOR"), Branch: getenv("GITHUB_HEAD_REF")}
		if c.Branch == "" {
			c.Branch = getenv("GITHUB_REF_NAME")
		}
		var event struct {
			Request *struct {
				Number json.Number             `json:"number"`
				Title  string                  `json:"title"`
				User   struct{ Login string }  `json:"user"`
				Labels []struct{ Name string } `json:"labels"`
			} `json:"pull_request"`
		}
		data, err := os.ReadFile(getenv("GITHUB_EVENT_PATH"))
		if err == nil && json.Unmarshal(data, &event) == nil && event.Request != nil {
			c.PR, c.Message, c.Author = event.Request.Number.String(), event.Request.Title, event.Request.User.Login
			for _, l := range event.Request.Labels {
				c.Labels = append(c.Labels, l.Name)
			}
		}
		return c
	case getenv("GITLAB_CI") != "":
		c := &policies.ChangeSet{Commit: getenv("CI_COMMIT_SHA"), Author: getenv("CI_COMMIT_AUTHOR"), Branch: getenv("CI_COMMIT_REF_NAME"),
			PR: getenv("CI_MERGE_REQUEST_IID"), Message: getenv("CI_COMMIT_MESSAGE")}
		if b := getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"); b != "" {
			c.Branch = b
		}
		if labels := getenv("CI_MERGE_REQUEST_LABELS"); labels != "" {
			c.Labels = strings.Split(labels, ",")
		}
		return c
	}
	for {
		if c := checkedOut(filepath.Join(dir, ".git")); c != nil {
			return c
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil
		}
		dir = up
	}
}

// checkedOut reads what is checked out from the files of a git repository: HEAD, the
// branch that it names, and who put it there and why from the log of HEAD; nil when
// git is no such repository.
func checkedOut(git string) *policies.ChangeSet {
	common := git
	if text, err := os.ReadFile(git); err == nil { // a file that names the folder: a work tree
		to, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
		if !ok {
			return nil
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(git), to)
		}
		git, common = to, to
		if text, err := os.ReadFile(filepath.Join(git, "commondir")); err == nil {
			common = filepath.Join(git, strings.TrimSpace(string(text)))
		}
	}
	head, err := os.ReadFile(filepath.Join(git, "HEAD"))
	if err != nil {
		return nil
	}
	c := &policies.ChangeSet{Commit: strings.TrimSpace(string(head))}
	if ref, ok := strings.CutPrefix(c.Commit, "ref: "); ok {
		c.Branch, c.Commit = strings.TrimPrefix(ref, "refs/heads/"), ""
		if text, err := os.ReadFile(filepath.Join(common, filepath.FromSlash(ref))); err == nil {
			c.Commit = strings.TrimSpace(string(text))
		} else if packed, err := os.ReadFile(filepath.Join(common, "packed-refs")); err == nil {
			for line := range strings.Lines(string(packed)) {
				if commit, name, _ := strings.Cut(strings.TrimSpace(line), " "); name == ref {
					c.Commit = commit
				}
			}
		}
	}
	if c.Commit == "" {
		return nil // of no commit yet
	}
	// The last line of the log: from to Name <mail> time zone, a tab, what was done.
	log, _ := os.ReadFile(filepath.Join(git, "logs", "HEAD"))
	line := log[bytes.LastIndexByte(bytes.TrimSpace(log), '\n')+1:]
	who, what, _ := strings.Cut(strings.TrimSpace(string(line)), "\t")
	parts := strings.SplitN(who, " ", 3)
	if what, ok := strings.CutPrefix(what, "commit: "); ok && len(parts) == 3 && parts[1] == c.Commit {
		name, _, _ := strings.Cut(parts[2], " <")
		c.Author, c.Message = name, what
	}
	return c
}

// readChange reads what a file, JSON or YAML, says of the change over what is known
// of it: commit, author, branch, pr, ticket, message, labels and approvals,
// [{id: lea, at: 2026-10-01T12:00:00Z}], none of them after now. Errors are yamlpos.Errors.
func readChange(file string, known *policies.ChangeSet, now time.Time) (*policies.ChangeSet, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		return nil, err
	}
	c := policies.ChangeSet{}
	if known != nil {
		c = *known
	}
	f := doc.Root.Map("a change", "commit", "author", "branch", "pr", "ticket", "message", "approvals", "labels")
	for key, to := range map[string]*string{"commit": &c.Commit, "author": &c.Author, "branch": &c.Branch, "pr": &c.PR, "ticket": &c.Ticket, "message": &c.Message} {
		if f[key] != nil {
			*to = f[key].String()
		}
	}
	if f["labels"] != nil {
		c.Labels = f["labels"].Strings("labels")
	}
	for _, n := range f["approvals"].List("approvals", false) {
		a := n.Map("an approval", "id", "at")
		if a["id"] == nil || a["at"] == nil {
			n.Errorf("write {id: lea, at: 2026-10-01T12:00:00Z}", "an approval says who gave it, and when")
			continue
		}
		at, err := time.Parse(time.RFC3339, a["at"].String())
		if err != nil {
			a["at"].Errorf("write 2026-10-01T12:00:00Z", "%q is no time", a["at"].Text)
		} else if at.After(now) {
			a["at"].Errorf("write when it was given; it is now "+now.UTC().Format(time.RFC3339), "the approval is of %s, in the future", a["at"].Text)
		}
		id := strings.TrimSpace(a["id"].String())
		if id == "" {
			a["id"].Errorf("write who gave it: id: lea", "the approval names nobody")
		}
		c.Approvals = append(c.Approvals, policies.Approval{ID: id, At: at.UTC()})
	}
	return &c, doc.Err()
}
