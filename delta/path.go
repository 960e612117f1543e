package delta

import (
	"fmt"
	"path"
	"strings"
)

// decodePath turns the URI of an action into the path of a [table.File]: percent
// escapes decoded exactly once, a file: URI as a plain absolute path, dot
// segments removed. A relative path that leaves the table is an error.
// (PROTOCOL.md, "Add File and Remove File": paths are RFC 2396 URIs; + is a plus.)
func decodePath(uri string) (string, error) {
	p, err := unescape(uri)
	if err != nil {
		return "", err
	}
	if local, ok, err := FilePath(uri); ok || err != nil {
		return local, err
	}
	if hasScheme(uri) {
		return p, nil
	}
	clean := path.Clean(p)
	if p == "" || clean == "." || clean == ".." || strings.HasPrefix(clean, "../") {
		return "", fmt.Errorf("path %q is no file below the table", uri)
	}
	return clean, nil
}

// FilePath gives the absolute path that a file: URI means, percent escapes decoded
// once; false for what is no such URI. A host other than this one is an error.
func FilePath(uri string) (string, bool, error) {
	const scheme = "file:/"
	if len(uri) < len(scheme) || !strings.EqualFold(uri[:len(scheme)], scheme) {
		return "", false, nil
	}
	rest := uri[len(scheme)-1:]
	if after, ok := strings.CutPrefix(rest, "//"); ok && !strings.HasPrefix(after, "/") {
		host, below, _ := strings.Cut(after, "/")
		if !strings.EqualFold(host, "localhost") {
			return "", false, fmt.Errorf("%q is a file of the host %q; write file:///path", uri, host)
		}
		rest = "/" + below
	}
	p, err := unescape(rest)
	if err != nil {
		return "", false, err
	}
	return path.Clean("/" + strings.TrimLeft(p, "/")), true, nil
}

// hasScheme reports whether p begins like s3://bucket. A colon alone is no
// scheme: names may hold one.
func hasScheme(p string) bool {
	scheme, _, ok := strings.Cut(p, "://")
	if !ok || scheme == "" {
		return false
	}
	for i, c := range []byte(scheme) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return true
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
			return "", fmt.Errorf("path %q has a %% that is no escape", s)
		}
		b = append(b, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
		i += 2
	}
	return string(b), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// plainPath marks what may stand in the path of a URI as it is: unreserved
// characters of RFC 2396, and those reserved ones that mean nothing in a path.
// A colon is escaped, since in a first segment it would end a scheme.
const plainPath = "-_.!~*'()/@&=+$,"

// encodePath is the inverse of decodePath, for paths below the table.
func encodePath(p string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(plainPath, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
