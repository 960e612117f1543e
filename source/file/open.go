package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// opened is an open file: its bytes are hashed as they are on disk, and
// unpacked when they are gzip, which the first two bytes tell.
type opened struct {
	name string
	gzip bool
	info fs.FileInfo

	f    *os.File
	raw  *bufio.Reader // what is hashed has passed through here
	hash hash.Hash
	text io.Reader
	buf  *[sampleBytes]byte
}

// buffers keeps the large buffers of files that were read.
var buffers = sync.Pool{New: func() any { return new([sampleBytes]byte) }}

var gzipMagic = []byte{0x1F, 0x8B}

func open(name string) (*opened, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	o := &opened{name: name, f: f, hash: sha256.New()}
	if o.info, err = f.Stat(); err != nil {
		f.Close()
		return nil, err
	}
	o.raw = bufio.NewReaderSize(io.TeeReader(f, o.hash), 64<<10)
	o.text = o.raw
	magic, err := o.raw.Peek(2)
	if err != nil && err != io.EOF {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if o.gzip = bytes.Equal(magic, gzipMagic); o.gzip {
		if o.text, err = gzip.NewReader(o.raw); err != nil {
			f.Close()
			return nil, o.damaged(err)
		}
	}
	return o, nil
}

// close gives the file and its buffer back; what was read of it is no longer valid.
func (o *opened) close() {
	if o.buf != nil {
		buffers.Put(o.buf)
	}
	o.f.Close()
}

// sample returns the first bytes of the text, and whether they are all of it.
// It may be called once, before piece; the bytes are valid until that, or until close.
func (o *opened) sample() ([]byte, bool, error) {
	o.buf = buffers.Get().(*[sampleBytes]byte)
	return o.piece()
}

// piece returns the next bytes of the text, valid until the next call, and
// whether they are the last.
func (o *opened) piece() ([]byte, bool, error) {
	n := 0
	for n < len(o.buf) {
		m, err := o.text.Read(o.buf[n:])
		n += m
		if err == io.EOF {
			return o.buf[:n], true, nil
		}
		if err != nil {
			return nil, false, o.damaged(err)
		}
	}
	return o.buf[:], false, nil
}

// damaged says what an error of reading the text means.
func (o *opened) damaged(err error) error {
	if !o.gzip {
		return fmt.Errorf("%s: %w", o.name, err)
	}
	return &Error{Err: ErrDamaged, Path: o.name, Problem: fmt.Sprintf("it cannot be unpacked: %v", err),
		Hint: "look whether it was copied as a whole: gzip -t " + o.name}
}

// drain passes what is left of the file through the hash.
func (o *opened) drain(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := io.CopyN(io.Discard, o.raw, 1<<20)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
}

func (o *opened) sum() string { return hex.EncodeToString(o.hash.Sum(nil)) }

// unchanged makes sure that the file is the one that was opened.
func (o *opened) unchanged() error {
	now, err := os.Stat(o.name)
	if err != nil {
		return err
	}
	if now.Size() != o.info.Size() || !now.ModTime().Equal(o.info.ModTime()) {
		return &Error{Err: ErrChanged, Path: o.name,
			Problem: fmt.Sprintf("the file changed while it was read (last at %s)", now.ModTime().UTC().Format(time.RFC3339)),
			Hint:    "write files under another name and rename them when they are whole, then run again"}
	}
	return nil
}
