//go:build gcs || azure

package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dq-dev/dq/delta/object"
)

// Client makes requests. It gives up on a store that does not begin to answer in
// half a minute, and goes to no other host than the one that is asked.
var Client = &http.Client{
	Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: 30 * time.Second, MaxIdleConnsPerHost: 16,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Do makes a request; where and op name it in errors. The caller closes the body
// of an answer. Code finds the store's own name of an error in an answer.
func Do(req *http.Request, op, where string, code func(*http.Response, []byte) string) (*http.Response, error) {
	answer, err := Client.Do(req)
	if err != nil {
		if u, ok := err.(*url.Error); ok {
			err = u.Err // the URL may hold a signature
		}
		return nil, &object.Error{Op: op, URL: where, Err: err}
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	e := &object.Error{Op: op, URL: where, Status: answer.StatusCode, Code: code(answer, body)}
	if e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized {
		e.Hint = "look at the credentials and at what they may do"
	}
	return nil, e
}

// Tokens gives access tokens, each as long as it lasts.
type Tokens struct {
	// Fetch asks for a token.
	Fetch func(context.Context) (*http.Request, error)

	mu    sync.Mutex
	token string
	until time.Time
}

// Token is a token that lasts for another minute.
func (t *Tokens) Token(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Until(t.until) > time.Minute {
		return t.token, nil
	}
	req, err := t.Fetch(ctx)
	if err != nil {
		return "", fmt.Errorf("access token: %w", err)
	}
	// The body of a refusal may repeat what was sent: it is not shown.
	answer, err := Do(req, "token from", req.URL.Host, func(*http.Response, []byte) string { return "" })
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var got struct {
		Token  string      `json:"access_token"`
		Expire json.Number `json:"expires_in"` // a text from Azure's metadata service
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Token == "" {
		return "", fmt.Errorf("access token from %s: the answer holds none", req.URL.Host)
	}
	seconds, err := got.Expire.Int64()
	if err != nil {
		return "", fmt.Errorf("access token from %s: expires_in is %q", req.URL.Host, got.Expire)
	}
	t.token, t.until = got.Token, time.Now().Add(time.Duration(seconds)*time.Second)
	return t.token, nil
}

// Form is the request for a token by an OAuth 2.0 grant (RFC 6749, section 4).
func Form(ctx context.Context, where string, values url.Values) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, strings.NewReader(values.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, err
}
