package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// found is a file that the glob matched.
type found struct {
	path string      // relative to the root, with /
	info fs.FileInfo // nil for a link that leads nowhere
}

// is reports whether the file is known, with the same size and time.
func (f found) is(known Known) bool {
	id, ok := known[f.path]
	if f.info == nil {
		return ok // what was consumed may go
	}
	return ok && id.Size == f.info.Size() && id.ModifiedNS == f.info.ModTime().UnixNano()
}

// expand returns the glob's root and the files it matches, by path. A glob
// without a pattern is one file, which must exist; so is one that is a file's
// very name, whatever characters are in it.
func expand(glob string) (root string, files []found, err error) {
	parts := strings.Split(filepath.ToSlash(filepath.Clean(glob)), "/")
	first := 0
	for first < len(parts) && !strings.ContainsAny(parts[first], `*?[\`) {
		first++
	}
	if fi, err := os.Stat(glob); first == len(parts) || err == nil && fi.Mode().IsRegular() {
		f, err := single(glob)
		if err != nil {
			return "", nil, err
		}
		return filepath.Dir(glob), []found{f}, nil
	}
	for _, p := range parts[first:] {
		if _, err := path.Match(p, ""); err != nil {
			return "", nil, &Error{Err: ErrBadConfig, Path: glob, Problem: fmt.Sprintf("%q is no pattern", p),
				Hint: "close each [ with ], and write \\[ for the character itself"}
		}
	}
	root = filepath.FromSlash(strings.Join(parts[:first], "/"))
	switch {
	case root == "" && first > 0:
		root = string(filepath.Separator)
	case root == "":
		root = "."
	}
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return "", nil, notFound(root)
	}
	if err := match(root, "", parts[first:], &files); err != nil {
		return "", nil, err
	}
	sort.Slice(files, func(i, j int) bool { return files[i].path < files[j].path })
	// With two ** in a pattern a file can be reached in two ways.
	unique := files[:0]
	for i, f := range files {
		if i == 0 || f.path != files[i-1].path {
			unique = append(unique, f)
		}
	}
	return root, unique, nil
}

// single returns the file of that name, relative to its folder.
func single(name string) (found, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found{}, notFound(name)
	case err != nil:
		return found{}, err
	case info.IsDir():
		return found{}, &Error{Err: ErrFormat, Path: name, Problem: "this is a folder, not a file",
			Hint: "name its files: " + filepath.Join(name, "*.csv")}
	}
	return found{filepath.Base(name), info}, nil
}

// match adds the files below root/dir that the pattern's parts match.
func match(root, dir string, parts []string, files *[]found) error {
	entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(dir)))
	if err != nil {
		return err
	}
	deep := parts[0] == "**"
	if deep && len(parts) > 1 {
		// ** may stand for no folder at all.
		if err := match(root, dir, parts[1:], files); err != nil {
			return err
		}
	}
	for _, e := range entries {
		name := e.Name()
		pattern := parts[0]
		if deep {
			pattern = "*"
		}
		if ok, _ := path.Match(pattern, name); !ok || hidden(name) && pattern[0] != name[0] {
			continue
		}
		isDir := e.IsDir()
		last := len(parts) == 1
		if isDir && last && !deep {
			continue
		}
		rel := path.Join(dir, name)
		if !isDir {
			if !last {
				if e.Type()&fs.ModeSymlink == 0 || deep {
					continue // ** does not follow links: they may lead in circles
				}
			}
			info, err := os.Stat(filepath.Join(root, filepath.FromSlash(rel)))
			if errors.Is(err, fs.ErrNotExist) {
				if e.Type()&fs.ModeSymlink != 0 {
					*files = append(*files, found{path: rel})
				}
				continue // removed since
			}
			if err != nil {
				return err
			}
			if last {
				if info.Mode().IsRegular() {
					*files = append(*files, found{rel, info})
				}
				continue
			}
			if !info.IsDir() {
				continue
			}
		}
		rest := parts[1:]
		if deep {
			rest = parts
		}
		if err := match(root, rel, rest, files); err != nil {
			return err
		}
	}
	return nil
}

// astray says that a link leads nowhere.
func astray(name string) error {
	e := &Error{Err: ErrDamaged, Path: name, Problem: "this is a link that leads nowhere", Hint: "mend it, or take it away"}
	if to, err := os.Readlink(name); err == nil {
		e.Problem = "this is a link to " + to + ", and nothing is there"
	}
	return e
}

// hidden are the names that tools give to what is not (yet) data.
func hidden(name string) bool { return name[0] == '.' || name[0] == '_' }

// notFound says that a path does not exist, and which name beside it is nearest.
func notFound(name string) error {
	e := &Error{Err: ErrNotFound, Path: name, Problem: "no such file or folder"}
	dir := filepath.Dir(name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		e.Hint = fmt.Sprintf("the folder %s does not exist either", dir)
		return e
	}
	best := 3 // more edits than this make another name
	for _, entry := range entries {
		if d := edits(filepath.Base(name), entry.Name()); d <= best && !hidden(entry.Name()) {
			best, e.Hint = d-1, fmt.Sprintf("did you mean %s?", filepath.Join(dir, entry.Name()))
		}
	}
	return e
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
