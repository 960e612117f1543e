package splice

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// samples are the Parquet files of other writers that the project has, and those of
// the tables below $DQ_DELTA_FIXTURES.
func samples(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, root := range []string{filepath.Join("..", "testdata"), os.Getenv("DQ_DELTA_FIXTURES")} {
		if root == "" {
			continue
		}
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(name, ".parquet") && d.Type().IsRegular() {
				out = append(out, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestFooters: what is read of a footer is written as it was.
func TestFooters(t *testing.T) {
	read := 0
	for _, name := range samples(t) {
		f, err := Open(name)
		if errors.Is(err, ErrUnsuited) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		read++
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendValue(nil, &f.meta); !bytes.Equal(got, data[f.end:len(data)-8]) {
			t.Errorf("%s: the footer has %d bytes, and %d when it is written", name, len(data)-8-int(f.end), len(got))
		}
	}
	if read < 5 {
		t.Errorf("%d files are read", read)
	}
}

// TestCopy: a file without a change has the same columns, wherever they lie.
func TestCopy(t *testing.T) {
	for i, name := range samples(t) {
		f, err := Open(name)
		if errors.Is(err, ErrUnsuited) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "copy.parquet")
		if err := f.Write(to, nil); err != nil {
			t.Fatal(err)
		}
		again, err := Open(to)
		if err != nil || !slices.Equal(again.GroupRows(), f.GroupRows()) || !same(t, f, again) {
			t.Errorf("%s: %v", name, err)
		}
		if err := f.Write(to, nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over another file: %v", err)
		}
		// All of its columns are taken from the copy as well.
		if both := to + ".both"; i%10 == 0 {
			if err := f.Write(both, again); err != nil {
				t.Errorf("%s: %v", name, err)
			} else if third, err := Open(both); err != nil || !same(t, f, third) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// same reports whether the column chunks of two files have the same bytes.
func same(t *testing.T, a, b *File) bool {
	t.Helper()
	var data [2][]byte
	for i, f := range []*File{a, b} {
		var err error
		if data[i], err = os.ReadFile(f.name); err != nil {
			t.Fatal(err)
		}
	}
	for g := range a.GroupRows() {
		for i := range a.meta.get(fileGroups).list[g].get(groupColumns).list {
			var got [2][]byte
			for k, f := range []*File{a, b} {
				from, length, _ := f.extent(&f.meta.get(fileGroups).list[g].get(groupColumns).list[i])
				got[k] = data[k][from : from+length]
			}
			if !bytes.Equal(got[0], got[1]) {
				return false
			}
		}
	}
	return true
}

func TestUnsuited(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"short": "PAR1", "no footer": "PAR1PAR1\x00\x00\x00\x00PAR1", "sealed": "PARE\x00\x00\x00\x00\x00\x00\x00\x00PARE", "a long footer": "PAR1....\xff\xff\xff\x7fPAR1"} {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(at); !errors.Is(err, ErrUnsuited) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// FuzzFooter: whatever a file ends with, it is read or refused, and what is read can
// be written.
func FuzzFooter(f *testing.F) {
	for _, name := range samples(f) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4000 {
			f.Add(data)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		at := filepath.Join(dir, "file.parquet")
		if err := os.WriteFile(at, data, 0o666); err != nil {
			t.Fatal(err)
		}
		file, err := Open(at)
		if err != nil {
			if !errors.Is(err, ErrUnsuited) {
				t.Fatal(err)
			}
			return
		}
		to := filepath.Join(t.TempDir(), "copy.parquet")
		if err := file.Write(to, file); err != nil && !errors.Is(err, ErrUnsuited) {
			t.Fatal(err)
		}
	})
}
