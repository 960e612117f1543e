package policies

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/dq-dev/dq/record"
)

// finding is what builtin/main gives for each finding of a policy.
type finding struct {
	ID       string         `json:"id"`
	Path     string         `json:"path"`
	DiffID   string         `json:"diff_id"`
	Msg      string         `json:"msg"`
	Severity string         `json:"severity"`
	Effect   string         `json:"effect"`
	Evidence map[string]any `json:"evidence"`
	Waiver   *record.Waiver `json:"waiver"`
}

type answer struct {
	findings []finding
	allow    bool
}

// asTerm keeps what a query gives as it is, instead of making plain values of it.
func asTerm(term *ast.Term, _ *rego.EvalContext) (any, error) { return term, nil }

// readAnswer takes the one answer apart; anything else is an error, never a pass.
func readAnswer(results rego.ResultSet) (*answer, error) {
	if len(results) != 1 {
		return nil, fmt.Errorf("%d answers instead of one", len(results))
	}
	term, _ := results[0].Bindings["result"].(*ast.Term)
	allow, ok := member(term, "allow").(ast.Boolean)
	if !ok {
		return nil, errors.New("allow is undefined")
	}
	found, ok := member(term, "findings").(*ast.Array)
	if !ok {
		return nil, errors.New("findings are undefined")
	}
	a := &answer{allow: bool(allow), findings: make([]finding, found.Len())}
	for i := range a.findings {
		if err := a.findings[i].read(found.Elem(i)); err != nil {
			return nil, fmt.Errorf("a finding is not what it should be (path and msg are text, evidence is an object): %w", err)
		}
	}
	return a, nil
}

// member is what an object has under a name, or nil.
func member(object *ast.Term, name string) ast.Value {
	if object == nil {
		return nil
	}
	if o, ok := object.Value.(ast.Object); ok {
		if v := o.Get(ast.InternedTerm(name)); v != nil {
			return v.Value
		}
	}
	return nil
}

func (f *finding) read(term *ast.Term) error {
	for _, x := range []struct {
		name string
		to   *string
	}{{"id", &f.ID}, {"path", &f.Path}, {"diff_id", &f.DiffID}, {"msg", &f.Msg}, {"severity", &f.Severity}, {"effect", &f.Effect}} {
		switch v := member(term, x.name).(type) {
		case nil, ast.Null:
		case ast.String:
			*x.to = text(v)
		default:
			return fmt.Errorf("%s is %s", x.name, ast.ValueName(v))
		}
	}
	switch v := member(term, "evidence").(type) {
	case nil, ast.Null:
	case ast.Object:
		plain, err := plain(v)
		if err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		f.Evidence = plain.(map[string]any)
	default:
		return fmt.Errorf("evidence is %s", ast.ValueName(v))
	}
	switch v := member(term, "waiver").(type) {
	case nil, ast.Null:
	default:
		plain, err := plain(v)
		if err != nil {
			return fmt.Errorf("waiver: %w", err)
		}
		text, err := json.Marshal(plain)
		if err != nil {
			return fmt.Errorf("waiver: %w", err)
		}
		return json.Unmarshal(text, &f.Waiver)
	}
	return nil
}

// plain is the value as encoding/json reads it.
func plain(v ast.Value) (any, error) {
	switch v := v.(type) {
	case ast.Null:
		return nil, nil
	case ast.Boolean:
		return bool(v), nil
	case ast.String:
		return text(v), nil
	case ast.Number:
		return strconv.ParseFloat(string(v), 64)
	case *ast.Array:
		return plainItems(v)
	case ast.Set:
		return plainItems(v)
	case ast.Object:
		out := make(map[string]any, v.Len())
		return out, v.Iter(func(key, value *ast.Term) error {
			name, err := memberName(key.Value)
			if err != nil {
				return err
			}
			out[name], err = plain(value.Value)
			return err
		})
	}
	return nil, fmt.Errorf("%s has no JSON", ast.ValueName(v))
}

// memberName is a key as JSON has it: of one that is no text, its JSON.
func memberName(key ast.Value) (string, error) {
	if s, ok := key.(ast.String); ok {
		return text(s), nil
	}
	v, err := ast.JSON(key)
	if err != nil {
		return "", err
	}
	name, err := json.Marshal(v)
	return string(name), err
}

func plainItems(items interface {
	Len() int
	Iter(func(*ast.Term) error) error
}) (any, error) {
	out := make([]any, 0, items.Len())
	err := items.Iter(func(item *ast.Term) error {
		v, err := plain(item.Value)
		out = append(out, v)
		return err
	})
	return out, err
}

// text is a text as JSON has it: what is no UTF-8 becomes U+FFFD.
func text(s ast.String) string {
	if !utf8.ValidString(string(s)) {
		return string([]rune(string(s)))
	}
	return string(s)
}
