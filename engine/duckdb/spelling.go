package duckdb

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Spell gives a type in DuckDB's spelling: its own types, and those of other
// dialects by the nearest that it has. Lineage is the same whatever the types
// are, as long as the SQL binds. The error names the part that is not known.
func Spell(text string) (string, error) {
	p := &speller{in: tokens(text), text: text}
	t, err := p.spell()
	if err == nil {
		p.eat("NOT", "NULL", "PRIMARY", "KEY", "UNIQUE")
		if p.at < len(p.in) {
			err = fmt.Errorf("unexpected %q", p.in[p.at].text)
		}
	}
	if err != nil {
		return "", fmt.Errorf("type %q: %w", text, err)
	}
	return t, nil
}

// TypeNames are the names of types that [Spell] knows, short ones first.
func TypeNames() []string {
	return slices.SortedFunc(maps.Keys(spellings), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
}

// UnknownType is a type that [Spell] does not know.
type UnknownType struct{ Name string }

func (e *UnknownType) Error() string { return e.Name + " is not known" }

// spellings are the names of types that take no other type, and DuckDB's name.
var spellings = func() map[string]string {
	by := map[string]string{}
	for spelled, names := range map[string]string{
		"VARCHAR": "VARCHAR STRING TEXT CHAR NCHAR BPCHAR CHARACTER NVARCHAR VARCHAR2 NVARCHAR2 CLOB NCLOB NTEXT LONGTEXT MEDIUMTEXT TINYTEXT CITEXT FIXEDSTRING " +
			"XML INET CIDR NAME GEOGRAPHY GEOMETRY VOID UNKNOWN SYSNAME",
		"UUID": "UUID UNIQUEIDENTIFIER GUID", "JSON": "JSON JSONB VARIANT OBJECT SUPER",
		"BOOLEAN": "BOOLEAN BOOL LOGICAL", "BIT": "BIT BITSTRING",
		"TINYINT": "TINYINT BYTEINT BYTE", "SMALLINT": "SMALLINT INT2 INT16 SHORT SMALLSERIAL", "INTEGER": "INTEGER INT INT4 INT32 MEDIUMINT SIGNED SERIAL YEAR",
		"BIGINT": "BIGINT INT8 INT64 LONG BIGSERIAL OID", "HUGEINT": "HUGEINT INT128", "UHUGEINT": "UHUGEINT UINT128", "BIGNUM": "BIGNUM VARINT",
		"UTINYINT": "UTINYINT UINT8", "USMALLINT": "USMALLINT UINT16", "UINTEGER": "UINTEGER UINT32 UINT", "UBIGINT": "UBIGINT UINT64",
		"FLOAT": "FLOAT REAL FLOAT4 FLOAT32 BINARY_FLOAT", "DOUBLE": "DOUBLE FLOAT8 FLOAT64 BINARY_DOUBLE DECFLOAT",
		"DECIMAL": "DECIMAL NUMERIC NUMBER DEC BIGNUMERIC BIGDECIMAL MONEY SMALLMONEY",
		"DATE":    "DATE DATE32", "TIME": "TIME TIME_NS", "TIMETZ": "TIMETZ", "INTERVAL": "INTERVAL",
		"TIMESTAMP":   "TIMESTAMP DATETIME DATETIME2 DATETIME64 SMALLDATETIME TIMESTAMP_NTZ TIMESTAMPNTZ TIMESTAMP_US",
		"TIMESTAMP_S": "TIMESTAMP_S", "TIMESTAMP_MS": "TIMESTAMP_MS", "TIMESTAMP_NS": "TIMESTAMP_NS",
		"TIMESTAMPTZ": "TIMESTAMPTZ TIMESTAMP_TZ TIMESTAMP_LTZ TIMESTAMPLTZ DATETIMEOFFSET",
		"BLOB":        "BLOB BINARY VARBINARY BYTES BYTEA RAW IMAGE LONGBLOB MEDIUMBLOB TINYBLOB ROWVERSION",
	} {
		for name := range strings.FieldsSeq(names) {
			by[name] = spelled
		}
	}
	return by
}()

type speller struct {
	text  string
	in    []token
	at    int
	depth int
}

func (p *speller) eat(words ...string) (any bool) {
	for p.at < len(p.in) && slices.Contains(words, p.in[p.at].text) {
		p.at++
		any = true
	}
	return any
}

// one takes one of the signs.
func (p *speller) one(signs ...string) bool {
	if p.at < len(p.in) && slices.Contains(signs, p.in[p.at].text) {
		p.at++
		return true
	}
	return false
}

func (p *speller) spell() (string, error) {
	if p.depth++; p.depth > 64 {
		return "", errors.New("nested deeper than 64")
	}
	defer func() { p.depth-- }()
	if p.at == len(p.in) {
		return "", errors.New("a type is missing")
	}
	word := strings.Trim(p.in[p.at].text, `"`)
	p.at++
	spelled, err := p.named(strings.ToUpper(word))
	for err == nil && p.one("[") { // INTEGER[], INTEGER[3]
		for !p.one("]") {
			if p.at++; p.at >= len(p.in) {
				return "", errors.New("missing ]")
			}
		}
		spelled += "[]"
	}
	return spelled, err
}

// named is a type after its first word.
func (p *speller) named(word string) (string, error) {
	switch word {
	case "ARRAY", "LIST", "NULLABLE", "LOWCARDINALITY":
		of, err := p.parts(false)
		if err != nil || len(of) != 1 {
			return "", errors.Join(err, wants(len(of) != 1 && err == nil, word+" takes one type: "+word+"<INT>"))
		}
		if word == "NULLABLE" || word == "LOWCARDINALITY" {
			return of[0], nil
		}
		return of[0] + "[]", nil
	case "MAP":
		of, err := p.parts(false)
		if err != nil || len(of) != 2 {
			return "", errors.Join(err, wants(len(of) != 2 && err == nil, "MAP takes two types: MAP<STRING, INT>"))
		}
		return "MAP(" + of[0] + ", " + of[1] + ")", nil
	case "STRUCT", "ROW", "RECORD", "TUPLE", "UNION":
		of, err := p.parts(true)
		if err != nil || len(of) == 0 {
			return "", errors.Join(err, wants(len(of) == 0 && err == nil, word+" takes fields: "+word+"<a INT>"))
		}
		if word == "UNION" {
			return "UNION(" + strings.Join(of, ", ") + ")", nil
		}
		return "STRUCT(" + strings.Join(of, ", ") + ")", nil
	case "ENUM":
		p.arguments()
		return "VARCHAR", nil
	}
	spelled, ok := spellings[word]
	if !ok {
		return "", &UnknownType{word}
	}
	numbers := p.arguments()
	switch {
	case spelled == "TIMESTAMP" && p.eat("WITH"), spelled == "TIME" && p.eat("WITH"):
		p.eat("LOCAL", "TIME", "ZONE")
		spelled += "TZ"
	case p.eat("WITHOUT"):
		p.eat("TIME", "ZONE")
	case spelled == "INTERVAL":
		p.eat("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "TO")
	case p.eat("PRECISION", "VARYING"):
		numbers = append(numbers, p.arguments()...)
	case p.eat("UNSIGNED", "SIGNED"):
	}
	if spelled == "DECIMAL" && len(numbers) > 0 && len(numbers) < 3 {
		spelled += "(" + strings.Join(numbers, ", ") + ")"
		var precision int
		if _, err := fmt.Sscan(numbers[0], &precision); err != nil || precision > 38 || precision < 1 {
			return "DOUBLE", nil
		}
	}
	return spelled, nil
}

func wants(wrong bool, text string) error {
	if wrong {
		return errors.New(text)
	}
	return nil
}

// parts are types in ( ) or < >, with a name before each when they are fields.
func (p *speller) parts(fields bool) (of []string, err error) {
	if !p.one("(", "<") {
		if p.at == len(p.in) && !fields {
			return []string{"VARCHAR"}, nil // ARRAY of whatever
		}
		return nil, nil
	}
	for {
		name := ""
		if fields && p.at+1 < len(p.in) {
			name = ident(unquoted(p.text[p.in[p.at].start:p.in[p.at].end])) + " "
			p.at++
			p.one(":")
		}
		t, err := p.spell()
		if err != nil {
			return nil, err
		}
		p.eat("NOT", "NULL")
		of = append(of, name+t)
		switch {
		case p.one(")", ">"):
			return of, nil
		case !p.one(","):
			return nil, errors.New("missing >")
		}
	}
}

// arguments are what stands in parentheses after a name: (10, 2).
func (p *speller) arguments() (out []string) {
	if !p.one("(") {
		return nil
	}
	for p.at < len(p.in) && !p.one(")") {
		if t := p.in[p.at].text; t != "," {
			out = append(out, t)
		}
		p.at++
	}
	return out
}
