package gx

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var conditionToken = regexp.MustCompile("^(?:\\s+|'[^']*'|\"[^\"]*\"|`[^`]*`|col\\((?:'[^']*'|\"[^\"]*\")\\)|[A-Za-z_]\\w*(?:\\.(?:notnull|notNull|isnull|isna|notna|is_not_null|is_null)\\(\\))?|-?[0-9]+(?:\\.[0-9]+)?|==|!=|<=|>=|<|>|\\(|\\)|&|\\||~|\\.(?:notnull|notNull|isnull|isna|notna|is_not_null|is_null)\\(\\))")

// condition turns a row condition into CEL: comparisons, and, or, not, and tests
// for null. Nothing is above or below null, as in pandas and SQL.
func condition(v any) (string, error) {
	if of, ok := v.(map[string]any); ok {
		return tree(of)
	}
	text, ok := v.(string)
	if !ok {
		return "", refused("the row condition %v is not known", v)
	}
	var tokens []string
	columns := map[int]bool{} // tokens that are columns
	for rest := strings.TrimSpace(text); rest != ""; {
		token := conditionToken.FindString(rest)
		if token == "" {
			return "", refused("the row condition %q cannot be read at %q", text, rest)
		}
		rest = rest[len(token):]
		if strings.TrimSpace(token) == "" {
			continue
		}
		bare, test, isTest := strings.Cut(token, ".")
		if isTest && strings.HasSuffix(test, "()") {
			sign := " != null"
			if strings.HasPrefix(test, "isn") || strings.HasPrefix(test, "is_null") {
				sign = " == null"
			}
			switch {
			case bare != "":
				tokens = append(tokens, "("+quote(bare)+sign+")")
			case len(tokens) > 0:
				tokens[len(tokens)-1] = "(" + tokens[len(tokens)-1] + sign + ")"
			}
			continue
		}
		name := true
		switch {
		case strings.HasPrefix(token, "col("):
			token = quote(token[5 : len(token)-2])
		case token[0] == '`':
			token = quote(token[1 : len(token)-1])
		case token == "and" || token == "&":
			token, name = "&&", false
		case token == "or" || token == "|":
			token, name = "||", false
		case token == "not" || token == "~":
			token, name = "!", false
		case token == "True" || token == "False":
			token, name = strings.ToLower(token), false
		default:
			name = regexp.MustCompile(`^[A-Za-z_]`).MatchString(token)
		}
		columns[len(tokens)] = name
		tokens = append(tokens, token)
	}
	var out []string
	for i := 0; i < len(tokens); i++ {
		if i+2 < len(tokens) && slices.Contains([]string{"<", "<=", ">", ">="}, tokens[i+1]) {
			var guards []string
			for _, j := range []int{i, i + 2} {
				if columns[j] {
					guards = append(guards, tokens[j]+" != null && ")
				}
			}
			out = append(out, "("+strings.Join(guards, "")+strings.Join(tokens[i:i+3], " ")+")")
			i += 2
			continue
		}
		out = append(out, tokens[i])
	}
	return strings.Join(out, " "), nil
}

// tree is a condition as GX 1 writes it: {type: comparison, column: {name: a}, operator: ==, parameter: 1}.
func tree(c map[string]any) (string, error) {
	column := func() string {
		of, _ := c["column"].(map[string]any)
		name, _ := of["name"].(string)
		return quote(name)
	}
	switch c["type"] {
	case "and", "or":
		list, _ := c["conditions"].([]any)
		var parts []string
		for _, item := range list {
			of, _ := item.(map[string]any)
			part, err := tree(of)
			if err != nil {
				return "", err
			}
			parts = append(parts, "("+part+")")
		}
		if len(parts) > 0 {
			return strings.Join(parts, map[any]string{"and": " && ", "or": " || "}[c["type"]]), nil
		}
	case "nullity":
		if c["is_null"] == true {
			return column() + " == null", nil
		}
		return column() + " != null", nil
	case "comparison":
		operator := fmt.Sprint(c["operator"])
		value, ok := literal(c["parameter"])
		switch {
		case !ok:
		case slices.Contains([]string{"==", "!="}, operator):
			return column() + " " + operator + " " + value, nil
		case slices.Contains([]string{"<", "<=", ">", ">="}, operator):
			return column() + " != null && " + column() + " " + operator + " " + value, nil
		case operator == "IN":
			return column() + " in " + value, nil
		case operator == "NOT_IN":
			return "!(" + column() + " in " + value + ")", nil
		}
	}
	return "", refused("the row condition %v is not known", c)
}
