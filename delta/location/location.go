// Package location says where tables lie: in a folder on a local disk or in an
// object store, used in one way. The log is read and written through a
// [delta.Store]; an engine reads and writes data files in a folder of this machine,
// which for an object store holds copies:
//
//	where, err := location.Open("s3://lake/orders", os.Getenv)
//	defer where.Close()
//	s, err := delta.Open(where.Store()).Snapshot(ctx, delta.Latest())
//	err = where.Fetch(ctx, files...)                  // before an engine reads them below where.Dir()
//	...                                               // the engine writes new files below where.Dir()
//	err = where.Publish(ctx, staged...)               // before a commit names them
//
// For a folder on a local disk, Dir is that folder, and Fetch and Publish do nothing.
//
// # Copies
//
// Data files never change, so that a copy is good for ever. Copies are kept in
// DQ_CACHE_DIR (default: dq in the user's cache folder), up to DQ_CACHE_SIZE bytes
// (default 10GB; also 500MB, 2TB); beyond that, those go that were not used for
// longest. What a process is using does not count and does not go: it holds hard
// links to its copies in a folder of its own, until Close. Any number of processes
// may share the folder.
package location

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/object"
	"github.com/dq-dev/dq/delta/s3"
	"github.com/dq-dev/dq/table"
)

// Location is a folder, on a local disk or in an object store, with a table or
// several in it. It is safe for use by several goroutines.
type Location struct {
	dir    string        // of a local disk
	remote *object.Store // nil on a local disk
	name   string        // below the copies; "" at the top
	copies *copies       // shared by all of one Open
}

// schemes open object stores by the scheme of their URLs. Build tags add to them.
var schemes = map[string]func(location string, getenv func(string) string) (*object.Store, error){"s3": s3.Open}

// Remote reports whether a location is written as a URL: it is no local folder.
func Remote(location string) bool { return strings.Contains(location, "://") }

// Open is the location of that path or URL (s3://bucket/prefix). Getenv gives the
// environment, such as os.Getenv. It makes no request and no folder.
func Open(location string, getenv func(string) string) (*Location, error) {
	if !Remote(location) {
		return &Location{dir: location}, nil
	}
	scheme, _, _ := strings.Cut(location, "://")
	open := schemes[scheme]
	if open == nil {
		return nil, fmt.Errorf("%s: this program reads and writes folders and s3:// only%s", location, missing(scheme))
	}
	store, err := open(location, getenv)
	if err != nil {
		return nil, err
	}
	c, err := newCopies(getenv)
	if err != nil {
		return nil, err
	}
	return &Location{remote: store, copies: c}, nil
}

// missing says how to get a scheme that was left out when the program was built.
func missing(scheme string) string {
	switch scheme {
	case "gs":
		return "; build it with -tags gcs for gs://"
	case "azblob":
		return "; build it with -tags azure for azblob://"
	}
	return ""
}

// String is the path or URL.
func (l *Location) String() string {
	if l.remote == nil {
		return l.dir
	}
	return l.remote.URL()
}

// Store is the store of what lies there.
func (l *Location) Store() delta.Store {
	if l.remote == nil {
		return delta.Dir(l.dir)
	}
	return l.remote
}

// Sub is the location of a folder in this one. Closing either closes both.
func (l *Location) Sub(dir string) *Location {
	if l.remote == nil {
		return &Location{dir: filepath.Join(l.dir, filepath.FromSlash(dir))}
	}
	return &Location{remote: l.remote.Sub(dir), name: path.Join(l.name, dir), copies: l.copies}
}

// Dir is the folder of this machine in which an engine reads and writes data
// files. The error is one of making it.
func (l *Location) Dir() (string, error) {
	if l.remote == nil {
		return l.dir, nil
	}
	view, err := l.copies.folder()
	return filepath.Join(view, filepath.FromSlash(l.name)), err
}

// Fetch makes the files of a table readable below Dir. Copies are checked by size.
func (l *Location) Fetch(ctx context.Context, files ...table.File) error {
	if l.remote == nil || len(files) == 0 {
		return nil
	}
	dir, err := l.Dir()
	if err != nil {
		return err
	}
	err = each(ctx, files, func(ctx context.Context, f table.File) error {
		if Remote(f.Path) || strings.HasPrefix(f.Path, "/") {
			return fmt.Errorf("%s: the table's file %s lies outside of it, as those of a shallow clone do; copy the table to a local disk to read it", l, f.Path)
		}
		return l.copies.fetch(ctx, l.remote, f.Path, f.Size, filepath.Join(dir, filepath.FromSlash(f.Path)))
	})
	return errors.Join(err, l.copies.trim())
}

// Publish sends files that were written below Dir to where others see them. They
// are durable when it returns; no log names them yet.
func (l *Location) Publish(ctx context.Context, files ...table.File) error {
	if l.remote == nil || len(files) == 0 {
		return nil
	}
	dir, err := l.Dir()
	if err != nil {
		return err
	}
	err = each(ctx, files, func(ctx context.Context, f table.File) error {
		return l.copies.send(ctx, l.remote, f.Path, filepath.Join(dir, filepath.FromSlash(f.Path)))
	})
	return errors.Join(err, l.copies.trim())
}

// Discard removes files that were written below Dir, published or not, and that no
// log names: the other end of what Publish begins. Files that are not there are no
// error.
func (l *Location) Discard(ctx context.Context, files ...table.File) error {
	dir, err := l.Dir()
	if err != nil {
		return err
	}
	return each(ctx, files, func(ctx context.Context, f table.File) error {
		err := unlessGone(os.Remove(filepath.Join(dir, filepath.FromSlash(f.Path))))
		if l.remote == nil || err != nil {
			return err
		}
		if err := unlessGone(os.Remove(l.copies.kept(l.remote, f.Path))); err != nil {
			return err
		}
		return l.remote.Delete(ctx, f.Path)
	})
}

// Pull brings one file that may change, such as a record, below Dir as it is now;
// there may be none. Push sends it back.
func (l *Location) Pull(ctx context.Context, name string) error {
	if l.remote == nil {
		return nil
	}
	dir, err := l.Dir()
	if err != nil {
		return err
	}
	return l.copies.pull(ctx, l.remote, name, filepath.Join(dir, filepath.FromSlash(name)))
}

// Push sends a file below Dir in place of the one that is there.
func (l *Location) Push(ctx context.Context, name string) error {
	if l.remote == nil {
		return nil
	}
	dir, err := l.Dir()
	if err != nil {
		return err
	}
	return upload(ctx, l.remote, name, filepath.Join(dir, filepath.FromSlash(name)))
}

// RemoveAll removes a folder with all that is in it, copies too.
func (l *Location) RemoveAll(ctx context.Context, dir string) error {
	if l.remote == nil {
		return os.RemoveAll(filepath.Join(l.dir, filepath.FromSlash(dir)))
	}
	for f, err := range l.remote.Walk(ctx, dir) {
		if err != nil {
			return err
		}
		if err := l.remote.Delete(ctx, f.Name); err != nil {
			return err
		}
	}
	return l.copies.forget(path.Join(l.name, dir))
}

// Close lets go of the copies that are in use; files that were written below Dir
// and not published are gone then.
func (l *Location) Close() error {
	if l.remote == nil {
		return nil
	}
	return l.copies.close()
}
