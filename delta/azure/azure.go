//go:build azure

package azure

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta/object"
	"github.com/dq-dev/dq/delta/object/rest"
)

// Open is the store below a location such as azblob://container/prefix. It makes
// no request. Getenv gives the environment, such as os.Getenv.
func Open(location string, getenv func(string) string) (*object.Store, error) {
	name, prefix, _ := strings.Cut(strings.TrimPrefix(location, "azblob://"), "/")
	if !strings.HasPrefix(location, "azblob://") || name == "" {
		return nil, fmt.Errorf("%s: write azblob://container/prefix", location)
	}
	c, err := newContainer(name, getenv)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	return object.NewStore(c, prefix), nil
}

func newContainer(name string, getenv func(string) string) (*container, error) {
	c := &container{name: name, account: getenv("AZURE_STORAGE_ACCOUNT_NAME")}
	if c.account == "" {
		return nil, errors.New("which account? set AZURE_STORAGE_ACCOUNT_NAME")
	}
	endpoint := getenv("AZURE_STORAGE_ENDPOINT")
	if endpoint == "" {
		endpoint = "https://" + c.account + ".blob.core.windows.net"
	}
	var err error
	if c.endpoint, err = url.Parse(strings.TrimSuffix(endpoint, "/")); err != nil || c.endpoint.Host == "" {
		return nil, fmt.Errorf("AZURE_STORAGE_ENDPOINT is %q; write https://host", endpoint)
	}
	switch {
	case getenv("AZURE_STORAGE_ACCOUNT_KEY") != "":
		if c.key, err = base64.StdEncoding.DecodeString(getenv("AZURE_STORAGE_ACCOUNT_KEY")); err != nil {
			return nil, errors.New("AZURE_STORAGE_ACCOUNT_KEY is not in base64")
		}
	case getenv("AZURE_STORAGE_SAS_TOKEN") != "":
		if c.sas, err = url.ParseQuery(strings.TrimPrefix(getenv("AZURE_STORAGE_SAS_TOKEN"), "?")); err != nil {
			return nil, errors.New("AZURE_STORAGE_SAS_TOKEN is not a query such as sv=...&sig=...")
		}
	default:
		c.tokens = &rest.Tokens{Fetch: identity(getenv)}
	}
	return c, nil
}

// container makes the requests. One of key, sas and tokens is set.
type container struct {
	name, account string
	endpoint      *url.URL
	key           []byte
	sas           url.Values
	tokens        *rest.Tokens
}

func (c *container) URL() string { return "azblob://" + c.name }

// version is that of the REST API.
const version = "2021-12-02"

func (c *container) do(ctx context.Context, op, method, key string, query url.Values, header map[string]string, body io.Reader, size int64) (*http.Response, error) {
	u := *c.endpoint
	u.Path += "/" + c.name
	if op != "list" {
		u.Path += "/" + key
		u.RawPath = (&url.URL{Path: c.endpoint.Path + "/" + c.name}).EscapedPath() + "/" + strings.ReplaceAll(url.PathEscape(key), "%2F", "/")
	}
	if query == nil {
		query = url.Values{}
	}
	for name, values := range c.sas {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	req.Header.Set("x-ms-version", version)
	req.Header.Set("x-ms-date", time.Now().UTC().Format(http.TimeFormat))
	for name, value := range header {
		req.Header.Set(name, value)
	}
	switch {
	case c.key != nil:
		req.Header.Set("Authorization", "SharedKey "+c.account+":"+c.sign(req))
	case c.tokens != nil:
		token, err := c.tokens.Token(ctx)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := rest.Do(req, op, c.URL()+"/"+key, func(answer *http.Response, _ []byte) string {
		if code := answer.Header.Get("x-ms-error-code"); code != "ContainerNotFound" {
			return code
		}
		return "NoSuchBucket"
	})
	if e, ok := err.(*object.Error); ok && e.Status == http.StatusConflict && e.Code == "BlobAlreadyExists" {
		e.Status = http.StatusPreconditionFailed // what others answer to If-None-Match: *
	}
	return answer, err
}

// sign gives the signature of a request ("Authorize with Shared Key").
func (c *container) sign(req *http.Request) string {
	length := ""
	if req.ContentLength > 0 {
		length = strconv.FormatInt(req.ContentLength, 10)
	}
	h := req.Header
	lines := []string{req.Method, h.Get("Content-Encoding"), h.Get("Content-Language"), length, h.Get("Content-MD5"), h.Get("Content-Type"), "",
		h.Get("If-Modified-Since"), h.Get("If-Match"), h.Get("If-None-Match"), h.Get("If-Unmodified-Since"), h.Get("Range")}
	var named []string
	for name := range h {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-") {
			named = append(named, lower+":"+h.Get(name))
		}
	}
	slices.Sort(named)
	lines = append(append(lines, named...), "/"+c.account+req.URL.EscapedPath())
	var params []string
	for name, values := range req.URL.Query() {
		slices.Sort(values)
		params = append(params, strings.ToLower(name)+":"+strings.Join(values, ","))
	}
	slices.Sort(params)
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(strings.Join(append(lines, params...), "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// done makes a request whose answer has no body that matters.
func (c *container) done(ctx context.Context, op, method, key string, query url.Values, header map[string]string, body io.Reader, size int64) error {
	answer, err := c.do(ctx, op, method, key, query, header, body, size)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func (c *container) Put(ctx context.Context, key string, data []byte, ifNew bool) error {
	header := map[string]string{"x-ms-blob-type": "BlockBlob"}
	if ifNew {
		header["If-None-Match"] = "*"
	}
	return c.done(ctx, "put", http.MethodPut, key, nil, header, bytes.NewReader(data), int64(len(data)))
}

// blockSize is that of the parts of a large blob, which has up to 50,000.
const blockSize = 64 << 20

// Upload sends blocks and then names them as the blob's content.
func (c *container) Upload(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	if size <= blockSize {
		return c.done(ctx, "put", http.MethodPut, key, nil, map[string]string{"x-ms-blob-type": "BlockBlob"}, io.NewSectionReader(body, 0, size), size)
	}
	list := struct {
		XMLName xml.Name `xml:"BlockList"`
		Latest  []string
	}{}
	for at := int64(0); at < size; at += blockSize {
		id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%08d", len(list.Latest)))
		n := min(blockSize, size-at)
		if err := c.done(ctx, "put", http.MethodPut, key, url.Values{"comp": {"block"}, "blockid": {id}}, nil, io.NewSectionReader(body, at, n), n); err != nil {
			return err
		}
		list.Latest = append(list.Latest, id)
	}
	text, err := xml.Marshal(list)
	if err != nil {
		return err
	}
	return c.done(ctx, "put", http.MethodPut, key, url.Values{"comp": {"blocklist"}}, nil, bytes.NewReader(text), int64(len(text)))
}

func (c *container) Get(ctx context.Context, key string) (io.ReadCloser, object.Object, error) {
	answer, err := c.do(ctx, "get", http.MethodGet, key, nil, nil, nil, 0)
	if err != nil {
		return nil, object.Object{}, err
	}
	return answer.Body, described(key, answer), nil
}

func (c *container) Stat(ctx context.Context, key string) (object.Object, error) {
	answer, err := c.do(ctx, "stat", http.MethodHead, key, nil, nil, nil, 0)
	if err != nil {
		return object.Object{}, err
	}
	return described(key, answer), answer.Body.Close()
}

func described(key string, answer *http.Response) object.Object {
	modified, _ := http.ParseTime(answer.Header.Get("Last-Modified"))
	return object.Object{Key: key, Size: answer.ContentLength, Modified: modified}
}

// List asks for all keys of the prefix: the service begins at no other.
func (c *container) List(ctx context.Context, prefix, after string, deep bool) iter.Seq2[object.Object, error] {
	return func(yield func(object.Object, error) bool) {
		query := url.Values{"restype": {"container"}, "comp": {"list"}, "prefix": {prefix}}
		if !deep {
			query.Set("delimiter", "/")
		}
		for {
			var page struct {
				Blobs struct {
					Blob []struct {
						Name       string
						Properties struct {
							Modified string `xml:"Last-Modified"`
							Size     int64  `xml:"Content-Length"`
						}
					}
				}
				NextMarker string
			}
			answer, err := c.do(ctx, "list", http.MethodGet, prefix, query, nil, nil, 0)
			if err == nil {
				if err = xml.NewDecoder(answer.Body).Decode(&page); err != nil {
					err = &object.Error{Op: "list", URL: c.URL() + "/" + prefix, Err: err}
				}
				answer.Body.Close()
			}
			if err != nil {
				yield(object.Object{}, err)
				return
			}
			for _, b := range page.Blobs.Blob {
				modified, _ := http.ParseTime(b.Properties.Modified)
				if b.Name > after && !yield(object.Object{Key: b.Name, Size: b.Properties.Size, Modified: modified}, nil) {
					return
				}
			}
			if page.NextMarker == "" {
				return
			}
			query.Set("marker", page.NextMarker)
		}
	}
}

func (c *container) Delete(ctx context.Context, key string) error {
	return c.done(ctx, "delete", http.MethodDelete, key, nil, nil, nil, 0)
}

// identity says how to ask for tokens: as an application, or as the machine.
func identity(getenv func(string) string) func(context.Context) (*http.Request, error) {
	const storage = "https://storage.azure.com/"
	tenant, client, secret, file := getenv("AZURE_TENANT_ID"), getenv("AZURE_CLIENT_ID"), getenv("AZURE_CLIENT_SECRET"), getenv("AZURE_FEDERATED_TOKEN_FILE")
	host := getenv("AZURE_AUTHORITY_HOST")
	if host == "" {
		host = "https://login.microsoftonline.com"
	}
	host = strings.TrimSuffix(host, "/") + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token"
	values := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "scope": {storage + ".default"}}
	return func(ctx context.Context) (*http.Request, error) {
		switch {
		case tenant != "" && client != "" && secret != "":
			values.Set("client_secret", secret)
			return rest.Form(ctx, host, values)
		case tenant != "" && client != "" && file != "":
			assertion, err := os.ReadFile(file) // it is written anew from time to time
			if err != nil {
				return nil, err
			}
			values.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			values.Set("client_assertion", strings.TrimSpace(string(assertion)))
			return rest.Form(ctx, host, values)
		}
		query := url.Values{"api-version": {"2018-02-01"}, "resource": {storage}}
		if client != "" {
			query.Set("client_id", client)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://169.254.169.254/metadata/identity/oauth2/token?"+query.Encode(), nil)
		if err == nil {
			req.Header.Set("Metadata", "true")
		}
		return req, err
	}
}
