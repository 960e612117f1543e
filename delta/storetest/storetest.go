// Package storetest says what every [delta.Store] must do, as a test.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/dq-dev/dq/delta"
)

// Run tests stores. Each is made by open, which gives an empty one.
func Run(t *testing.T, open func(t *testing.T) delta.Store) {
	for name, test := range map[string]func(*testing.T, delta.Store){
		"empty": empty, "put": put, "names": names, "list": list, "pages": pages, "walk": walk,
		"race": race, "ended": ended, "large": large,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, s delta.Store, dir, from string) []string {
	t.Helper()
	infos, err := s.List(t.Context(), dir, from)
	must(t, err)
	var names []string
	for _, i := range infos {
		names = append(names, i.Name)
	}
	return names
}

func walked(t *testing.T, s delta.Store, dir string) []string {
	t.Helper()
	var names []string
	for i, err := range s.Walk(t.Context(), dir) {
		must(t, err)
		names = append(names, i.Name)
	}
	return names
}

func empty(t *testing.T, s delta.Store) {
	ctx := t.Context()
	if _, err := s.Read(ctx, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read of what is not there: %v", err)
	}
	if _, err := s.Stat(ctx, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of what is not there: %v", err)
	}
	if err := s.Delete(ctx, "a/b"); err != nil {
		t.Errorf("delete of what is not there: %v", err)
	}
	for _, dir := range []string{"", "a", "a/b"} {
		if got := listed(t, s, dir, ""); got != nil {
			t.Errorf("list of nothing: %v", got)
		}
		if got := walked(t, s, dir); got != nil {
			t.Errorf("walk of nothing: %v", got)
		}
	}
}

func put(t *testing.T, s delta.Store) {
	ctx := t.Context()
	must(t, s.PutNew(ctx, "log/1.json", []byte("one")))
	if err := s.PutNew(ctx, "log/1.json", []byte("two")); !errors.Is(err, delta.ErrExists) {
		t.Errorf("put of what is taken: %v", err)
	}
	if data, err := s.Read(ctx, "log/1.json"); err != nil || string(data) != "one" {
		t.Errorf("read after a put that was refused: %q, %v", data, err)
	}
	must(t, s.Put(ctx, "log/1.json", []byte("three")))
	if data, err := s.Read(ctx, "log/1.json"); err != nil || string(data) != "three" {
		t.Errorf("read of what was replaced: %q, %v", data, err)
	}
	must(t, s.Put(ctx, "log/2.json", nil))
	if data, err := s.Read(ctx, "log/2.json"); err != nil || len(data) != 0 {
		t.Errorf("read of an empty file: %q, %v", data, err)
	}
	info, err := s.Stat(ctx, "log/1.json")
	if err != nil || info.Name != "log/1.json" || info.Size != 5 || info.Modified.IsZero() {
		t.Errorf("stat: %+v, %v", info, err)
	}
	must(t, s.Delete(ctx, "log/1.json"))
	must(t, s.PutNew(ctx, "log/1.json", []byte("four")))
	if data, err := s.Read(ctx, "log/1.json"); err != nil || string(data) != "four" {
		t.Errorf("read of what was deleted and put again: %q, %v", data, err)
	}
}

// names holds that a name is a name, whatever a URL or a shell makes of it.
func names(t *testing.T, s delta.Store) {
	all := []string{"a b/c d", "p=x%20y/f", "p=a+b/f", "q=~!@#$&'()*,;:/[x]", "ü/日本", "%", "d/.hidden", "d/_x", "e=1:2/f"}
	for _, n := range all {
		must(t, s.PutNew(t.Context(), n, []byte(n)))
	}
	for _, n := range all {
		if data, err := s.Read(t.Context(), n); err != nil || string(data) != n {
			t.Errorf("read %q: %q, %v", n, data, err)
		}
	}
	got := walked(t, s, "")
	for _, n := range all {
		if !slices.Contains(got, n) {
			t.Errorf("walk has no %q in %q", n, got)
		}
	}
}

func list(t *testing.T, s delta.Store) {
	for _, n := range []string{"log/0002.json", "log/0001.json", "log/0010.json", "log/sub/0003.json", "log/_last", "logs/x", "log/0001.crc"} {
		must(t, s.Put(t.Context(), n, []byte(n)))
	}
	for _, c := range []struct {
		from string
		want []string
	}{
		{"", []string{"log/0001.crc", "log/0001.json", "log/0002.json", "log/0010.json", "log/_last"}},
		{"0002", []string{"log/0002.json", "log/0010.json", "log/_last"}},
		{"0002.json", []string{"log/0002.json", "log/0010.json", "log/_last"}},
		{"0002.json0", []string{"log/0010.json", "log/_last"}},
		{"0010", []string{"log/0010.json", "log/_last"}},
		{"z", nil},
	} {
		if got := listed(t, s, "log", c.from); !slices.Equal(got, c.want) {
			t.Errorf("list from %q: %q, want %q", c.from, got, c.want)
		}
	}
	infos, err := s.List(t.Context(), "log", "0010")
	if err != nil || infos[0].Size != int64(len("log/0010.json")) || infos[0].Modified.IsZero() {
		t.Errorf("list: %+v, %v", infos, err)
	}
}

// pages holds that long lists are whole and in order.
func pages(t *testing.T, s delta.Store) {
	var want []string
	for i := range 250 {
		n := fmt.Sprintf("log/%020d.json", i)
		want = append(want, n)
		must(t, s.Put(t.Context(), n, []byte("{}")))
		must(t, s.Put(t.Context(), fmt.Sprintf("log/%03d/x", i), []byte("{}")))
	}
	if got := listed(t, s, "log", ""); !slices.Equal(got, want) {
		t.Errorf("list: %d names of %d", len(got), len(want))
	}
	if got := listed(t, s, "log", fmt.Sprintf("%020d", 120)); !slices.Equal(got, want[120:]) {
		t.Errorf("list from the middle: %d names of %d", len(got), len(want)-120)
	}
	if got := walked(t, s, "log"); len(got) != 500 {
		t.Errorf("walk: %d names of 500", len(got))
	}
	for _, err := range s.Walk(t.Context(), "log") { // a walk can end early
		must(t, err)
		break
	}
}

func walk(t *testing.T, s delta.Store) {
	all := []string{"t/a", "t/b/c", "t/b/d/e", "t/f"}
	for _, n := range append(all, "tt/x", "u") {
		must(t, s.Put(t.Context(), n, []byte(n)))
	}
	if got := walked(t, s, "t"); !slices.Equal(got, all) {
		t.Errorf("walk: %q, want %q", got, all)
	}
	if got := walked(t, s, "t/b"); !slices.Equal(got, all[1:3]) {
		t.Errorf("walk: %q, want %q", got, all[1:3])
	}
	for i, err := range s.Walk(t.Context(), "t") {
		if err != nil || i.Size != int64(len(i.Name)) || i.Modified.IsZero() {
			t.Errorf("walk: %+v, %v", i, err)
		}
	}
}

// race holds that of many who put the same new file, one wins, and that readers
// see it whole or not at all.
func race(t *testing.T, s delta.Store) {
	const racers = 8
	for round := range 5 {
		name := fmt.Sprintf("log/%d.json", round)
		errs := make([]error, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				errs[i] = s.PutNew(t.Context(), name, bytes.Repeat([]byte{byte('a' + i)}, 10_000))
				data, err := s.Read(t.Context(), name)
				if err != nil || len(data) != 10_000 || bytes.Count(data, data[:1]) != 10_000 {
					t.Errorf("racer %d read %d bytes, %v", i, len(data), err)
				}
			})
		}
		wg.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won >= 0:
				t.Errorf("both %d and %d put %s", won, i, name)
			case err == nil:
				won = i
			case !errors.Is(err, delta.ErrExists):
				t.Errorf("racer %d: %v", i, err)
			}
		}
		if data, err := s.Read(t.Context(), name); won < 0 || err != nil || data[0] != byte('a'+won) {
			t.Errorf("%d won, but the file is not its: %v", won, err)
		}
	}
}

func ended(t *testing.T, s delta.Store) {
	must(t, s.Put(t.Context(), "x", []byte("x")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, read := s.Read(ctx, "x")
	_, stat := s.Stat(ctx, "x")
	_, list := s.List(ctx, "", "")
	var walk error
	for _, walk = range s.Walk(ctx, "") {
		break
	}
	for what, err := range map[string]error{"read": read, "stat": stat, "list": list, "walk": walk,
		"put new": s.PutNew(ctx, "y", nil), "put": s.Put(ctx, "x", nil), "delete": s.Delete(ctx, "x")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a context that ended: %v", what, err)
		}
	}
	if data, err := s.Read(t.Context(), "x"); err != nil || string(data) != "x" {
		t.Errorf("read: %q, %v", data, err)
	}
}

func large(t *testing.T, s delta.Store) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
	must(t, s.PutNew(t.Context(), "large", data))
	if got, err := s.Read(t.Context(), "large"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read: %d bytes, %v", len(got), err)
	}
}
