//go:build gcs

package gcs

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/object"
	"github.com/dq-dev/dq/delta/storetest"
)

// TestServer needs an emulator, such as fake-gcs-server: STORAGE_EMULATOR_HOST
// says where it is, DQ_TEST_GS is the location of an empty folder in it.
func TestServer(t *testing.T) {
	location := os.Getenv("DQ_TEST_GS")
	if location == "" {
		t.Skip("DQ_TEST_GS names no folder of an emulator")
	}
	var stores atomic.Int64
	storetest.Run(t, func(t *testing.T) delta.Store {
		store, err := Open(fmt.Sprintf("%s/t%d", location, stores.Add(1)), os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}

// TestServiceAccount signs in with a key of its own, to a server that checks the
// signature and gives one token, and refuses everything without it.
func TestServiceAccount(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tokens := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			tokens++
			parts := strings.Split(r.FormValue("assertion"), ".")
			digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
			signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			if rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature) != nil || !strings.Contains(string(claims), `"iss":"dq@example.com"`) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprint(w, `{"access_token": "let-me-in", "expires_in": 3600, "token_type": "Bearer"}`)
			return
		}
		if r.Header.Get("Authorization") != "Bearer let-me-in" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error": {"code": 404, "errors": [{"reason": "notFound", "message": "No such object: lake/x"}]}}`)
	}))
	defer server.Close()
	write := func(private string) func(string) string {
		data, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "dq@example.com", "private_key": private, "token_uri": server.URL + "/token"})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "key.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return func(name string) string { return map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file}[name] }
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	fetch, err := credentials(write(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))))
	if err != nil {
		t.Fatal(err)
	}
	b := newBucket("lake", server.URL, fetch)
	for range 3 {
		if _, err := b.Stat(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat: %v", err)
		}
	}
	if tokens != 1 {
		t.Errorf("%d tokens for three requests", tokens)
	}
	for _, bad := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := credentials(write(bad)); err == nil || bad != "" && bad != "x" && strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// A key that the server does not know.
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if der, err = x509.MarshalPKCS8PrivateKey(other); err != nil {
		t.Fatal(err)
	}
	if fetch, err = credentials(write(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))); err != nil {
		t.Fatal(err)
	}
	var e *object.Error
	if _, err := newBucket("lake", server.URL, fetch).Stat(t.Context(), "x"); !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
		t.Errorf("stat with another key: %v", err)
	}
}

func TestBadLocations(t *testing.T) {
	for _, where := range []string{"gs://", "s3://lake/x", "gs:///x"} {
		if _, err := Open(where, func(string) string { return "" }); err == nil {
			t.Errorf("%s is a location", where)
		}
	}
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, []byte(`{"type": "external_account"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open("gs://lake/x", func(name string) string { return map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file}[name] })
	if err == nil || !strings.Contains(err.Error(), "external_account") {
		t.Error(err)
	}
}
