package splice

import (
	"encoding/binary"
	"errors"
)

// Kinds of values in Thrift's compact protocol.
const (
	kindTrue   = 1
	kindFalse  = 2
	kindByte   = 3
	kindInt16  = 4
	kindInt32  = 5
	kindInt64  = 6
	kindDouble = 7
	kindBinary = 8
	kindList   = 9
	kindSet    = 10
	kindMap    = 11
	kindStruct = 12
)

// value is a value of a Parquet footer, known or not, so that it can be written as
// it was read.
type value struct {
	kind   byte
	number int64   // integers
	bytes  []byte  // texts, doubles, and the bools of a list, one byte each
	of     byte    // kind of the elements of a list, or of the keys of a map
	to     byte    // kind of the values of a map
	list   []value // elements; of a map, keys and values in turn
	fields []field // of a struct
}

type field struct {
	id int64
	value
}

// get is a field of a struct; nil where it is not set.
func (v *value) get(id int64) *value {
	for i := range v.fields {
		if v.fields[i].id == id {
			return &v.fields[i].value
		}
	}
	return nil
}

// number is a field that is an integer, and whether it is set.
func (v *value) int(id int64) (int64, bool) {
	f := v.get(id)
	if f == nil || f.kind < kindByte || f.kind > kindInt64 {
		return 0, false
	}
	return f.number, true
}

// setInt changes an integer that is set.
func (v *value) setInt(id, n int64) {
	if f := v.get(id); f != nil {
		f.number = n
	}
}

// drop takes fields away.
func (v *value) drop(ids ...int64) {
	kept := make([]field, 0, len(v.fields))
	for _, f := range v.fields {
		gone := false
		for _, id := range ids {
			gone = gone || f.id == id
		}
		if !gone {
			kept = append(kept, f)
		}
	}
	v.fields = kept
}

var errThrift = errors.New("the footer is no Thrift structure")

// decoder reads the compact protocol. It stops at the first mistake.
type decoder struct {
	in    []byte
	err   error
	depth int
}

func (d *decoder) take(n uint64) []byte {
	if d.err != nil || n > uint64(len(d.in)) {
		d.err = errThrift
		return nil
	}
	out := d.in[:n]
	d.in = d.in[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint() uint64 {
	n, used := binary.Uvarint(d.in)
	if d.err != nil || used <= 0 {
		d.err = errThrift
		return 0
	}
	d.in = d.in[used:]
	return n
}

func (d *decoder) int() int64 {
	n := d.uint()
	return int64(n>>1) ^ -int64(n&1)
}

func (d *decoder) value(kind byte) value {
	v := value{kind: kind}
	if d.depth++; d.depth > 64 {
		d.err = errThrift
	}
	defer func() { d.depth-- }()
	switch kind {
	case kindTrue, kindFalse:
	case kindByte:
		v.number = int64(d.byte())
	case kindInt16, kindInt32, kindInt64:
		v.number = d.int()
	case kindDouble:
		v.bytes = d.take(8)
	case kindBinary:
		v.bytes = d.take(d.uint())
	case kindList, kindSet:
		head := d.byte()
		n := uint64(head >> 4)
		if n == 15 {
			n = d.uint()
		}
		d.elements(&v, head&15, n)
	case kindMap:
		n := d.uint()
		if n > uint64(len(d.in)) {
			d.err = errThrift
		}
		if n == 0 || d.err != nil {
			break
		}
		head := d.byte()
		v.of, v.to = head>>4, head&15
		for ; n > 0 && d.err == nil; n-- {
			v.list = append(v.list, d.value(v.of), d.value(v.to))
		}
	case kindStruct:
		d.fields(&v)
	default:
		d.err = errThrift
	}
	return v
}

func (d *decoder) elements(v *value, kind byte, n uint64) {
	if v.of = kind; kind == kindTrue || kind == kindFalse {
		v.bytes = d.take(n)
		return
	}
	if n > uint64(len(d.in)) { // each has a byte at least
		d.err = errThrift
	}
	for ; n > 0 && d.err == nil; n-- {
		v.list = append(v.list, d.value(kind))
	}
}

func (d *decoder) fields(v *value) {
	for id := int64(0); d.err == nil; {
		head := d.byte()
		if head == 0 {
			return
		}
		if head>>4 == 0 {
			id = d.int()
		} else {
			id += int64(head >> 4)
		}
		v.fields = append(v.fields, field{id, d.value(head & 15)})
	}
}

// appendValue writes a value as the compact protocol has it.
func appendValue(out []byte, v *value) []byte {
	switch v.kind {
	case kindByte:
		out = append(out, byte(v.number))
	case kindInt16, kindInt32, kindInt64:
		out = binary.AppendUvarint(out, uint64(v.number<<1^v.number>>63))
	case kindDouble:
		out = append(out, v.bytes...)
	case kindBinary:
		out = append(binary.AppendUvarint(out, uint64(len(v.bytes))), v.bytes...)
	case kindList, kindSet:
		n := max(len(v.list), len(v.bytes))
		if n < 15 {
			out = append(out, byte(n)<<4|v.of)
		} else {
			out = binary.AppendUvarint(append(out, 15<<4|v.of), uint64(n))
		}
		out = append(out, v.bytes...)
		for i := range v.list {
			out = appendValue(out, &v.list[i])
		}
	case kindMap:
		if out = binary.AppendUvarint(out, uint64(len(v.list)/2)); len(v.list) > 0 {
			out = append(out, v.of<<4|v.to)
		}
		for i := range v.list {
			out = appendValue(out, &v.list[i])
		}
	case kindStruct:
		last := int64(0)
		for i := range v.fields {
			f := &v.fields[i]
			if step := f.id - last; step > 0 && step < 16 {
				out = append(out, byte(step)<<4|f.kind)
			} else {
				out = binary.AppendUvarint(append(out, f.kind), uint64(f.id<<1^f.id>>63))
			}
			out, last = appendValue(out, &f.value), f.id
		}
		out = append(out, 0)
	}
	return out
}
