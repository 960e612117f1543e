//go:build gcs

package gcs

import (
	"bytes"
	"context"
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
	"io"
	"io/fs"
	"iter"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta/object"
	"github.com/dq-dev/dq/delta/object/rest"
)

// Open is the store below a location such as gs://bucket/prefix. It makes no
// request. Getenv gives the environment, such as os.Getenv.
func Open(location string, getenv func(string) string) (*object.Store, error) {
	name, prefix, _ := strings.Cut(strings.TrimPrefix(location, "gs://"), "/")
	if !strings.HasPrefix(location, "gs://") || name == "" {
		return nil, fmt.Errorf("%s: write gs://bucket/prefix", location)
	}
	if emulator := getenv("STORAGE_EMULATOR_HOST"); emulator != "" {
		if !strings.Contains(emulator, "://") {
			emulator = "http://" + emulator
		}
		return object.NewStore(newBucket(name, strings.TrimSuffix(emulator, "/"), nil), prefix), nil
	}
	fetch, err := credentials(getenv)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	return object.NewStore(newBucket(name, "https://storage.googleapis.com", fetch), prefix), nil
}

// bucket makes the requests.
type bucket struct {
	name, host string
	tokens     *rest.Tokens // nil with an emulator
}

func newBucket(name, host string, fetch func(context.Context) (*http.Request, error)) *bucket {
	b := &bucket{name: name, host: host}
	if fetch != nil {
		b.tokens = &rest.Tokens{Fetch: fetch}
	}
	return b
}

func (b *bucket) URL() string { return "gs://" + b.name }

// resource is an object as the JSON API describes it.
type resource struct {
	Name    string
	Size    string
	Updated time.Time
}

func (r resource) object() object.Object {
	size, _ := strconv.ParseInt(r.Size, 10, 64)
	return object.Object{Key: r.Name, Size: size, Modified: r.Updated}
}

func (b *bucket) do(ctx context.Context, op, method, path string, query url.Values, key, contentType string, body io.Reader, size int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, b.host+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if b.tokens != nil {
		token, err := b.tokens.Token(ctx)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return rest.Do(req, op, b.URL()+"/"+key, func(_ *http.Response, body []byte) string {
		var e struct {
			Error struct {
				Errors []struct{ Reason, Message string }
			}
		}
		if json.Unmarshal(body, &e) != nil || len(e.Error.Errors) == 0 {
			return ""
		}
		first := e.Error.Errors[0]
		if first.Reason == "notFound" && strings.Contains(first.Message, "bucket") {
			return "NoSuchBucket"
		}
		return first.Reason
	})
}

// ask makes a request whose answer is JSON, or nothing.
func (b *bucket) ask(ctx context.Context, op, method, path string, query url.Values, key string, into any) error {
	answer, err := b.do(ctx, op, method, path, query, key, "", nil, 0)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return &object.Error{Op: op, URL: b.URL() + "/" + key, Err: err}
	}
	return nil
}

func (b *bucket) objects() string        { return "/storage/v1/b/" + url.PathEscape(b.name) + "/o" }
func (b *bucket) path(key string) string { return b.objects() + "/" + url.PathEscape(key) }

// Put sends the name and the data as two parts, as Google's own clients do.
func (b *bucket) Put(ctx context.Context, key string, data []byte, ifNew bool) error {
	query := url.Values{"uploadType": {"multipart"}}
	if ifNew {
		query.Set("ifGenerationMatch", "0")
	}
	name, err := json.Marshal(map[string]string{"name": key})
	if err != nil {
		return err
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for _, part := range []struct {
		kind string
		data []byte
	}{{"application/json", name}, {"application/octet-stream", data}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {part.kind}})
		if err != nil {
			return err
		}
		if _, err := w.Write(part.data); err != nil {
			return err
		}
	}
	if err := parts.Close(); err != nil {
		return err
	}
	answer, err := b.do(ctx, "put", http.MethodPost, "/upload"+b.objects(), query, key, "multipart/related; boundary="+parts.Boundary(), &body, int64(body.Len()))
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// Upload is one request, which may be up to 5 TiB long.
func (b *bucket) Upload(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	answer, err := b.do(ctx, "put", http.MethodPost, "/upload"+b.objects(), url.Values{"uploadType": {"media"}, "name": {key}}, key,
		"application/octet-stream", io.NewSectionReader(body, 0, size), size)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func (b *bucket) Get(ctx context.Context, key string) (io.ReadCloser, object.Object, error) {
	answer, err := b.do(ctx, "get", http.MethodGet, b.path(key), url.Values{"alt": {"media"}}, key, "", nil, 0)
	if err != nil {
		return nil, object.Object{}, err
	}
	return answer.Body, object.Object{Key: key, Size: answer.ContentLength}, nil
}

func (b *bucket) Stat(ctx context.Context, key string) (object.Object, error) {
	var r resource
	err := b.ask(ctx, "stat", http.MethodGet, b.path(key), nil, key, &r)
	return r.object(), err
}

func (b *bucket) List(ctx context.Context, prefix, after string, deep bool) iter.Seq2[object.Object, error] {
	return func(yield func(object.Object, error) bool) {
		query := url.Values{"prefix": {prefix}}
		if after != "" {
			query.Set("startOffset", after) // it is in the list itself
		}
		if !deep {
			query.Set("delimiter", "/")
		}
		for {
			var page struct {
				Items         []resource
				NextPageToken string
			}
			if err := b.ask(ctx, "list", http.MethodGet, b.objects(), query, prefix, &page); err != nil {
				yield(object.Object{}, err)
				return
			}
			for _, r := range page.Items {
				if r.Name > after && !yield(r.object(), nil) {
					return
				}
			}
			if page.NextPageToken == "" {
				return
			}
			query.Set("pageToken", page.NextPageToken)
		}
	}
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	return b.ask(ctx, "delete", http.MethodDelete, b.path(key), nil, key, nil)
}

// scope is what a token allows.
const scope = "https://www.googleapis.com/auth/devstorage.read_write"

// credentials finds how to ask for tokens.
func credentials(getenv func(string) string) (func(context.Context) (*http.Request, error), error) {
	file := getenv("GOOGLE_APPLICATION_CREDENTIALS")
	if file == "" {
		file = filepath.Join(getenv("HOME"), ".config", "gcloud", "application_default_credentials.json")
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return metadata, nil
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	var c struct {
		Type         string
		ClientEmail  string `json:"client_email"`
		PrivateKey   string `json:"private_key"`
		KeyID        string `json:"private_key_id"`
		TokenURI     string `json:"token_uri"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("credentials: %s is no JSON object of credentials", file)
	}
	if c.TokenURI == "" {
		c.TokenURI = "https://oauth2.googleapis.com/token"
	}
	switch c.Type {
	case "authorized_user":
		return func(ctx context.Context) (*http.Request, error) {
			return rest.Form(ctx, c.TokenURI, url.Values{"grant_type": {"refresh_token"}, "client_id": {c.ClientID},
				"client_secret": {c.ClientSecret}, "refresh_token": {c.RefreshToken}})
		}, nil
	case "service_account":
		key, err := privateKey(c.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("credentials: %s: private_key: %w", file, err)
		}
		return func(ctx context.Context) (*http.Request, error) {
			assertion, err := sign(key, c.KeyID, map[string]any{"iss": c.ClientEmail, "scope": scope, "aud": c.TokenURI,
				"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
			if err != nil {
				return nil, err
			}
			return rest.Form(ctx, c.TokenURI, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
		}, nil
	}
	return nil, fmt.Errorf("credentials: %s is of type %q; dq knows service_account and authorized_user", file, c.Type)
}

// metadata asks the machine that the program runs on.
func metadata(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token?scopes="+url.QueryEscape(scope), nil)
	if err == nil {
		req.Header.Set("Metadata-Flavor", "Google")
	}
	return req, err
}

func privateKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not in PEM form")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not in PKCS #8 form")
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return private, nil
}

// sign makes a JSON Web Token (RFC 7519) with RS256.
func sign(key *rsa.PrivateKey, id string, claims map[string]any) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": id})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), err
}
