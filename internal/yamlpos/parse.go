package yamlpos

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Parse reads one YAML document. The file name is only for messages. Errors are
// [Errors]: broken syntax (the first one; a parser cannot go on), or aliases that
// explode. Duplicate keys, keys that are no text, tags, aliases of nothing and
// further documents are noted, so that [Document.Err] tells them together with
// what the reader finds.
func Parse(file string, data []byte) (*Document, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	d := &Document{File: file, lines: strings.Split(string(data), "\n")}
	if err := d.bounded(data); err != nil {
		return nil, err
	}
	tree, err := parse(data)
	if err != nil {
		return nil, d.syntaxError(err)
	}
	var body ast.Node
	for _, doc := range tree.Docs {
		if _, ok := doc.Body.(*ast.DirectiveNode); ok || doc.Body == nil {
			continue
		}
		if body != nil {
			at := doc.GetToken().Position
			if doc.Start != nil {
				at = doc.Start.Position
			}
			d.Note(d.errorAt(at.Line, at.Column, "put it in a file of its own", "a second document begins here"))
			break
		}
		body = doc.Body
	}
	b := &builder{doc: d, anchors: map[string]*Node{}, open: map[string]bool{}}
	if body == nil {
		d.Root = &Node{Null: true, Line: 1, Col: 1, doc: d}
	} else {
		d.Root = b.node(body)
		if expanded(d.Root, map[*Node]int{}) > MaxNodes {
			return nil, Errors{d.Root.Error("write less with aliases", "the aliases expand to more than %d values", MaxNodes)}
		}
	}
	return d, nil
}

// parse keeps a panic of the parser, met on hostile input, from reaching anybody.
func parse(data []byte) (f *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, fmt.Errorf("this is not YAML")
		}
	}()
	// Duplicate keys are found below, all of them, with a hint.
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

// bounded refuses what could exhaust the parser, which recurses.
func (d *Document) bounded(data []byte) error {
	if len(data) > MaxBytes {
		return Errors{d.errorAt(1, 1, "", fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), MaxBytes))}
	}
	if !utf8.Valid(data) {
		for i, l := range d.lines {
			if !utf8.ValidString(l) {
				return Errors{{File: d.File, Line: i + 1, Col: 1, Message: "the text is not UTF-8"}}
			}
		}
	}
	depth := 0
	for i, l := range d.lines {
		dashes, chars := 0, 0
		for _, c := range l {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(0, depth-1)
			case '-', '?', ':', '&', '!':
				if chars == 0 {
					dashes++
				}
			case ' ', '\t':
			default:
				chars++
			}
		}
		if depth > MaxDepth*5 || dashes > MaxDepth*5 || leading(l) > MaxDepth*20 {
			return Errors{d.errorAt(i+1, 1, "", fmt.Sprintf("nested deeper than %d", MaxDepth))}
		}
	}
	return nil
}

func leading(s string) int {
	return len(s) - len(strings.TrimLeft(s, " "))
}

// keys finds "key: " in a line, in block or flow style.
var keys = regexp.MustCompile(`(?:^|[{,]|- )\s*([A-Za-z_][\w.]*):\s+`)

// syntaxError turns the parser's error into one that says what to write.
func (d *Document) syntaxError(err error) error {
	line, col, message := 1, 1, strings.SplitN(err.Error(), "\n", 2)[0]
	var ye yaml.Error
	if errors.As(err, &ye) {
		message = ye.GetMessage()
		if t := ye.GetToken(); t != nil && t.Position != nil {
			line, col = max(t.Position.Line, 1), max(t.Position.Column, 1)
		}
	}
	hint := ""
	if line <= len(d.lines) {
		hint = quoteHint(d.lines[line-1], col)
	}
	switch {
	case strings.HasPrefix(message, "tab character"):
		hint = "indent with spaces"
	case strings.HasPrefix(message, "could not find end"):
		hint = "close the quote"
	}
	return Errors{d.errorAt(line, col, hint, "YAML: "+message)}
}

// quoteHint says how to write an expression that YAML reads as something else:
// it begins with a quote or an indicator, or holds ": " or a bracket. The
// expression is that of the last key before the column.
func quoteHint(line string, col int) string {
	key, rest := "", ""
	for _, m := range keys.FindAllStringSubmatchIndex(line, -1) {
		if utf8.RuneCountInString(line[:m[2]]) < col-1 {
			key, rest = line[m[2]:m[3]], strings.TrimSpace(line[m[1]:])
		}
	}
	if rest == "" || strings.ContainsAny(rest[:1], "|>{[") {
		return ""
	}
	rest = strings.TrimSuffix(rest, "}")
	return fmt.Sprintf("quote the whole text: %s: '%s', or write it on the next line after %s: |", key, strings.ReplaceAll(rest, "'", "''"), key)
}

type builder struct {
	doc     *Document
	anchors map[string]*Node
	open    map[string]bool // anchors that are being read
	depth   int
}

func (b *builder) at(p *token.Position) *Node {
	n := &Node{doc: b.doc, Line: 1, Col: 1}
	if p != nil {
		n.Line, n.Col = max(p.Line, 1), max(p.Column, 1)
	}
	return n
}

func (b *builder) null(p *token.Position) *Node {
	n := b.at(p)
	n.Null = true
	return n
}

func (b *builder) node(a ast.Node) *Node {
	if a == nil {
		return b.null(nil)
	}
	b.depth++
	defer func() { b.depth-- }()
	tok := a.GetToken()
	if tok == nil {
		return b.null(nil)
	}
	if b.depth > MaxDepth {
		n := b.null(tok.Position)
		n.Errorf("", "nested deeper than %d", MaxDepth)
		return n
	}
	switch a := a.(type) {
	case *ast.NullNode:
		n := b.null(tok.Position)
		n.Text = strings.TrimSpace(tok.Value)
		return n
	case *ast.StringNode:
		n := b.at(tok.Position)
		n.Text = a.Value
		switch tok.Type {
		case token.SingleQuoteType:
			n.Style = SingleQuoted
		case token.DoubleQuoteType:
			n.Style = DoubleQuoted
		}
		return n
	case *ast.LiteralNode:
		n := b.at(tok.Position)
		n.Style = Literal
		if tok.Type == token.FoldedType {
			n.Style = Folded
		}
		if a.Value != nil {
			n.Text = a.Value.Value
		}
		return n
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode, *ast.MergeKeyNode:
		n := b.at(tok.Position)
		n.Text = tok.Value
		return n
	case *ast.MappingNode:
		return b.mapping(a.Values, a.IsFlowStyle, tok)
	case *ast.MappingValueNode:
		return b.mapping([]*ast.MappingValueNode{a}, false, tok)
	case *ast.SequenceNode:
		n := b.at(tok.Position)
		n.Kind = Sequence
		for _, v := range a.Values {
			n.Items = append(n.Items, b.node(v))
		}
		return n
	case *ast.AnchorNode:
		name := a.Name.GetToken().Value
		if b.open[name] {
			n := b.null(tok.Position)
			n.Errorf("", "the anchor &%s holds itself", name)
			return n
		}
		b.open[name] = true
		n := b.node(a.Value)
		delete(b.open, name)
		b.anchors[name] = n
		return n
	case *ast.AliasNode:
		name := a.Value.GetToken().Value
		if n, ok := b.anchors[name]; ok && !b.open[name] {
			return n
		}
		n := b.null(tok.Position)
		if b.open[name] {
			n.Errorf("", "the anchor &%s holds itself", name)
		} else {
			n.Errorf("write &"+name+" before the value that is meant", "there is no anchor &%s before this", name)
		}
		return n
	case *ast.TagNode:
		n := b.at(tok.Position)
		hint := ""
		if n.Line <= len(b.doc.lines) {
			hint = quoteHint(b.doc.lines[n.Line-1], n.Col)
		}
		if hint == "" {
			hint = "quote the text if it begins with !"
		}
		n.Errorf(hint, "YAML reads %s as a tag", tok.Value)
		return n
	}
	n := b.null(tok.Position)
	n.Errorf("", "this is not understood here")
	return n
}

func (b *builder) mapping(values []*ast.MappingValueNode, flow bool, tok *token.Token) *Node {
	n := b.at(tok.Position)
	n.Kind = Mapping
	if !flow && len(values) > 0 && values[0].Key != nil && values[0].Key.GetToken() != nil {
		n.Line, n.Col = values[0].Key.GetToken().Position.Line, values[0].Key.GetToken().Position.Column
	}
	seen := map[string]*Node{}
	var merged []*Node
	for _, v := range values {
		key := b.key(v.Key)
		value := b.node(v.Value)
		if value.Null && value.Text == "null" && v.Value != nil && v.Value.GetToken().Type == token.ImplicitNullType {
			value.Text, value.Line, value.Col = "", key.Line, key.Col
		}
		if v.Key != nil && v.Key.IsMergeKey() {
			merged = append(merged, value)
			continue
		}
		if first, twice := seen[key.Text]; twice {
			key.Errorf("remove one", "%q is given twice, first at line %d", key.Text, first.Line)
			continue
		}
		seen[key.Text] = key
		n.Entries = append(n.Entries, Entry{Key: key, Value: value})
	}
	for _, m := range merged {
		sources := []*Node{m}
		if m.Kind == Sequence {
			sources = m.Items
		}
		for _, s := range sources {
			if s.Kind != Mapping {
				s.Errorf("write <<: *name for an anchor &name of a mapping", "<< takes a mapping")
				continue
			}
			for _, e := range s.Entries {
				if seen[e.Key.Text] == nil {
					seen[e.Key.Text] = e.Key
					n.Entries = append(n.Entries, e)
				}
			}
		}
	}
	return n
}

// key reads a mapping's key, which is always text here: `1:` and `on:` are names too.
func (b *builder) key(k ast.MapKeyNode) *Node {
	if k == nil || k.GetToken() == nil {
		return b.null(nil)
	}
	var a ast.Node = k
	if mk, ok := k.(*ast.MappingKeyNode); ok && mk.Value != nil {
		a = mk.Value
	}
	n := b.node(a)
	if n.Kind != Scalar {
		n.Errorf("quote it if it is text", "a key must be a name")
		return b.at(a.GetToken().Position)
	}
	if n.Null && n.Text == "" {
		n.Text = k.GetToken().Value
	}
	return n
}

// expanded counts the values that a walk would meet, aliases followed.
func expanded(n *Node, memo map[*Node]int) int {
	if c, ok := memo[n]; ok {
		return c
	}
	c := 1
	for _, e := range n.Entries {
		c = min(c+1+expanded(e.Value, memo), MaxNodes+1)
	}
	for _, i := range n.Items {
		c = min(c+expanded(i, memo), MaxNodes+1)
	}
	memo[n] = c
	return c
}
