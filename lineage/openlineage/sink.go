package openlineage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Sink is where events go: a file, one event a line (NDJSON), the URL of an HTTP
// endpoint (https://host/api/v1/lineage), or console, which is standard error.
type Sink string

// ErrRefused is what errors of [Sink.Send] are when the endpoint will not take the
// events however often they are sent: it answers 4xx, other than 408 and 429.
var ErrRefused = errors.New("refused")

// Remote reports whether events go over HTTP.
func (s Sink) Remote() bool {
	return strings.HasPrefix(string(s), "http://") || strings.HasPrefix(string(s), "https://")
}

// Send delivers events in order. All that go to a file are one write at its end.
// Over HTTP each is a request, tried three times unless it is refused
// ([ErrRefused]); OPENLINEAGE_API_KEY is its bearer token. The error never shows the
// key, nor the user in a URL.
func (s Sink) Send(ctx context.Context, events []Event) error {
	switch {
	case s == "console":
		return Write(os.Stderr, events)
	case !s.Remote():
		return s.append(events)
	}
	client := &http.Client{Timeout: 10 * time.Second}
	for _, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("openlineage: %w", err)
		}
		for try := range 3 {
			if err = s.post(ctx, client, body); err == nil || errors.Is(err, ErrRefused) || ctx.Err() != nil {
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(try+1) * 100 * time.Millisecond):
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s Sink) post(ctx context.Context, client *http.Client, body []byte) error {
	shown := "the endpoint"
	if u, err := url.Parse(string(s)); err == nil {
		shown = u.Scheme + "://" + u.Host + u.Path
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(s), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("openlineage: %s is no URL", shown)
	}
	req.Header.Set("Content-Type", "application/json")
	if key := os.Getenv("OPENLINEAGE_API_KEY"); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := client.Do(req)
	if err != nil {
		if ue, ok := err.(*url.Error); ok {
			err = ue.Err // without the URL
		}
		return fmt.Errorf("openlineage: %s: %w", shown, err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	switch code := res.StatusCode; {
	case code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests:
		return fmt.Errorf("openlineage: %s answers %s: %w", shown, res.Status, ErrRefused)
	case code >= 300:
		return fmt.Errorf("openlineage: %s answers %s", shown, res.Status)
	}
	return nil
}

func (s Sink) append(events []Event) error {
	var b bytes.Buffer
	if err := Write(&b, events); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(string(s)), 0o755); err != nil {
		return fmt.Errorf("openlineage: %w", err)
	}
	f, err := os.OpenFile(string(s), os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("openlineage: %w", err)
	}
	if err = cutTorn(f); err == nil {
		_, err = f.Write(b.Bytes())
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("openlineage: %w", err)
	}
	return nil
}

// cutTorn cuts off a last line that has no end, since its writer was killed: what is
// written behind it would be lost with it. It reads a line at most.
func cutTorn(f *os.File) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	end := info.Size()
	block := make([]byte, 64<<10)
	for at := end; at > 0; {
		n := min(at, int64(len(block)))
		at -= n
		if _, err := f.ReadAt(block[:n], at); err != nil {
			return err
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 || at == 0 {
			if whole := at + int64(i) + 1; whole < end {
				return f.Truncate(whole)
			}
			return nil
		}
	}
	return nil
}

// Write writes events as NDJSON.
func Write[E Event | JobEvent](w io.Writer, events []E) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("openlineage: %w", err)
		}
	}
	return nil
}

func sortDatasets(list []Dataset) {
	slices.SortFunc(list, func(a, b Dataset) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}
