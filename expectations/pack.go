package expectations

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// KindFolder is a folder of users' kinds: *.yaml at the top of Files. Name is
// what messages call it.
type KindFolder struct {
	Name  string
	Files fs.FS
}

// ProjectKinds are the kinds of the project in dir: those in dir/kinds, and those
// in kinds/*.yaml of its [Packs].
func ProjectKinds(dir, settings string) ([]KindFolder, error) {
	var folders []KindFolder
	if own := filepath.Join(dir, "kinds"); isFolder(own) {
		folders = append(folders, KindFolder{own, os.DirFS(own)})
	}
	packs, err := Packs(dir, settings)
	for _, pack := range packs {
		if kinds := filepath.Join(pack, "kinds"); isFolder(kinds) {
			folders = append(folders, KindFolder{kinds, os.DirFS(kinds)})
		}
	}
	return folders, err
}

// Packs are the folders that the settings of the project in dir name,
//
//	packs:
//	  retail: {path: packs/retail, digest: "sha256:…"}
//
// each written by someone else, with kinds/*.yaml, policies/*.rego or both in it.
// A pack is read only while it is what was locked: the digest is [PackDigest].
// settings is the file dq.yaml; "" looks for it in dir and above, up to the root
// of the repository. The error is [yamlpos.Errors], or that of reading a file.
func Packs(dir, settings string) ([]string, error) {
	var packs []string
	if settings == "" {
		if settings = findSettings(dir); settings == "" {
			return nil, nil
		}
	}
	data, err := os.ReadFile(settings)
	if err != nil {
		return nil, fmt.Errorf("packs: %w", err)
	}
	doc, err := yamlpos.Parse(settings, data)
	if err != nil {
		return nil, err
	}
	if doc.Root.Null {
		return nil, nil
	}
	for _, e := range doc.Root.Get("packs").Pairs("packs") {
		f := e.Value.Map("a pack", "path", "digest")
		need(e.Value, f, "path")
		if f["path"] == nil {
			continue
		}
		root := f["path"].String()
		if !filepath.IsAbs(root) {
			root = filepath.Join(filepath.Dir(settings), root)
		}
		digest, err := PackDigest(os.DirFS(root))
		switch locked := f["digest"]; {
		case errors.Is(err, fs.ErrNotExist):
			f["path"].Errorf("vendor it: put the folder there", "the pack %s is not in %s", e.Key.Text, root)
			continue
		case err != nil:
			f["path"].Errorf("", "%s", err)
			continue
		case locked == nil:
			e.Value.Errorf("add digest: "+digest, "the pack %s has no digest that locks it", e.Key.Text)
			continue
		case locked.String() != digest:
			locked.Errorf("look at what changed in "+root+"; if it is right, write digest: "+digest, "the pack %s is not what was locked", e.Key.Text)
			continue
		}
		packs = append(packs, root)
	}
	return packs, doc.Err()
}

// PackDigest is sha256: and hex digits over the names and contents of all files
// of a pack, in the order of their names. Files whose names begin with a point
// are no part of it.
func PackDigest(pack fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(pack, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(path.Base(name), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		data, err := fs.ReadFile(pack, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s  %q\n", sha(data), name)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("pack: %w", err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// findSettings looks for dq.yaml in dir and above, up to the root of the repository.
func findSettings(dir string) string {
	dir, err := filepath.Abs(dir)
	for err == nil {
		file := filepath.Join(dir, "dq.yaml")
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
		up := filepath.Dir(dir)
		if up == dir || isFolder(filepath.Join(dir, ".git")) {
			return ""
		}
		dir = up
	}
	return ""
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
