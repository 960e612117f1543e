package duckdb

import (
	"fmt"
	"strings"
)

// dialect spells DuckDB's SQL.
type dialect struct{}

func (dialect) Name() string { return "duckdb" }

func (dialect) Ident(name string) string { return ident(name) }

func (dialect) Literal(text string) string { return literal(text) }

func (dialect) Relation(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = ident(p)
	}
	return strings.Join(parts, ".")
}

func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(text string) string {
	// DuckDB's parser ends at a zero byte, so one is spelled as a function.
	if strings.ContainsRune(text, 0) {
		parts := strings.Split(text, "\x00")
		for i, p := range parts {
			parts[i] = literal(p)
		}
		return "(" + strings.Join(parts, " || chr(0) || ") + ")"
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func literals(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = literal(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// exactly has DuckDB take a path as it is: without it, one with a *, ? or [ stands for
// other files, too.
var exactly = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]")

// fileAt and filesAt are the argument of a function that reads files.
func fileAt(path string) string { return literal(exactly.Replace(path)) }

func filesAt(paths []string) string {
	exact := make([]string, len(paths))
	for i, p := range paths {
		exact[i] = exactly.Replace(p)
	}
	return literals(exact)
}

// splitName reads the name of a relation: schema.table, or a bare table.
func splitName(name string) (schema, relation string, err error) {
	parts := strings.Split(name, ".")
	for _, p := range parts {
		if p == "" {
			return "", "", fmt.Errorf("duckdb: relation %q: a part of the name is empty; write layer.table or table", name)
		}
	}
	switch {
	case len(parts) == 1:
		return "main", parts[0], nil
	case len(parts) > 2:
		return "", "", fmt.Errorf("duckdb: relation %q has %d parts; write layer.table or table", name, len(parts))
	}
	switch strings.ToLower(parts[0]) {
	case "temp", "system", "memory", "information_schema", "pg_catalog", hiddenSchema:
		return "", "", fmt.Errorf("duckdb: relation %q: %q is a name that DuckDB keeps for itself; call the layer something else", name, parts[0])
	}
	return parts[0], parts[1], nil
}
