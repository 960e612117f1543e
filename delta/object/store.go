package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/dq-dev/dq/delta"
)

// Store is the part of a bucket below a prefix, as a [delta.Store]. It is safe
// for use by several goroutines.
type Store struct {
	bucket Bucket
	prefix string // "" or with / at its end
	probe  *probe
}

// probe is what is known about a bucket's conditional puts.
type probe struct {
	mu   sync.Mutex
	done bool
}

// NewStore is the store of what lies below the prefix.
func NewStore(b Bucket, prefix string) *Store {
	s := &Store{bucket: b, probe: &probe{}}
	if prefix = strings.Trim(path.Clean("/"+prefix), "/"); prefix != "" {
		s.prefix = prefix + "/"
	}
	return s
}

// Sub is the store of a folder.
func (s *Store) Sub(dir string) *Store {
	sub := NewStore(s.bucket, s.prefix+dir)
	sub.probe = s.probe
	return sub
}

// URL is where the store lies: s3://bucket/prefix.
func (s *Store) URL() string {
	return strings.TrimSuffix(s.bucket.URL()+"/"+s.prefix, "/")
}

// key is the key of a name. An absolute name is the URL of an object in the
// same bucket.
func (s *Store) key(name string) (string, error) {
	if scheme, rest, ok := strings.Cut(name, "://"); ok {
		mine, bucket, _ := strings.Cut(s.bucket.URL(), "://")
		if scheme == "s3a" || scheme == "s3n" { // Hadoop's names for s3
			scheme = "s3"
		}
		key, ok := strings.CutPrefix(rest, bucket+"/")
		if scheme != mine || !ok {
			return "", fmt.Errorf("%s is not in %s", name, s.bucket.URL())
		}
		return key, nil
	}
	if strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("%s is a file on a disk, not in %s", name, s.URL())
	}
	return s.prefix + name, nil
}

// The pauses between attempts grow from firstPause to mostPause, each a random
// part of that. Together they last about half a minute.
const (
	attempts   = 12
	firstPause = 50 * time.Millisecond
	mostPause  = 5 * time.Second
)

// pause waits before the next attempt, the first being 1. It returns false when
// there is none, or when the context ended.
func pause(ctx context.Context, attempt int) bool {
	if attempt >= attempts {
		return false
	}
	most := min(mostPause, firstPause<<min(attempt-1, 20))
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(most))) + time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// repeat makes a request that does the same when it is made twice, until it
// succeeds or is refused.
func repeat(ctx context.Context, request func() error) error {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := request()
		if err == nil {
			return nil
		}
		if !passing(err) || !pause(ctx, attempt) {
			return ended(ctx, err)
		}
	}
}

// ended gives the context's error in place of what it caused.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Read returns the whole file.
func (s *Store) Read(ctx context.Context, name string) ([]byte, error) {
	var b bytes.Buffer
	err := s.Download(ctx, name, func() (io.Writer, error) {
		b.Reset()
		return &b, nil
	})
	return b.Bytes(), err
}

// Download copies a file to a writer, which is asked for anew at each attempt.
func (s *Store) Download(ctx context.Context, name string, to func() (io.Writer, error)) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	return repeat(ctx, func() error {
		body, o, err := s.bucket.Get(ctx, key)
		if err != nil {
			return err
		}
		defer body.Close()
		w, err := to()
		if err != nil {
			return err
		}
		n, err := io.Copy(w, &answer{body, key, s.bucket})
		if err == nil && n != o.Size {
			err = &Error{Op: "get", URL: s.bucket.URL() + "/" + key, Err: io.ErrUnexpectedEOF}
		}
		return err
	})
}

// answer is the body of an answer, whose errors are those of the request.
type answer struct {
	io.Reader
	key    string
	bucket Bucket
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &Error{Op: "get", URL: a.bucket.URL() + "/" + a.key, Err: err}
	}
	return n, err
}

// Stat looks at one file.
func (s *Store) Stat(ctx context.Context, name string) (delta.Info, error) {
	key, err := s.key(name)
	if err != nil {
		return delta.Info{}, err
	}
	var o Object
	err = repeat(ctx, func() error {
		o, err = s.bucket.Stat(ctx, key)
		return err
	})
	return delta.Info{Name: name, Size: o.Size, Modified: o.Modified}, err
}

// List returns the files directly in dir whose last name is from or sorts after it.
func (s *Store) List(ctx context.Context, dir, from string) ([]delta.Info, error) {
	prefix, after := s.folder(dir), ""
	if from != "" {
		// Stores list what sorts after a key; this one sorts just before from.
		last := len(from) - 1
		after = prefix + from[:last] + string(from[last]-1)
	}
	var infos []delta.Info
	for o, err := range s.list(ctx, prefix, after, false) {
		if err != nil {
			return nil, err
		}
		if strings.TrimPrefix(o.Key, prefix) >= from {
			infos = append(infos, s.info(o))
		}
	}
	return infos, nil
}

// Walk gives all files below dir.
func (s *Store) Walk(ctx context.Context, dir string) iter.Seq2[delta.Info, error] {
	return func(yield func(delta.Info, error) bool) {
		for o, err := range s.list(ctx, s.folder(dir), "", true) {
			if !yield(s.info(o), err) {
				return
			}
		}
	}
}

func (s *Store) folder(dir string) string {
	if dir = strings.Trim(path.Clean("/"+dir), "/"); dir == "" {
		return s.prefix
	}
	return s.prefix + dir + "/"
}

func (s *Store) info(o Object) delta.Info {
	return delta.Info{Name: strings.TrimPrefix(o.Key, s.prefix), Size: o.Size, Modified: o.Modified}
}

// list goes on after the last key when a page cannot be had at once. Keys that
// stand for folders, as consoles make them, are left out.
func (s *Store) list(ctx context.Context, prefix, after string, deep bool) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for attempt := 1; ; attempt++ {
			var failed error
			for o, err := range s.bucket.List(ctx, prefix, after, deep) {
				if failed = err; err != nil {
					break
				}
				attempt, after = 1, o.Key
				if !strings.HasSuffix(o.Key, "/") && !yield(o, nil) {
					return
				}
			}
			if failed = ended(ctx, failed); failed == nil {
				return
			}
			if !passing(failed) || !pause(ctx, attempt) {
				yield(Object{}, ended(ctx, failed))
				return
			}
		}
	}
}

// Delete removes a file; one that is not there is no error.
func (s *Store) Delete(ctx context.Context, name string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	err = repeat(ctx, func() error { return s.bucket.Delete(ctx, key) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Put writes a file or replaces it.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	return repeat(ctx, func() error { return s.bucket.Put(ctx, key, data, false) })
}

// Upload writes a large file, such as one of data, or replaces it. It is durable
// when Upload returns.
func (s *Store) Upload(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	return repeat(ctx, func() error { return s.bucket.Upload(ctx, key, body, size) })
}

// PutNew writes a file that must not exist yet, by one conditional put
// (If-None-Match: *). When no answer comes, or one that says nothing about the
// outcome, the object is looked up, and with just these bytes in it the put was
// this one; so writers must not write the same bytes. (What a commit writes has
// a random id in it.)
//
// The first PutNew makes sure that the store honours the condition, by putting an
// object named _dq_conditional_put twice; the error is [ErrNotConditional] if not.
func (s *Store) PutNew(ctx context.Context, name string, data []byte) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	if err := s.conditional(ctx); err != nil {
		return err
	}
	return s.putNew(ctx, name, key, data)
}

func (s *Store) putNew(ctx context.Context, name, key string, data []byte) error {
	unsure := false // an attempt may have had its effect without our knowing
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.bucket.Put(ctx, key, data, true)
		switch {
		case err == nil:
			return nil
		case status(err) == http.StatusPreconditionFailed && !unsure:
			return fmt.Errorf("%s/%s: %w", s.URL(), name, delta.ErrExists)
		case status(err) == http.StatusPreconditionFailed, passing(err):
			unsure = true
			switch same, e := s.holds(ctx, name, data); {
			case same:
				return nil
			case e == nil:
				return fmt.Errorf("%s/%s: %w", s.URL(), name, delta.ErrExists)
			case !errors.Is(e, fs.ErrNotExist):
				return ended(ctx, fmt.Errorf("%w (and what became of it is not known: %w)", err, e))
			}
		case status(err) == http.StatusConflict: // another put of the key was under way: neither was first yet
		default:
			return ended(ctx, err)
		}
		if !pause(ctx, attempt) {
			return ended(ctx, err)
		}
	}
}

// holds reports whether a file has these bytes.
func (s *Store) holds(ctx context.Context, name string, data []byte) (bool, error) {
	there, err := s.Read(ctx, name)
	return err == nil && bytes.Equal(there, data), err
}

// conditional makes sure, once, that the store refuses what PutNew must not write.
func (s *Store) conditional(ctx context.Context) error {
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	if s.probe.done {
		return nil
	}
	key := s.prefix + "_dq_conditional_put"
	// The first put succeeds if the object is not there yet, as it is ever after.
	for range 2 {
		err := repeat(ctx, func() error {
			err := s.bucket.Put(ctx, key, []byte("dq asks whether this store refuses what is there\n"), true)
			if status(err) == http.StatusConflict {
				return &Error{Op: "put", URL: s.bucket.URL() + "/" + key, Err: err} // to be repeated
			}
			return err
		})
		switch status(err) {
		case http.StatusPreconditionFailed:
			s.probe.done = true
			return nil
		case http.StatusNotImplemented:
			return fmt.Errorf("%s: %w; write to a store that does, or to a local disk (%w)", s.URL(), ErrNotConditional, err)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w; write to a store that does, or to a local disk", s.URL(), ErrNotConditional)
}
