//go:build azure

package azure

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/object"
	"github.com/dq-dev/dq/delta/storetest"
)

// TestServer needs an emulator, such as Azurite: the AZURE_ variables say where it
// is, DQ_TEST_AZBLOB is the location of an empty folder in it.
func TestServer(t *testing.T) {
	location := os.Getenv("DQ_TEST_AZBLOB")
	if location == "" {
		t.Skip("DQ_TEST_AZBLOB names no folder of an emulator")
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(location, "azblob://"), "/")
	c, err := newContainer(name, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.do(t.Context(), "list", http.MethodPut, "", url.Values{"restype": {"container"}}, nil, nil, 0)
	if err != nil {
		t.Fatalf("making the container: %v", err)
	}
	answer.Body.Close()
	var stores atomic.Int64
	open := func(t *testing.T) delta.Store {
		store, err := Open(fmt.Sprintf("%s/t%d", location, stores.Add(1)), os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	storetest.Run(t, open)
	t.Run("blocks", func(t *testing.T) {
		store := open(t).(*object.Store)
		data := bytes.Repeat([]byte("parquet."), (blockSize+1<<20)/8)
		if err := store.Upload(t.Context(), "a b/large", bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Read(t.Context(), "a b/large"); err != nil || !bytes.Equal(got, data) {
			t.Errorf("read: %d bytes of %d, %v", len(got), len(data), err)
		}
	})
}

// TestIdentity signs in as an application, by a secret and by a file, and adds a
// SAS token, at a server that refuses everything else.
func TestIdentity(t *testing.T) {
	tokens := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/tenant/oauth2/v2.0/token":
			tokens++
			if r.FormValue("client_id") != "dq" || r.FormValue("client_secret") != "hush" && r.FormValue("client_assertion") != "signed" {
				w.WriteHeader(http.StatusUnauthorized)
				fmt.Fprint(w, r.FormValue("client_secret"))
				return
			}
			fmt.Fprint(w, `{"access_token": "let-me-in", "expires_in": "3600"}`)
		case r.Header.Get("Authorization") == "Bearer let-me-in" || r.URL.Query().Get("sig") == "abc+/=":
			w.Header().Set("x-ms-error-code", "BlobNotFound")
			w.WriteHeader(http.StatusNotFound)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("signed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, more := range map[string]map[string]string{
		"secret": {"AZURE_CLIENT_SECRET": "hush"}, "file": {"AZURE_FEDERATED_TOKEN_FILE": file}, "sas": {"AZURE_STORAGE_SAS_TOKEN": "?sv=2021&sig=abc%2B%2F%3D"},
		"wrong": {"AZURE_CLIENT_SECRET": "wrong-secret"},
	} {
		store, err := Open("azblob://lake/t", func(name string) string {
			if v, ok := more[name]; ok {
				return v
			}
			return map[string]string{"AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_ENDPOINT": server.URL, "AZURE_AUTHORITY_HOST": server.URL,
				"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "dq"}[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		tokens = 0
		_, err = store.Read(t.Context(), "x")
		_, again := store.Stat(t.Context(), "x")
		if what == "wrong" {
			var e *object.Error
			if !errors.As(err, &e) || e.Status != http.StatusUnauthorized || strings.Contains(err.Error(), "wrong-secret") {
				t.Errorf("wrong secret: %v", err)
			}
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) || !errors.Is(again, fs.ErrNotExist) || tokens > 1 {
			t.Errorf("%s: %v, %v, %d tokens", what, err, again, tokens)
		}
	}
}

func TestBadLocations(t *testing.T) {
	for _, c := range [][]string{{"azblob://"}, {"s3://lake/x"}, {"azblob:///x"}, {"azblob://lake/x"},
		{"azblob://lake/x", "AZURE_STORAGE_ACCOUNT_NAME=a", "AZURE_STORAGE_ACCOUNT_KEY=not base64"},
		{"azblob://lake/x", "AZURE_STORAGE_ACCOUNT_NAME=a", "AZURE_STORAGE_ENDPOINT=nowhere"}} {
		_, err := Open(c[0], func(name string) string {
			for _, e := range c[1:] {
				if k, v, _ := strings.Cut(e, "="); k == name {
					return v
				}
			}
			return ""
		})
		if err == nil || strings.Contains(err.Error(), "not base64") {
			t.Errorf("%v: %v", c, err)
		}
	}
}
