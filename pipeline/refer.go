package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// mostReferred is how long a file can be that a value stands for.
const mostReferred = 64 << 10

// shortSecret is the shortest value that messages hide: a shorter one may be part of
// any word.
const shortSecret = 4

// refer puts what ${env:NAME} and ${file:PATH} stand for into the values of the
// document; what is wrong is noted. It returns what puts the references back where
// messages would show such a value: it may be a secret.
func (l *loader) refer() func(yamlpos.Errors) yamlpos.Errors {
	var back []string // pairs: value, reference
	seen := map[*yamlpos.Node]bool{}
	var walk func(n *yamlpos.Node)
	walk = func(n *yamlpos.Node) {
		if seen[n] {
			return // an alias is the node of its anchor
		}
		seen[n] = true
		for _, e := range n.Entries {
			walk(e.Value)
		}
		for _, item := range n.Items {
			walk(item)
		}
		if n.Kind == yamlpos.Scalar && strings.Contains(n.Text, "${") {
			text, used := l.expand(n)
			n.Text, back = text, append(back, used...)
		}
	}
	walk(l.doc.Root)
	names := strings.NewReplacer(back...)
	return func(errs yamlpos.Errors) yamlpos.Errors {
		for i := range errs {
			errs[i].Message, errs[i].Hint = names.Replace(errs[i].Message), names.Replace(errs[i].Hint)
		}
		return errs
	}
}

// expand is a value with what its references stand for, and these as pairs.
func (l *loader) expand(n *yamlpos.Node) (text string, used []string) {
	var out strings.Builder
	rest := n.Text
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			return out.String(), used
		}
		at := len(n.Text) - len(rest) + len(before)
		inner, behind, closed := strings.Cut(after, "}")
		value, problem, hint := "", "${ is not closed", "write ${env:NAME} or ${file:PATH}"
		if closed {
			value, problem, hint = l.referred(inner)
		}
		if problem != "" {
			n.Document().Note(n.ErrorAt(at, hint, problem))
		}
		if !closed {
			return out.String(), used
		}
		if len(value) >= shortSecret {
			used = append(used, value, "${"+inner+"}")
		}
		out.WriteString(value)
		rest = behind
	}
}

// referred is what the inside of ${ } stands for, or what is wrong with it.
func (l *loader) referred(inner string) (value, problem, hint string) {
	kind, name, _ := strings.Cut(inner, ":")
	switch {
	case kind == "env" && name != "":
		value, ok := os.LookupEnv(name)
		if !ok {
			return "", fmt.Sprintf("the environment has no variable %s", name), "set it: export " + name + "=…"
		}
		if value == "" {
			return "", fmt.Sprintf("the variable %s of the environment is empty", name), "set it: export " + name + "=…"
		}
		return value, "", ""
	case kind == "file" && name != "":
		path := relativeTo(l.dir, name)
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", fmt.Sprintf("there is no file %s%s", path, nearFile(path)), ""
		case err == nil && !info.Mode().IsRegular():
			return "", path + " is no file", ""
		case err == nil && info.Size() > mostReferred:
			return "", fmt.Sprintf("%s has %d bytes; a value has at most %d", path, info.Size(), mostReferred), ""
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err.Error(), ""
		}
		if value = strings.TrimRight(string(data), "\r\n"); value == "" {
			return "", path + " is empty", "write the value into it"
		}
		return value, "", ""
	}
	hint = "write ${env:NAME} for a variable of the environment, ${file:PATH} for what a file holds"
	if kind != "env" && kind != "file" && !strings.Contains(inner, ":") && tableName.MatchString(strings.ToLower(inner)) {
		hint = "write ${env:" + inner + "}"
	}
	return "", fmt.Sprintf("${%s} stands for nothing", inner), hint
}
