package policies

import (
	"bytes"
	"encoding/json"
	"testing"
)

// The canonical form is that of json.Encoder, byte for byte: kept inputs and their
// digests stay what they are.
func FuzzCanonical(f *testing.F) {
	for _, text := range []string{
		`{"b": [1, 2.50, -1e9, true, false, null, {}, []], "a": "x", "ä": "é\u2028 \ud83d\ude00 <&> \u0000 \" \\ \n", "": "\ufffd"}`, `"\x7f"`, `[[[]]]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		var plain any
		if dec.Decode(&plain) != nil {
			return
		}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(plain); err != nil {
			t.Fatal(err)
		}
		got, err := appendCanonical(nil, plain)
		if err != nil || string(got)+"\n" != want.String() {
			t.Errorf("%s, %v; want %s", got, err, want.String())
		}
	})
}
