package reports

import (
	_ "embed"
	"encoding/binary"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// The fonts of the PDF: DejaVu 2.37, whole; a document carries only the
// characters it uses. Their licence is fonts/LICENSE.
var (
	//go:embed fonts/DejaVuSans.ttf
	sansFont []byte
	//go:embed fonts/DejaVuSans-Bold.ttf
	boldFont []byte
	//go:embed fonts/DejaVuSansMono.ttf
	monoFont []byte
)

// coverage is the set of characters below U+10000 that a font has a picture of.
type coverage [1 << 16 / 64]uint64

func (c *coverage) has(r rune) bool {
	return r >= 0 && r < 1<<16 && c[r/64]&(1<<(r%64)) != 0
}

var (
	sansCovers = sync.OnceValue(func() *coverage { return covers(sansFont) })
	boldCovers = sync.OnceValue(func() *coverage { return covers(boldFont) })
	monoCovers = sync.OnceValue(func() *coverage { return covers(monoFont) })
)

// covers reads the character map (cmap, format 4) of a TrueType font. A font
// without one, or a damaged one, covers nothing.
func covers(font []byte) *coverage {
	c := &coverage{}
	u16 := func(at int) int {
		if at < 0 || at+2 > len(font) {
			return 0
		}
		return int(binary.BigEndian.Uint16(font[at:]))
	}
	u32 := func(at int) int { return u16(at)<<16 | u16(at+2) }
	cmap := 0
	for i := range u16(4) {
		if entry := 12 + 16*i; entry+4 <= len(font) && string(font[entry:entry+4]) == "cmap" {
			cmap = u32(entry + 8)
		}
	}
	for i := range u16(cmap + 2) {
		at := cmap + u32(cmap+4+8*i+4)
		if cmap == 0 || u16(at) != 4 {
			continue
		}
		segments := u16(at+6) / 2
		ends, starts := at+14, at+16+2*segments
		deltas, offsets := starts+2*segments, starts+4*segments
		for s := range segments {
			first, last, offset := u16(starts+2*s), u16(ends+2*s), u16(offsets+2*s)
			for r := first; r <= last && r < 0xFFFF; r++ {
				glyph := r
				if offset != 0 {
					if glyph = u16(offsets + 2*s + offset + 2*(r-first)); glyph == 0 {
						continue
					}
				}
				if (glyph+u16(deltas+2*s))&0xFFFF != 0 {
					c[r/64] |= 1 << (r % 64)
				}
			}
		}
		return c
	}
	return c
}

// printable makes text that was cleaned fit for the PDF: composed (NFC), and
// every character that the font lacks, or that is written from right to left
// (which the PDF cannot lay out), replaced by its number. It returns how many
// were replaced.
func printable(s string, font *coverage) (string, int) {
	if isPlain(s) {
		return s, 0
	}
	s = norm.NFC.String(s)
	replaced := 0
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r == ' ', font.has(r) && !rightToLeft(r) && unicode.IsPrint(r):
			out = append(out, string(r)...)
		case r == 0x00A0:
			out = append(out, ' ')
		case r == 0x200C, r == 0x200D:
			replaced++ // joins what is written by numbers here
		default:
			out = append(out, notation(r)...)
			replaced++
		}
	}
	return string(out), replaced
}

func rightToLeft(r rune) bool {
	if r < 0x590 {
		return false
	}
	p, _ := bidi.LookupRune(r)
	switch p.Class() {
	case bidi.R, bidi.AL, bidi.AN:
		return true
	}
	return false
}
