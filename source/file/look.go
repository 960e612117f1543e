package file

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
)

// sampleBytes is how much of a file is looked at to decide how it is read. A
// header must fit in it.
const sampleBytes = 256 << 10

// sampleRecords is how many records of the sample decide the delimiter.
const sampleRecords = 100

// delimiters in the order in which they win when nothing else decides.
var delimiters = []byte{',', '\t', ';', '|'}

// formatOf decides the format by the file's name and its first bytes, which
// win: Parquet and JSON cannot be taken for anything else.
func formatOf(name string, head []byte) (Format, error) {
	ext := strings.ToLower(filepath.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz")))
	if bytes.HasPrefix(head, []byte("PAR1")) {
		return Parquet, nil
	}
	switch ext {
	case ".parquet":
		return "", &Error{Err: ErrDamaged, Path: name, Problem: "a Parquet file begins with PAR1, this one does not",
			Hint: "look whether it was copied as a whole; if it holds something else, rename it"}
	case ".json", ".ndjson", ".jsonl":
		return JSON, nil
	case ".csv", ".tsv", ".tab", ".txt":
		return CSV, nil
	}
	if bytes.HasPrefix(head, []byte("ARROW1")) {
		return "", &Error{Err: ErrFormat, Path: name, Problem: "Arrow files are not read",
			Hint: "write it as Parquet"}
	}
	if text := bytes.TrimSpace(trimBOM(head)); len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return JSON, nil
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return "", &Error{Err: ErrFormat, Path: name, Problem: "this is neither text nor Parquet",
			Hint: "data are .csv, .csv.gz, .tsv, .json, .ndjson or .parquet"}
	}
	return CSV, nil
}

// bom is the byte order mark of UTF-8, which some programs write.
var bom = []byte("\xEF\xBB\xBF")

func trimBOM(p []byte) []byte { return bytes.TrimPrefix(p, bom) }

// checkText refuses the encodings that show in the first bytes of a text.
func checkText(name string, head []byte) error {
	if bytes.HasPrefix(head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(head, []byte{0xFE, 0xFF}) {
		return &Error{Err: ErrEncoding, Path: name, Problem: "the text is UTF-16, not UTF-8",
			Hint: "convert it: iconv -f UTF-16 -t UTF-8"}
	}
	return nil
}

// decide settles delimiter and quote: what cfg says, else what the first
// records of the sample (without byte order mark) look like. whole says that
// the sample is all of the file.
func decide(cfg Config, name string, sample []byte, whole bool) dialect {
	d := dialect{quote: '"'}
	switch {
	case cfg.Quote == "none":
		d.quote = 0
	case cfg.Quote != "":
		d.quote = cfg.Quote[0]
	case singleQuoted(sample):
		d.quote = '\''
	}
	switch {
	case cfg.Delimiter != "":
		d.delimiter = cfg.Delimiter[0]
	case cfg.Format == "tsv" || strings.HasSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".tsv"):
		d.delimiter = '\t'
	default:
		d.delimiter, _ = lookDelimiter(d.quote, sample, whole)
	}
	return d
}

// singleQuoted reports whether the header's names are all between single
// quotes. Nothing weaker counts: apostrophes are common in text.
func singleQuoted(sample []byte) bool {
	line, _, _ := bytes.Cut(sample, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	for _, delimiter := range delimiters {
		all := true
		for _, f := range bytes.Split(line, []byte{delimiter}) {
			all = all && len(f) > 2 && f[0] == '\'' && f[len(f)-1] == '\''
		}
		if all {
			return true
		}
	}
	return false
}

// lookDelimiter returns the delimiter under which most of the first records
// have as many fields as the header has, and at least two; then the one that
// gives the most fields; and how many fields the header has. A file of one
// column gets the comma.
func lookDelimiter(quote byte, sample []byte, whole bool) (best byte, bestFields int) {
	best, bestFields = delimiters[0], 1
	bestAlike := 0.0
	for _, delimiter := range delimiters {
		d := dialect{delimiter, quote}
		rest, fields, alike, n := sample, 0, 0, 0
		for n < sampleRecords && len(rest) > 0 {
			record, size, err := d.cut(rest, whole)
			if err != nil {
				break
			}
			rest = rest[size:]
			if n == 0 {
				fields = len(record)
			}
			if len(record) == 1 && record[0].text == "" && n > 0 {
				continue // a blank line
			}
			if len(record) == fields {
				alike++
			}
			n++
		}
		if n == 0 || fields < 2 {
			continue
		}
		share := float64(alike) / float64(n)
		if share > bestAlike || share == bestAlike && fields > bestFields {
			best, bestAlike, bestFields = delimiter, share, fields
		}
	}
	return best, bestFields
}

// columns reads the names of a CSV file's columns from its sample.
func columns(cfg Config, d dialect, name string, sample []byte, whole bool) ([]string, error) {
	at := func(column int, problem, hint string) error {
		return &Error{Err: ErrHeader, Path: name, Record: 1, Column: column, Problem: problem, Hint: hint}
	}
	if len(sample) == 0 {
		return nil, at(1, "the file is empty: not even a header is there", "look whether it was written as a whole")
	}
	fields, _, err := d.cut(sample, whole)
	switch {
	case err == errUnquoted:
		return nil, at(1, "in the first line text follows a closing quote", "double the quotes within a quoted field")
	case err != nil && whole:
		return nil, at(1, "in the first line a quote is opened and never closed", "close it, or say `quote: none`")
	case err != nil:
		return nil, at(1, fmt.Sprintf("the first line does not end within %d bytes", sampleBytes), "look whether this is a CSV file, and whether a quote is never closed")
	case len(fields) == 1 && fields[0].text == "":
		return nil, at(1, "the first line is blank, where the header should be", "remove the blank line")
	}
	if cfg.NoHeader {
		names := make([]string, len(fields))
		for i := range fields {
			names[i] = fmt.Sprintf("column%d", i+1)
		}
		return names, nil
	}
	names, err := header(fields)
	if e, ok := err.(*Error); ok {
		e.Path = name
	}
	return names, err
}
