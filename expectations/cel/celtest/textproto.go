package celtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// message is a message in text: its fields by name, in their order.
type message struct {
	fields map[string][]any // of string or *message
}

func (m *message) text(name string) string {
	for _, v := range m.fields[name] {
		if s, ok := v.(string); ok {
			return s
		}
	}
	return ""
}

func (m *message) messages(name string) []*message {
	var all []*message
	for _, v := range m.fields[name] {
		if x, ok := v.(*message); ok {
			all = append(all, x)
		}
	}
	return all
}

var textToken = regexp.MustCompile(`(?s)^(?:#[^\n]*|\s+|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\[[A-Za-z0-9_./]+\]|[A-Za-z_][A-Za-z0-9_]*|[-+]?[0-9.][-+0-9A-Za-z.]*|-[a-z]+|[{}<>:,;\[\]])`)

// parseText reads the text format of protocol buffers, as far as the conformance
// files go: values stay text, strings without quotes and escapes.
func parseText(text string) (*message, error) {
	var tokens []string
	for text != "" {
		t := textToken.FindString(text)
		if t == "" {
			return nil, fmt.Errorf("textproto: %.40q", text)
		}
		if text = text[len(t):]; t[0] != '#' && strings.TrimSpace(t) != "" {
			tokens = append(tokens, t)
		}
	}
	m, rest, err := readMessage(tokens, "")
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("textproto: %q is left", rest[0])
	}
	return m, err
}

func readMessage(tokens []string, end string) (*message, []string, error) {
	m := &message{fields: map[string][]any{}}
	for len(tokens) > 0 && tokens[0] != end {
		name := tokens[0]
		if tokens = tokens[1:]; name == "," || name == ";" {
			continue
		}
		if len(tokens) > 0 && tokens[0] == ":" {
			tokens = tokens[1:]
		}
		if len(tokens) == 0 {
			return nil, nil, fmt.Errorf("textproto: %s has no value", name)
		}
		list := tokens[0] == "["
		if list {
			tokens = tokens[1:]
		}
		for {
			if list && (tokens[0] == "]" || tokens[0] == ",") {
				stop := tokens[0] == "]"
				if tokens = tokens[1:]; stop {
					break
				}
				continue
			}
			var value any
			switch t := tokens[0]; {
			case t == "{" || t == "<":
				inner, rest, err := readMessage(tokens[1:], map[string]string{"{": "}", "<": ">"}[t])
				if err != nil {
					return nil, nil, err
				}
				value, tokens = inner, rest[1:]
			case t[0] == '"' || t[0] == '\'':
				var s strings.Builder
				for len(tokens) > 0 && (tokens[0][0] == '"' || tokens[0][0] == '\'') {
					part, ok := unescape(tokens[0][1 : len(tokens[0])-1])
					if !ok {
						return nil, nil, fmt.Errorf("textproto: the escapes of %s", tokens[0])
					}
					s.WriteString(part)
					tokens = tokens[1:]
				}
				value = s.String()
			default:
				value, tokens = t, tokens[1:]
			}
			if m.fields[name] = append(m.fields[name], value); !list {
				break
			}
		}
	}
	if len(tokens) == 0 && end != "" {
		return nil, nil, fmt.Errorf("textproto: %s is missing", end)
	}
	return m, tokens, nil
}

var simpleEscapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\\': "\\", '\'': "'", '"': `"`, '?': "?", '`': "`"}

// unescape reads the escapes that textproto and CEL share.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", false
		}
		if e, ok := simpleEscapes[s[i]]; ok {
			b.WriteString(e)
			continue
		}
		digits, base := 3, 8
		switch s[i] {
		case 'x', 'X':
			digits, base, i = 2, 16, i+1
		case 'u':
			digits, base, i = 4, 16, i+1
		case 'U':
			digits, base, i = 8, 16, i+1
		}
		if i+digits > len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i:i+digits], base, 32)
		if err != nil {
			return "", false
		}
		if i += digits - 1; digits <= 3 {
			b.WriteByte(byte(n))
		} else {
			b.WriteRune(rune(n))
		}
	}
	return b.String(), true
}
