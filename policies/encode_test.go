package policies

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// fill gives a value of any type that an input has.
func fill(rng *rand.Rand, v reflect.Value) {
	texts := []string{"", "a", "gold.orders", "ä\u2028<&>", "\"\\\x00\n\x7f", "\xff\xfe", "\ufffd", "😀"}
	text := texts[rng.IntN(len(texts))]
	numbers := []int64{0, 1, -1, 512, 513, 1 << 62, -1 << 63}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(numbers[rng.IntN(len(numbers))])
	case reflect.Float64:
		v.SetFloat([]float64{0, 0.5, 1e21, -1e-7, 3}[rng.IntN(5)])
	case reflect.Interface:
		values := []any{nil, text, true, false, 7, int64(-9), 2.5, float32(0.1), uint8(3), json.Number("1.50"), []string{text}, []any{text, nil},
			map[string]any{text: text, "b": 1}, map[string]string{"\xff": "1", "\xfe": "2"}, time.Unix(1, 5), SCD{Keys: []string{text}}, (*SCD)(nil)}
		if x := values[rng.IntN(len(values))]; x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case reflect.Pointer:
		if rng.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Slice:
		if n := rng.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n))
			for i := range v.Len() {
				fill(rng, v.Index(i))
			}
		}
	case reflect.Map:
		if n := rng.IntN(4); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n - 1 {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(rng, key)
				fill(rng, value)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(rng.Int64N(1<<32), rng.Int64N(2)*rng.Int64N(1e9)).In(time.FixedZone("", 3600*rng.IntN(3)))))
			return
		}
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	default:
		panic("an input has a field of kind " + v.Kind().String())
	}
}

// What is kept of an input, and what policies see of it, are what JSON says of it.
func TestEncodeIsJSON(t *testing.T) {
	for seed := range uint64(500) {
		var in Input
		fill(rand.New(rand.NewPCG(seed, 1)), reflect.ValueOf(&in).Elem())
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		want, err := readDocument(text)
		if err != nil {
			t.Fatal(err)
		}
		e := encoder{}
		got, err := encodeInput()(&e, reflect.ValueOf(&in).Elem())
		if err != nil {
			t.Fatal(err)
		}
		if string(e.text) != string(want.text) {
			t.Fatalf("seed %d:\n%s\nwant\n%s", seed, e.text, want.text)
		}
		if got.Value.Compare(want.value) != 0 || got.Value.Hash() != want.value.Hash() {
			t.Fatalf("seed %d: policies see\n%s\nwant\n%s", seed, got, want.value)
		}
	}
}
