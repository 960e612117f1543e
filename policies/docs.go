package policies

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Page is the policy's page in Markdown: what it rules, why, what to avoid and to
// prefer, how config.yaml adjusts it, and how to mend what it finds.
func (p Policy) Page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n%s\n\n", p.ID, p.Title, strings.TrimSpace(p.Description))
	fmt.Fprintf(&b, "| severity | category | asked |\n|---|---|---|\n| %s | %s | %s |\n\n", p.severities(), p.Category, p.asked())
	section := func(title, text string) {
		if text = strings.TrimSpace(text); text != "" {
			fmt.Fprintf(&b, "## %s\n\n%s\n\n", title, text)
		}
	}
	code := func(text string) string {
		if strings.TrimSpace(text) == "" {
			return ""
		}
		return "```\n" + strings.TrimRight(text, "\n") + "\n```"
	}
	section("Why", p.Why)
	section("Avoid", code(p.Avoid))
	section("Prefer", code(p.Prefer))
	section("What to do", p.Remediation)
	section("Configuration", p.Configuration)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// severities writes the severity, with the layers where it is another.
func (p Policy) severities() string {
	text := p.Severity["default"]
	var others []string
	for _, layer := range []string{"bronze", "silver", "gold"} {
		if s := p.Severity[layer]; s != "" && s != text {
			others = append(others, layer+" "+s)
		}
	}
	if len(others) > 0 {
		text += "; " + strings.Join(others, ", ")
	}
	return text
}

func (p Policy) asked() string {
	if p.When == "change" {
		return "when the table changes"
	}
	return "in every run"
}

// Index is a page in Markdown that lists policies by category, and the
// thresholds that they go by.
func Index(list []Policy) string {
	var b strings.Builder
	b.WriteString(`# Bundled policies

Each rules on one change of one table: before any data are read (op plan), and again before the commit, with what is known
of the rows. An error denies the change, a warning does not. ` + "`config.yaml`" + ` in the folder of policies says which are used and
how hard they are (its JSON Schema: ` + "`dq schema policies`" + `); a waiver lets findings through until a date.

`)
	var categories []string
	for _, p := range list {
		if !slices.Contains(categories, p.Category) {
			categories = append(categories, p.Category)
		}
	}
	slices.Sort(categories)
	for _, c := range categories {
		fmt.Fprintf(&b, "## %s\n\n| id | rule | severity |\n|---|---|---|\n", c)
		for _, p := range list {
			if p.Category == c {
				fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", p.ID, p.ID, p.Title, p.severities())
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("## Thresholds\n\n| name | default | means |\n|---|---|---|\n")
	for _, t := range Thresholds {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", t.Name, t.Default, t.Means)
	}
	return b.String()
}

// ConfigSchema is the JSON Schema (draft 7) of config.yaml, by which editors
// complete and check it. Names of policies are those of the list.
func ConfigSchema(list []Policy) []byte {
	type part = map[string]any
	text := part{"type": "string"}
	texts := part{"type": "array", "items": text}
	object := func(properties part, required ...string) part {
		o := part{"type": "object", "properties": properties, "additionalProperties": false}
		if len(required) > 0 {
			o["required"] = required
		}
		return o
	}
	var names []string
	for _, p := range list {
		names = append(names, p.ID)
		if !slices.Contains(names, p.Category) {
			names = append(names, p.Category)
		}
	}
	slices.Sort(names)
	name := part{"enum": names}
	day := part{"type": "string", "pattern": `^\d{4}-\d{2}-\d{2}$`}
	scoped := func(more part) part {
		more["table"] = part{"type": "string", "description": "Glob: * within a part of the name, ** across dots."}
		more["layer"], more["env"] = text, part{"enum": Environments}
		return more
	}
	thresholds := part{}
	for _, t := range Thresholds {
		thresholds[t.Name] = part{"type": "integer", "minimum": 0, "default": t.Default, "description": t.Means}
	}
	named := part{"type": "array", "items": name}
	schema := object(part{
		"use":             named,
		"except":          named,
		"modes":           part{"type": "array", "items": object(scoped(part{"policy": name, "mode": part{"enum": modeNames}}), "mode")},
		"thresholds":      object(thresholds),
		"freeze":          part{"type": "array", "items": object(scoped(part{"from": day, "to": day, "reason": text}), "from", "to", "reason")},
		"privacy_group":   text,
		"groups":          part{"type": "object", "additionalProperties": texts},
		"classifications": part{"type": "array", "items": text, "description": "The lowest first."},
		"reserved_words":  texts,
		"readers": part{"type": "object", "additionalProperties": object(part{
			"reader": part{"type": "integer", "minimum": 1}, "features": texts})},
	})
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	schema["title"] = "dq: how policies are adjusted"
	out, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic("policies: schema: " + err.Error()) // it holds nothing that has no JSON
	}
	return append(out, '\n')
}
