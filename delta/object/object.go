// Package object makes a [delta.Store] of an object store. What S3, Google Cloud
// Storage and Azure have in common is here: a commit is one conditional put, and
// a put whose answer got lost is looked up before anybody calls it lost.
//
//	store := object.NewStore(bucket, "lake/orders") // bucket from delta/s3
//	t := delta.Open(store)
//
// A [Bucket] makes single requests; a [Store] repeats those that failed without
// being refused, with growing random pauses.
package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"time"
)

// Bucket makes requests to one bucket (container) of an object store. Each method
// is one attempt, except where it says otherwise; errors are *[Error].
type Bucket interface {
	// URL is the bucket's, without a slash at its end: s3://lake.
	URL() string
	// Put writes an object in one request that readers see whole or not at all.
	// With ifNew the store itself refuses it when the key is taken: status 412.
	Put(ctx context.Context, key string, data []byte, ifNew bool) error
	// Upload writes a large object, in parts if it must, and repeats parts that
	// failed. Readers see it whole or not at all.
	Upload(ctx context.Context, key string, body io.ReaderAt, size int64) error
	// Get opens an object.
	Get(ctx context.Context, key string) (io.ReadCloser, Object, error)
	// Stat looks at an object.
	Stat(ctx context.Context, key string) (Object, error)
	// List gives the objects whose keys begin with prefix and sort after the key
	// after, by key; not deep: those without a further / in the key. It asks page
	// by page.
	List(ctx context.Context, prefix, after string, deep bool) iter.Seq2[Object, error]
	// Delete removes an object. That there is none may be an error, or not.
	Delete(ctx context.Context, key string) error
}

// Object is one object of a [Bucket].
type Object struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Error is a request to an object store that failed. It is fs.ErrNotExist for
// errors.Is when there is no such object.
type Error struct {
	Op     string // put, get, stat, list, delete
	URL    string // s3://bucket/key
	Status int    // of HTTP; 0 when no answer came
	Code   string // the store's own name for it, such as SlowDown; may be empty
	Hint   string // what to do about it
	Err    error
}

func (e *Error) Error() string {
	text := e.Op + " " + e.URL + ": "
	switch {
	case e.Status == 0:
		text += "no answer"
	case e.Code != "":
		text += fmt.Sprintf("%s (HTTP %d)", e.Code, e.Status)
	default:
		text += fmt.Sprintf("HTTP %d", e.Status)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is work with fs.ErrNotExist. A missing bucket is not meant: a
// table that is misspelt should not look like one that is yet to be made.
func (e *Error) Is(target error) bool {
	return target == fs.ErrNotExist && e.Status == http.StatusNotFound && (e.Op == "get" || e.Op == "stat" || e.Op == "delete") && e.Code != "NoSuchBucket"
}

// passing reports whether the request may succeed when it is made again. Whether
// it had an effect is not known then.
func passing(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// status gives the HTTP status of a failed request, 0 when there is none.
func status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// ErrNotConditional says that the store takes no conditional puts, so that two writers
// could overwrite each other's commits.
var ErrNotConditional = errors.New("the object store does not refuse a conditional put (If-None-Match: *) of a key that is taken")
