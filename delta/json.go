package delta

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259) from a text, piece by piece as it is asked to. It
// takes what encoding/json takes, at a fraction of the cost: logs and statistics
// are mostly names and values that nobody asks for. Texts that it gives are parts
// of src where they hold no escape.
type scanner struct {
	src string
	at  int
}

// maxDepth is that of encoding/json.
const maxDepth = 10000

var errJSON = errors.New("broken JSON")

func (s *scanner) broken() error {
	if s.at >= len(s.src) {
		return fmt.Errorf("%w: it ends too early", errJSON)
	}
	return fmt.Errorf("%w: unexpected %q at byte %d", errJSON, s.src[s.at], s.at)
}

// space passes over white space and returns the byte behind it, 0 at the end.
func (s *scanner) space() byte {
	for ; s.at < len(s.src); s.at++ {
		switch c := s.src[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// null takes a null, if there is one.
func (s *scanner) null() bool {
	if s.space() == 'n' && strings.HasPrefix(s.src[s.at:], "null") {
		s.at += len("null")
		return true
	}
	return false
}

// members visits the members of an object; visit takes the value.
func (s *scanner) members(visit func(key string) error) error {
	if s.space() != '{' {
		return s.broken()
	}
	s.at++
	if s.space() == '}' {
		s.at++
		return nil
	}
	for {
		if s.space() != '"' {
			return s.broken()
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if s.space() != ':' {
			return s.broken()
		}
		s.at++
		if err := visit(key); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.at++
		case '}':
			s.at++
			return nil
		default:
			return s.broken()
		}
	}
}

// text takes a string. What is no UTF-8 becomes U+FFFD, as in encoding/json.
func (s *scanner) text() (string, error) {
	literal, plain, err := s.literal()
	if err != nil {
		return "", err
	}
	inner := literal[1 : len(literal)-1]
	if plain {
		return inner, nil
	}
	if utf8.ValidString(inner) && !strings.Contains(inner, `\u`) {
		var b strings.Builder
		b.Grow(len(inner))
		for {
			i := strings.IndexByte(inner, '\\')
			if i < 0 {
				b.WriteString(inner)
				return b.String(), nil
			}
			b.WriteString(inner[:i])
			b.WriteByte(escapes[inner[i+1]])
			inner = inner[i+2:]
		}
	}
	var out string
	err = json.Unmarshal([]byte(literal), &out)
	return out, err
}

// escapes are the characters that stand behind a backslash, but for u.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// literal takes a string as it is written, with its quotes; plain is one that
// means what it says: ASCII without escapes.
func (s *scanner) literal() (text string, plain bool, err error) {
	if s.space() != '"' {
		return "", false, s.broken()
	}
	start := s.at
	plain = true
	for s.at++; s.at < len(s.src); s.at++ {
		switch c := s.src[s.at]; {
		case c == '"':
			s.at++
			return s.src[start:s.at], plain, nil
		case c < ' ':
			return "", false, s.broken()
		case c == '\\':
			plain = false
			s.at++
			if s.at == len(s.src) {
				return "", false, s.broken()
			}
			if s.src[s.at] != 'u' {
				if escapes[s.src[s.at]] == 0 {
					return "", false, s.broken()
				}
				continue
			}
			for range 4 {
				if s.at++; s.at == len(s.src) || !isHex(s.src[s.at]) {
					return "", false, s.broken()
				}
			}
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return "", false, s.broken()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// number takes a number as it is written.
func (s *scanner) number() (string, error) {
	s.space()
	start := s.at
	digits := func() bool {
		from := s.at
		for s.at < len(s.src) && '0' <= s.src[s.at] && s.src[s.at] <= '9' {
			s.at++
		}
		return s.at > from
	}
	next := func(one string) bool {
		if s.at < len(s.src) && strings.IndexByte(one, s.src[s.at]) >= 0 {
			s.at++
			return true
		}
		return false
	}
	next("-")
	if !next("0") && !digits() {
		return "", s.broken()
	}
	if next(".") && !digits() {
		return "", s.broken()
	}
	if next("eE") {
		next("+-")
		if !digits() {
			return "", s.broken()
		}
	}
	return s.src[start:s.at], nil
}

// skip takes any value and returns it as it is written.
func (s *scanner) skip() (string, error) {
	s.space()
	start := s.at
	err := s.pass(0)
	return s.src[start:s.at], err
}

func (s *scanner) pass(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: it is nested deeper than %d levels", errJSON, maxDepth)
	}
	switch c := s.space(); c {
	case '{':
		s.at++
		if s.space() == '}' {
			s.at++
			return nil
		}
		for {
			if _, _, err := s.literal(); err != nil {
				return err
			}
			if s.space() != ':' {
				return s.broken()
			}
			s.at++
			if err := s.pass(depth + 1); err != nil {
				return err
			}
			if more, err := s.more('}'); !more {
				return err
			}
		}
	case '[':
		s.at++
		if s.space() == ']' {
			s.at++
			return nil
		}
		for {
			if err := s.pass(depth + 1); err != nil {
				return err
			}
			if more, err := s.more(']'); !more {
				return err
			}
		}
	case '"':
		_, _, err := s.literal()
		return err
	case 't', 'f', 'n':
		for _, word := range []string{"true", "false", "null"} {
			if strings.HasPrefix(s.src[s.at:], word) {
				s.at += len(word)
				return nil
			}
		}
		return s.broken()
	}
	_, err := s.number()
	return err
}

// more takes a comma, or the end of an object or array.
func (s *scanner) more(end byte) (bool, error) {
	switch s.space() {
	case ',':
		s.at++
		return true, nil
	case end:
		s.at++
		return false, nil
	}
	return false, s.broken()
}

// texts takes an object of texts and nulls.
func (s *scanner) texts(into map[string]*string) error {
	return s.members(func(key string) error {
		if s.null() {
			into[strings.Clone(key)] = nil
			return nil
		}
		v, err := s.text()
		if err == nil {
			v = strings.Clone(v)
			into[strings.Clone(key)] = &v
		}
		return err
	})
}

// integer takes an integer, which may stand in quotes, as [number] does.
func (s *scanner) integer() (number, error) {
	raw, err := s.skip()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.Trim(raw, `"`), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no integer", raw)
	}
	return number(n), nil
}

// flag takes true or false.
func (s *scanner) flag() (*bool, error) {
	raw, err := s.skip()
	switch {
	case err != nil:
		return nil, err
	case raw == "true":
		return &yes, nil
	case raw == "false":
		return &no, nil
	}
	return nil, fmt.Errorf("%s is neither true nor false", raw)
}
