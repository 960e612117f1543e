package profiling

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// A column's values are counted one by one while they are few: then all that is said
// of them is exact. MaxValues is how many different ones that are at most (fewer in a
// table of more than 100 columns; see [limits]), maxValueBytes how long they are together.
const (
	MaxValues     = 10_000
	maxValueBytes = 4 << 20

	// MaxSample is how many rows are in a sample at most.
	MaxSample = 10_000
)

// counts is how often each value of a column occurs. A number is told by its 64 bits,
// of which the hash is a permutation; a text by itself. It is a hash table of our own:
// ten million rows pass through it for each column.
type counts struct {
	slots  []int32 // 1 + the place of an entry; 0 is free
	hashes []uint64
	rows   []int64
	bits   []uint64 // of numbers
	wide   []int64  // their upper words, of numbers of 128 bits
	texts  []string // of texts
	bytes  int      // of the texts together
}

// limits is how much is kept of each column of a table with that many: values, and
// rows of the sample. Memory is some 60 bytes for each of either and thread.
func limits(columns int) (values, sample int) {
	per := 1_000_000 / max(columns, 1)
	return max(1000, min(per, MaxValues)), max(1000, min(per, MaxSample))
}

// place finds the slot of a value by its hash: the first that is free or has it.
func (c *counts) grow() {
	size := max(64, 2*len(c.slots))
	c.slots = make([]int32, size)
	mask := uint64(size - 1)
	for i, h := range c.hashes {
		at := h & mask
		for c.slots[at] != 0 {
			at = (at + 1) & mask
		}
		c.slots[at] = int32(i + 1)
	}
}

// addBits counts n rows of a number. False: it is new, and one more than limit.
func (c *counts) addBits(hash, bits uint64, n int64, limit int) bool {
	if 2*len(c.hashes) >= len(c.slots) {
		c.grow()
	}
	mask := uint64(len(c.slots) - 1)
	at := hash & mask
	for c.slots[at] != 0 {
		if i := c.slots[at] - 1; c.hashes[i] == hash {
			c.rows[i] += n
			return true
		}
		at = (at + 1) & mask
	}
	if len(c.hashes) >= limit {
		return false
	}
	c.hashes, c.rows, c.bits = append(c.hashes, hash), append(c.rows, n), append(c.bits, bits)
	c.slots[at] = int32(len(c.hashes))
	return true
}

// addWide counts n rows of a number of 128 bits.
func (c *counts) addWide(hash, lo uint64, hi, n int64, limit int) bool {
	if 2*len(c.hashes) >= len(c.slots) {
		c.grow()
	}
	mask := uint64(len(c.slots) - 1)
	at := hash & mask
	for c.slots[at] != 0 {
		if i := c.slots[at] - 1; c.hashes[i] == hash && c.bits[i] == lo && c.wide[i] == hi {
			c.rows[i] += n
			return true
		}
		at = (at + 1) & mask
	}
	if len(c.hashes) >= limit {
		return false
	}
	c.hashes, c.rows, c.bits, c.wide = append(c.hashes, hash), append(c.rows, n), append(c.bits, lo), append(c.wide, hi)
	c.slots[at] = int32(len(c.hashes))
	return true
}

// addText counts n rows of a text, which is copied when it is new.
func (c *counts) addText(hash uint64, text string, n int64, limit int) bool {
	if 2*len(c.hashes) >= len(c.slots) {
		c.grow()
	}
	mask := uint64(len(c.slots) - 1)
	at := hash & mask
	for c.slots[at] != 0 {
		if i := c.slots[at] - 1; c.hashes[i] == hash && c.texts[i] == text {
			c.rows[i] += n
			return true
		}
		at = (at + 1) & mask
	}
	if len(c.hashes) >= limit || c.bytes+len(text) > maxValueBytes {
		return false
	}
	c.hashes, c.rows, c.texts = append(c.hashes, hash), append(c.rows, n), append(c.texts, strings.Clone(text))
	c.bytes += len(text)
	c.slots[at] = int32(len(c.hashes))
	return true
}

// byCount are the places of all values, the most frequent first, ties by text.
func (c *counts) byCount(text func(i int) string) []int {
	order := make([]int, len(c.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if n := cmp.Compare(c.rows[b], c.rows[a]); n != 0 {
			return n
		}
		return cmp.Compare(text(a), text(b))
	})
	return order
}

// mix spreads the bits of a number; no two numbers have the same result.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// drop forgets the values that no row is left of.
func (c *counts) drop() {
	var next counts
	for i, n := range c.rows {
		switch {
		case n == 0:
		case c.texts != nil:
			next.addText(c.hashes[i], c.texts[i], n, math.MaxInt)
		case c.wide != nil:
			next.addWide(c.hashes[i], c.bits[i], c.wide[i], n, math.MaxInt)
		default:
			next.addBits(c.hashes[i], c.bits[i], n, math.MaxInt)
		}
	}
	*c = next
}
