package delta

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// jsonTexts are values of every kind, and what is nearly one.
var jsonTexts = []string{
	`{"a":1,"b":[true,false,null,-1.5e+3,"x\"\\\/\b\f\n\r\t\u00e9"],"c":{}}`, ` [ ] `, "\t{ \"k\" : \"\xff\" }\r\n", `"\ud83d\ude00"`, `"\ud83d"`, `0`, `-0.0`, `1E5`, `"é"`,
	``, `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[1 2]`, `01`, `-`, `1.`, `1e`, `.5`, `+1`, `nul`, `tru`, `"`, `"\`, `"\x"`, `"\u12g4"`, "\"\n\"", `{'a':1}`, `{"a":1}}`,
}

// agrees compares the scanner with encoding/json.
func agrees(t *testing.T, text string) {
	t.Helper()
	src := &scanner{src: text}
	raw, err := src.skip()
	valid := err == nil && src.space() == 0 && src.at == len(text)
	if want := json.Valid([]byte(text)); valid != want {
		t.Fatalf("%q is JSON: %t, encoding/json says %t (%v)", text, valid, want, err)
	}
	if !valid {
		return
	}
	if trimmed := strings.Trim(text, " \t\r\n"); raw != trimmed {
		t.Fatalf("%q: skipped %q", text, raw)
	}
	if strings.HasPrefix(raw, `"`) {
		got, err := (&scanner{src: text}).text()
		var want string
		if wrong := json.Unmarshal([]byte(text), &want); err != nil || wrong != nil || got != want {
			t.Fatalf("%q is the text %q (%v), encoding/json says %q (%v)", text, got, err, want, wrong)
		}
	}
}

func TestScanner(t *testing.T) {
	for _, text := range jsonTexts {
		agrees(t, text)
	}
	if _, err := (&scanner{src: strings.Repeat("[", 100_000)}).skip(); err == nil {
		t.Fatal("endless nesting is taken")
	}
}

func FuzzScanner(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { agrees(t, text) })
}

// TestScanAction: a file action is what encoding/json would make of it.
func TestScanAction(t *testing.T) {
	for _, text := range []string{
		`{"add":{"path":"a%20b/c.parquet","partitionValues":{"day":"2024-01-01","n":null},"size":"12","modificationTime":3,"dataChange":true,"stats":"{\"numRecords\":1}","tags":{"k":"v"},
			"deletionVector":{"storageType":"u","pathOrInlineDv":"ab","offset":1,"sizeInBytes":2,"cardinality":3},"baseRowId":4,"defaultRowCommitVersion":5,"clusteringProvider":"x","unknown":{"a":[1]}}}`,
		`{"remove":{"path":"é\u00e9","deletionTimestamp":1,"dataChange":false,"extendedFileMetadata":true,"size":null,"partitionValues":null}}`,
		`{"cdc":{"path":"c","size":1,"partitionValues":{}},"add":null,"txn":{"appId":"a","version":2},"later":{"x":1}}`,
		`{"metaData":{"id":"m","format":{"provider":"parquet"},"schemaString":"{}","partitionColumns":[],"configuration":{"a":"b"}},"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`,
		`{"commitInfo": {"timestamp": 1 }}`, `null`, `{}`,
		`{"add":[]}`, `{"add":{"path":1}}`, `{"add":{"size":1.5}}`, `{"add":{"dataChange":"true"}}`, `{"add":{"tags":{"a":1}}}`, `{"add":{"path":"a"}`, `[]`,
	} {
		var got, want action
		err, wrong := got.scan(&scanner{src: text}), json.Unmarshal([]byte(text), &want)
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%s: %v, encoding/json says %v", text, err, wrong)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v\n%+v", text, got, want)
		}
	}
}
