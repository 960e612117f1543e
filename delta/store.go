package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Info is one file of a [Store].
type Info struct {
	Name     string // relative to the root, with /
	Size     int64
	Modified time.Time
}

// Store is where a table's files are. Names are relative to the root with /
// between parts. What is missing is an error for which errors.Is with
// fs.ErrNotExist is true. A Store is safe for use by several goroutines.
type Store interface {
	// List returns the files (not folders) directly in dir whose last name is
	// from or sorts after it, sorted by name; none when there is no dir. What begins
	// with .tmp- is being written and left out, as in Walk.
	List(ctx context.Context, dir, from string) ([]Info, error)
	// Walk gives all files below dir, by name; what begins with .tmp- is being
	// written and left out. None when there is no dir.
	Walk(ctx context.Context, dir string) iter.Seq2[Info, error]
	// Read returns the whole file. A name that is absolute is read as it is, by
	// stores that can.
	Read(ctx context.Context, name string) ([]byte, error)
	// PutNew writes a file that must not exist yet, else [ErrExists]. Nobody
	// ever sees a part of it, and it is durable before PutNew returns.
	PutNew(ctx context.Context, name string, data []byte) error
	// Put writes a file or replaces it, with the same promises.
	Put(ctx context.Context, name string, data []byte) error
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// Stat looks at one file.
	Stat(ctx context.Context, name string) (Info, error)
}

// Dir is the store of a folder on a local disk that has hard links. The folder
// need not exist before something is put into it.
func Dir(path string) Store { return dir(path) }

type dir string

func (d dir) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(string(d), filepath.FromSlash(name))
}

func (d dir) List(ctx context.Context, folder, from string) ([]Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Of a long log, most names sort before from: they cost no more than being read.
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name < from || strings.HasPrefix(name, tempPrefix) })
	slices.Sort(names)
	var infos []Info
	for _, name := range names {
		fi, err := os.Lstat(filepath.Join(f.Name(), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since the folder was read
		}
		if err != nil {
			return nil, err
		}
		if !fi.IsDir() {
			infos = append(infos, Info{path.Join(folder, name), fi.Size(), fi.ModTime()})
		}
	}
	return infos, nil
}

func (d dir) Walk(ctx context.Context, folder string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := filepath.WalkDir(d.path(folder), func(name string, e fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone since its folder was read
			}
			if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), tempPrefix) {
				return err
			}
			fi, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(d.path(""), name)
			if err != nil {
				return err
			}
			if !yield(Info{filepath.ToSlash(rel), fi.Size(), fi.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Info{}, err)
		}
	}
}

func (d dir) Read(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return os.ReadFile(d.path(name))
}

func (d dir) Stat(ctx context.Context, name string) (Info, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	fi, err := os.Stat(d.path(name))
	if err != nil {
		return Info{}, err
	}
	return Info{name, fi.Size(), fi.ModTime()}, nil
}

func (d dir) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// PutNew writes a temporary file and links it to its name: link fails when the
// name is taken, where rename would overwrite, and O_EXCL on the name itself
// would show half a file to readers.
func (d dir) PutNew(ctx context.Context, name string, data []byte) error {
	return d.put(ctx, name, data, func(temp, final string) error {
		err := os.Link(temp, final)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return err
		}
		return fmt.Errorf("%w (dq commits by hard links; this file system must have them)", err)
	})
}

func (d dir) Put(ctx context.Context, name string, data []byte) error {
	return d.put(ctx, name, data, os.Rename)
}

func (d dir) put(ctx context.Context, name string, data []byte, publish func(temp, final string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	final := d.path(name)
	folder := filepath.Dir(final)
	temp, err := d.writeTemp(folder, data)
	if err != nil {
		return err
	}
	err = publish(temp, final)
	// After a rename there is nothing left to remove.
	if rm := os.Remove(temp); err == nil && rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		err = rm
	}
	if err != nil {
		return err
	}
	return syncDir(folder)
}

// tempPrefix begins the names of files that are being written.
const tempPrefix = ".tmp-"

// writeTemp writes data to a new file whose name no reader of a log looks at.
func (d dir) writeTemp(folder string, data []byte) (string, error) {
	for made := false; ; {
		name := filepath.Join(folder, tempPrefix+strconv.Itoa(os.Getpid())+"-"+strconv.FormatUint(rand.Uint64(), 36))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.Is(err, fs.ErrNotExist) && !made:
			if err := makeDirs(folder); err != nil {
				return "", err
			}
			made = true
			continue
		case err != nil:
			return "", err
		}
		_, err = f.Write(data)
		if err == nil {
			err = f.Sync()
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(name)
			return "", err
		}
		return name, nil
	}
}

// sweep removes files directly in a folder that were being written a while before
// and are not any more: their process was killed. Writing one takes a moment.
func (d dir) sweep(folder string, before time.Time) error {
	entries, err := os.ReadDir(d.path(folder))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		fi, err := e.Info()
		if err == nil && fi.ModTime().Before(before) {
			err = os.Remove(d.path(path.Join(folder, e.Name())))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// makeDirs makes the folder and makes every new level durable.
func makeDirs(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	parent := filepath.Dir(folder)
	if parent != folder {
		if err := makeDirs(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func syncDir(folder string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
