package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatChanged(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const a, b = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	log := a + " " + b + " Lea Park <lea@example.com> 1790000000 +0200\tcommit: Drop the fax column\n"
	event := write("event.json", `{"pull_request": {"number": 12, "title": "Drop fax", "user": {"login": "lea"}, "labels": [{"name": "notice"}, {"name": "data"}]}}`)
	for _, c := range []struct {
		name, dir string
		files     map[string]string
		env       map[string]string
		change    string
		actor     string
	}{
		{"branch", "a/sub", map[string]string{"a/.git/HEAD": "ref: refs/heads/fax\n", "a/.git/refs/heads/fax": b + "\n", "a/.git/logs/HEAD": log, "a/sub/x": ""}, map[string]string{"USER": "lea"},
			`{"commit":"` + b + `","author":"Lea Park","branch":"fax","message":"Drop the fax column"}`, `{"id":"lea","kind":"human"}`},
		{"packed, and moved since by something else", "b", map[string]string{"b/.git/HEAD": "ref: refs/heads/fax\n", "b/.git/packed-refs": "# pack-refs\n" + a + " refs/heads/fax\n", "b/.git/logs/HEAD": log}, map[string]string{"USER": "lea", "CI": "1"},
			`{"commit":"` + a + `","branch":"fax"}`, `{"id":"lea","kind":"ci"}`},
		{"detached", "c", map[string]string{"c/.git/HEAD": b + "\n"}, map[string]string{"AIRFLOW_CTX_DAG_ID": "daily"}, `{"commit":"` + b + `"}`, `{"id":"airflow/daily","kind":"service"}`},
		{"work tree", "d", map[string]string{"d/.git": "gitdir: ../main/.git/worktrees/d\n", "main/.git/worktrees/d/HEAD": "ref: refs/heads/d\n", "main/.git/worktrees/d/commondir": "../..\n", "main/.git/refs/heads/d": a + "\n"}, map[string]string{"LOGNAME": "lea"},
			`{"commit":"` + a + `","branch":"d"}`, `{"id":"lea","kind":"human"}`},
		{"no commit yet", "e", map[string]string{"e/.git/HEAD": "ref: refs/heads/main\n"}, map[string]string{"USER": "lea"}, "null", `{"id":"lea","kind":"human"}`},
		{"request on GitHub", "a", nil, map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "bot", "GITHUB_SHA": a, "GITHUB_HEAD_REF": "fax", "GITHUB_REF_NAME": "12/merge", "GITHUB_EVENT_PATH": event},
			`{"commit":"` + a + `","author":"lea","branch":"fax","pr":"12","message":"Drop fax","labels":["notice","data"]}`, `{"id":"bot","kind":"ci"}`},
		{"push on GitHub", "a", nil, map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "lea", "GITHUB_SHA": a, "GITHUB_REF_NAME": "main"},
			`{"commit":"` + a + `","author":"lea","branch":"main"}`, `{"id":"lea","kind":"ci"}`},
		{"GitLab", "a", nil, map[string]string{"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "ada", "CI_COMMIT_SHA": b, "CI_COMMIT_AUTHOR": "Lea Park <lea@example.com>", "CI_COMMIT_REF_NAME": "fax", "CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_LABELS": "notice,data"},
			`{"commit":"` + b + `","author":"Lea Park \u003clea@example.com\u003e","branch":"fax","pr":"7","labels":["notice","data"]}`, `{"id":"ada","kind":"ci"}`},
	} {
		for name, text := range c.files {
			write(name, text)
		}
		getenv := func(name string) string { return c.env[name] }
		change, _ := json.Marshal(whatChanged(getenv, filepath.Join(dir, c.dir)))
		if string(change) != c.change {
			t.Errorf("%s: %s\nwant %s", c.name, change, c.change)
		}
		if actor, _ := json.Marshal(whoRuns(getenv)); string(actor) != c.actor {
			t.Errorf("%s: %s, want %s", c.name, actor, c.actor)
		}
	}
}

func TestReadChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "change.json")
	read := func(text string) (string, error) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := readChange(file, whatChanged(func(name string) string {
			return map[string]string{"GITLAB_CI": "1", "CI_COMMIT_SHA": "abc", "CI_COMMIT_REF_NAME": "fax"}[name]
		}, ""), time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC))
		out, _ := json.Marshal(c)
		return string(out), err
	}
	got, err := read(`{"approvals": [{"id": "lea", "at": "2026-10-01T14:00:00+02:00"}], "labels": ["notice"], "ticket": "DATA-7", "branch": "main"}`)
	if want := `{"commit":"abc","branch":"main","ticket":"DATA-7","approvals":[{"id":"lea","at":"2026-10-01T12:00:00Z"}],"labels":["notice"]}`; err != nil || got != want {
		t.Errorf("%s %v", got, err)
	}
	for text, want := range map[string]string{
		`{"aprovals": []}`:                                             `change.json:1:2: a change has no "aprovals"; did you mean approvals?`,
		`{"approvals": [{"id": "lea"}]}`:                               "an approval says who gave it, and when",
		`{"approvals": [{"id": "l", "at": "today"}]}`:                  `"today" is no time; write 2026-10-01T12:00:00Z`,
		`{"approvals": [{"id": " ", "at": "2026-10-01T12:00:00Z"}]}`:   `change.json:1:23: the approval names nobody; write who gave it: id: lea`,
		`{"approvals": [{"id": "lea", "at": "2026-10-03T12:00:00Z"}]}`: `change.json:1:36: the approval is of 2026-10-03T12:00:00Z, in the future; write when it was given; it is now 2026-10-02T00:00:00Z`,
		`{"labels": {"a": 1}}`:                                         "labels must be a list",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := readChange(filepath.Join(t.TempDir(), "none.json"), nil, time.Now()); err == nil {
		t.Error("a file that is not there is read")
	}
}
