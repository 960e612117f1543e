package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/object"
	"github.com/dq-dev/dq/delta/s3"
	"github.com/dq-dev/dq/delta/s3/s3test"
	"github.com/dq-dev/dq/delta/storetest"
)

func open(t testing.TB, server *s3test.Server, location string) *object.Store {
	t.Helper()
	store, err := s3.Open(location, server.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func start(t testing.TB) *s3test.Server {
	server := s3test.New("lake")
	t.Cleanup(server.Close)
	return server
}

// stores counts the empty stores that were opened, each with a prefix of its own.
var stores atomic.Int64

func TestConforms(t *testing.T) {
	server := start(t)
	storetest.Run(t, func(t *testing.T) delta.Store { return open(t, server, fmt.Sprintf("s3://lake/t%d", stores.Add(1))) })
}

func TestConformsWithFaults(t *testing.T) {
	server := start(t)
	server.Fault = s3test.Random(1, 0.05)
	storetest.Run(t, func(t *testing.T) delta.Store { return open(t, server, fmt.Sprintf("s3://lake/t%d", stores.Add(1))) })
}

// TestServer runs the same against another server: AWS_ENDPOINT_URL and the
// credentials say which, DQ_TEST_S3 is the location of an empty folder in it.
func TestServer(t *testing.T) {
	location := os.Getenv("DQ_TEST_S3")
	if location == "" {
		t.Skip("DQ_TEST_S3 names no folder of an S3 server")
	}
	storetest.Run(t, func(t *testing.T) delta.Store {
		store, err := s3.Open(fmt.Sprintf("%s/t%d", location, stores.Add(1)), os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
	t.Run("parts", func(t *testing.T) {
		store, err := s3.Open(location+"/parts", os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		data := bytes.Repeat([]byte("parquet."), 20<<17)
		if err := store.Upload(t.Context(), "a b/c%20d", bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Read(t.Context(), "a b/c%20d"); err != nil || !bytes.Equal(got, data) {
			t.Errorf("read: %d bytes of %d, %v", len(got), len(data), err)
		}
	})
}

// faults makes the next puts of log entries go wrong, in this order.
func faults(list ...s3test.Fault) func(*http.Request) s3test.Fault {
	var mu sync.Mutex
	return func(r *http.Request) s3test.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "_delta_log") || len(list) == 0 {
			return s3test.None
		}
		f := list[0]
		list = list[1:]
		return f
	}
}

func TestPutNewWhoseAnswerIsLost(t *testing.T) {
	const name = "_delta_log/00000000000000000000.json"
	for _, c := range []struct {
		what   string
		faults []s3test.Fault
		taken  bool // by another writer, before
	}{
		{"no fault", nil, false},
		{"taken", nil, true},
		{"the answer is lost", []s3test.Fault{s3test.CutAfter}, false},
		{"500, but it is written", []s3test.Fault{s3test.InternalAfter}, false},
		{"500", []s3test.Fault{s3test.InternalBefore}, false},
		{"500, and taken", []s3test.Fault{s3test.InternalBefore}, true},
		{"the connection is cut", []s3test.Fault{s3test.CutBefore}, false},
		{"the connection is cut, and taken", []s3test.Fault{s3test.CutBefore}, true},
		{"slow down", []s3test.Fault{s3test.SlowDown, s3test.SlowDown}, false},
		{"slow down, and taken", []s3test.Fault{s3test.SlowDown, s3test.SlowDown}, true},
		{"conflict", []s3test.Fault{s3test.Conflict, s3test.Conflict, s3test.Conflict}, false},
		{"conflict, and taken", []s3test.Fault{s3test.Conflict}, true},
		{"all of it", []s3test.Fault{s3test.SlowDown, s3test.Conflict, s3test.CutBefore, s3test.InternalBefore, s3test.CutAfter}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			server := start(t)
			store := open(t, server, "s3://lake/orders")
			if c.taken {
				if err := store.PutNew(t.Context(), name, []byte("another's")); err != nil {
					t.Fatal(err)
				}
			}
			server.Fault = faults(c.faults...)
			err := store.PutNew(t.Context(), name, []byte("ours"))
			want := "ours"
			if c.taken {
				want = "another's"
			}
			if c.taken != errors.Is(err, delta.ErrExists) || !c.taken && err != nil {
				t.Errorf("put: %v", err)
			}
			if data, err := store.Read(t.Context(), name); err != nil || string(data) != want {
				t.Errorf("read: %q, %v", data, err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	server := start(t)
	ctx := t.Context()
	t.Run("no conditional puts", func(t *testing.T) {
		server.Unconditional = true
		defer func() { server.Unconditional = false }()
		store := open(t, server, "s3://lake/plain")
		err := store.PutNew(ctx, "_delta_log/0.json", []byte("x"))
		if !errors.Is(err, object.ErrNotConditional) || !strings.Contains(fmt.Sprint(err), "s3://lake/plain") {
			t.Errorf("put: %v", err)
		}
		if _, err := store.Stat(ctx, "_delta_log/0.json"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it was written all the same: %v", err)
		}
	})
	t.Run("no bucket", func(t *testing.T) {
		_, err := delta.Open(open(t, server, "s3://lakee/orders")).Snapshot(ctx, delta.Latest())
		var e *object.Error
		if errors.Is(err, delta.ErrNoTable) || !errors.As(err, &e) || e.Code != "NoSuchBucket" || e.Hint == "" {
			t.Errorf("snapshot: %v", err)
		}
	})
	t.Run("credentials", func(t *testing.T) {
		for id, hint := range map[string]string{"": "no credentials were found", "another": "AWS_ACCESS_KEY_ID"} {
			store, err := s3.Open("s3://lake/orders", func(name string) string {
				switch name {
				case "AWS_ACCESS_KEY_ID":
					return id
				case "AWS_SECRET_ACCESS_KEY":
					if id != "" {
						return "a-secret"
					}
					return ""
				}
				return server.Getenv(name)
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
			_, err = store.Read(ctx, "x")
			var e *object.Error
			if !errors.As(err, &e) || e.Status != http.StatusForbidden || !strings.Contains(err.Error(), hint) || strings.Contains(err.Error(), "a-secret") {
				t.Errorf("read as %q: %v", id, err)
			}
		}
	})
	t.Run("it never answers well", func(t *testing.T) {
		server.Fault = func(*http.Request) s3test.Fault { return s3test.SlowDown }
		defer func() { server.Fault = nil }()
		ctx, cancel := context.WithCancel(ctx)
		n := 0
		server.Fault = func(*http.Request) s3test.Fault {
			if n++; n == 3 {
				cancel()
			}
			return s3test.SlowDown
		}
		if _, err := open(t, server, "s3://lake/orders").Read(ctx, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("read: %v", err)
		}
	})
	for _, bad := range []string{"s3://", "s3:///x", "lake/orders", "http://lake"} {
		if _, err := s3.Open(bad, server.Getenv); err == nil {
			t.Errorf("%q is a location", bad)
		}
	}
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": "not a url", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "perhaps"} {
		_, err := s3.Open("s3://lake/x", func(n string) string {
			if n == name {
				return value
			}
			return server.Getenv(n)
		})
		if err == nil || !strings.Contains(err.Error(), value) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

// TestUpload sends a file in parts.
func TestUpload(t *testing.T) {
	server := start(t)
	store := open(t, server, "s3://lake/orders")
	for _, size := range []int{10, 17 << 20, 40 << 20} {
		data := bytes.Repeat([]byte("parquet."), size/8)
		if err := store.Upload(t.Context(), "part-0.parquet", bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Read(t.Context(), "part-0.parquet"); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
	}
	if server.Requests(http.MethodPost) != 4 {
		t.Errorf("%d requests began and ended uploads in parts, not 4", server.Requests(http.MethodPost))
	}
}

// TestAbsolute reads by URL what lies in the same bucket.
func TestAbsolute(t *testing.T) {
	server := start(t)
	if err := open(t, server, "s3://lake/a").Put(t.Context(), "b/f", []byte("x")); err != nil {
		t.Fatal(err)
	}
	store := open(t, server, "s3://lake/other")
	for name, ok := range map[string]bool{"s3://lake/a/b/f": true, "s3a://lake/a/b/f": true, "s3://lakes/a/b/f": false, "gs://lake/a/b/f": false, "/a/b/f": false} {
		if data, err := store.Read(t.Context(), name); ok != (err == nil && string(data) == "x") {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if got := open(t, server, "s3://lake/").URL() + " " + store.Sub("x/y").URL(); got != "s3://lake s3://lake/other/x/y" {
		t.Error(got)
	}
}
