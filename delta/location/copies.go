package location

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dq-dev/dq/delta/object"
	"github.com/dq-dev/dq/table"
)

// copies are local copies of remote files. In the cache folder:
//
//	files/ab/cdef...   copies, by the digest of their URL
//	views/<id>/        hard links to those that one process uses, and what it writes
//	views/<id>.lock    locked as long as that process lives
type copies struct {
	root  string
	bytes int64
	added atomic.Bool // since the last trim

	mu   sync.Mutex
	view string // "" until it is needed
	lock *os.File
}

const defaultBytes = 10 << 30

func newCopies(getenv func(string) string) (*copies, error) {
	c := &copies{root: getenv("DQ_CACHE_DIR"), bytes: defaultBytes}
	if c.root == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no folder for copies of remote files: %w; set DQ_CACHE_DIR", err)
		}
		c.root = filepath.Join(base, "dq")
	}
	if text := getenv("DQ_CACHE_SIZE"); text != "" {
		var err error
		if c.bytes, err = parseSize(text); err != nil {
			return nil, err
		}
	}
	var err error
	c.root, err = filepath.Abs(c.root) // an engine may have another working folder
	return c, err
}

// parseSize reads 500MB, 2 GiB or a number of bytes. Units are powers of 1024.
func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(strings.ToUpper(text), "BIKMGT ")
	unit := strings.TrimSpace(strings.ToUpper(text)[len(digits):])
	unit = strings.TrimSuffix(strings.TrimSuffix(unit, "B"), "I")
	n, err := strconv.ParseInt(digits, 10, 64)
	power := strings.Index("KMGT", unit)
	if unit == "" {
		power = -1
	}
	if err != nil || n < 0 || unit != "" && (power < 0 || len(unit) > 1) || n > 1<<62>>(10*(power+1)) {
		return 0, fmt.Errorf("DQ_CACHE_SIZE is %q; write a size such as 10GB or 500MB", text)
	}
	return n << (10 * (power + 1)), nil
}

// folder is this process's view, made at the first call.
func (c *copies) folder() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view != "" {
		return c.view, nil
	}
	views := filepath.Join(c.root, "views")
	if err := os.MkdirAll(views, 0o700); err != nil {
		return "", fmt.Errorf("copies of remote files: %w; set DQ_CACHE_DIR", err)
	}
	sweep(views)
	view := filepath.Join(views, strconv.Itoa(os.Getpid())+"-"+strconv.FormatUint(rand.Uint64(), 36))
	// The lock has its name only once it is held, so that no sweep takes it for a dead one's.
	lock, err := os.OpenFile(view+".new", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err == nil {
		if err = os.Rename(view+".new", view+".lock"); err == nil { //nolint:forbidigo // no file of a log
			err = os.Mkdir(view, 0o700)
		}
	}
	if err != nil {
		lock.Close()
		return "", err
	}
	c.view, c.lock = view, lock
	return view, nil
}

// sweep removes the views of processes that are gone.
func sweep(views string) {
	locks, _ := filepath.Glob(filepath.Join(views, "*.lock"))
	for _, name := range locks {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(strings.TrimSuffix(name, ".lock"))
			_ = os.Remove(name)
		}
		f.Close()
	}
}

func (c *copies) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view == "" {
		return nil
	}
	err := os.RemoveAll(c.view)
	if rm := os.Remove(c.view + ".lock"); err == nil {
		err = rm
	}
	c.lock.Close()
	c.view = ""
	return err
}

// forget removes a folder from the view.
func (c *copies) forget(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(c.view, filepath.FromSlash(name)))
}

// kept is where the copy of a file is kept.
func (c *copies) kept(store *object.Store, name string) string {
	digest := sha256.Sum256([]byte(store.URL() + "/" + name))
	text := hex.EncodeToString(digest[:])
	return filepath.Join(c.root, "files", text[:2], text[2:])
}

// fetch makes a file of that size readable as path, from the copy that is kept or
// by a download.
func (c *copies) fetch(ctx context.Context, store *object.Store, name string, size int64, path string) error {
	if sized(path, size) {
		return nil
	}
	kept := c.kept(store, name)
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(kept)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	// Another goroutine may link the same file at any moment, so that path is
	// removed only when it is not what it should be.
	if err := os.Link(kept, path); (err == nil || errors.Is(err, fs.ErrExist)) && sized(path, size) {
		now := time.Now()
		_ = os.Chtimes(kept, now, now) // its place in the order of use
		return nil
	} else if err == nil || errors.Is(err, fs.ErrExist) {
		_ = os.Remove(path)
		_ = os.Remove(kept)
	}
	temp, err := os.CreateTemp(filepath.Dir(kept), tempPrefix)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	err = download(ctx, store, name, temp, size)
	if cerr := temp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w (DQ_CACHE_DIR must be on a file system with hard links)", err)
	}
	c.added.Store(true)
	return os.Rename(temp.Name(), kept) //nolint:forbidigo // no file of a log
}

// sized reports whether there is a file of that size.
func sized(path string, size int64) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Size() == size
}

// tempPrefix begins the names of copies that are being made.
const tempPrefix = ".tmp-"

func download(ctx context.Context, store *object.Store, name string, to *os.File, size int64) error {
	err := store.Download(ctx, name, func() (io.Writer, error) {
		if _, err := to.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return to, to.Truncate(0)
	})
	if err != nil {
		return err
	}
	fi, err := to.Stat()
	if err != nil {
		return err
	}
	if fi.Size() != size {
		return fmt.Errorf("%s/%s has %d bytes, the table's log says %d: it was replaced or cut", store.URL(), name, fi.Size(), size)
	}
	return to.Sync() // a copy of the right size with other bytes would never be found out
}

// send uploads a file that was written to the view, and keeps it as a copy.
func (c *copies) send(ctx context.Context, store *object.Store, name, path string) error {
	if err := upload(ctx, store, name, path); err != nil {
		return err
	}
	kept := c.kept(store, name)
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		return err
	}
	c.added.Store(true)
	if err := os.Link(path, kept); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func upload(ctx context.Context, store *object.Store, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	return store.Upload(ctx, name, f, fi.Size())
}

// pull brings a file that may change; afterwards there is none when there is none.
func (c *copies) pull(ctx context.Context, store *object.Store, name, path string) error {
	data, err := store.Read(ctx, name)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if missing {
		return unlessGone(os.Remove(path))
	}
	return os.WriteFile(path, data, 0o600)
}

// trim removes the copies that were not used for longest, when there are too
// many bytes of them; then a tenth more than it must, so as not to come at every file.
func (c *copies) trim() error {
	if !c.added.Swap(false) {
		return nil
	}
	type copied struct {
		path string
		size int64
		used time.Time
	}
	c.mu.Lock() // one at a time; other processes may do the same, which does no harm
	defer c.mu.Unlock()
	var all []copied
	var total int64
	err := filepath.WalkDir(filepath.Join(c.root, "files"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return unlessGone(err)
		}
		fi, err := e.Info()
		switch {
		case err != nil:
			return unlessGone(err)
		case !strings.HasPrefix(e.Name(), tempPrefix):
			all = append(all, copied{path, fi.Size(), fi.ModTime()})
			total += fi.Size()
		case time.Since(fi.ModTime()) > 24*time.Hour: // of a process that was killed
			return unlessGone(os.Remove(path))
		}
		return nil
	})
	if err != nil || total <= c.bytes {
		return err
	}
	slices.SortFunc(all, func(a, b copied) int { return a.used.Compare(b.used) })
	for _, f := range all {
		if total <= c.bytes-c.bytes/10 {
			break
		}
		if err := unlessGone(os.Remove(f.path)); err != nil {
			return err
		}
		total -= f.size
	}
	return nil
}

// unlessGone passes over what another process has removed already.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// atOnce is how many files are copied at the same time.
const atOnce = 8

// each calls do for every file, some at once, until one fails.
func each(ctx context.Context, files []table.File, do func(context.Context, table.File) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, f := range files {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			if err := do(ctx, f); err != nil {
				cancel(err)
			}
			<-slots
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
