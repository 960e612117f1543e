package file

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"unicode/utf8"
)

// maxProblems is how many wrong files are named before the rest are counted.
const maxProblems = 10

// content is what reading a file told.
type content struct {
	file    File
	format  Format
	gzip    bool
	columns []string
	same    bool // the content is the known one
}

func fetch(ctx context.Context, cfg Config, known Known) (*Batch, error) {
	if err := validate(cfg); err != nil {
		return nil, err
	}
	root, files, err := expand(cfg.Glob)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 && len(known) == 0 {
		return nil, nothing(cfg.Glob)
	}
	b := &Batch{Root: root}
	var changed []found
	for _, f := range files {
		if f.is(known) {
			b.Unchanged++
			continue
		}
		if _, ok := known[f.path]; !ok && cfg.OnlyKnown {
			b.Waiting++
			continue
		}
		changed = append(changed, f)
	}
	r := &reader{cfg: cfg, root: root}
	results := make([]content, len(changed))
	err = each(ctx, len(changed), func(i int) error {
		f := changed[i]
		if f.info == nil {
			return astray(filepath.Join(root, filepath.FromSlash(f.path)))
		}
		if id, ok := known[f.path]; ok && id.Size == f.info.Size() {
			// Touched, or restored from a copy: the hash says whether it is another.
			var err error
			if results[i].same, err = r.isSame(ctx, f, id.SHA256); err != nil || results[i].same {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if cfg.Limit > 0 {
		changed, results = b.limit(cfg.Limit, changed, results)
	}
	for i, f := range changed {
		if !results[i].same {
			// The first file decides for all, before they are read side by side.
			if err := r.decide(f); err != nil {
				return nil, err
			}
			break
		}
	}
	err = each(ctx, len(changed), func(i int) (err error) {
		if !results[i].same {
			results[i], err = r.read(ctx, changed[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range results {
		c := &results[i]
		if c.same {
			b.Unchanged++
			continue
		}
		if _, ok := known[c.file.Path]; ok {
			b.Rewritten = append(b.Rewritten, c.file)
		} else {
			b.Files = append(b.Files, c.file)
		}
		b.Groups = r.group(b.Groups, c)
	}
	return b, nil
}

// limit leaves all but the first n files that are not the same to later batches.
func (b *Batch) limit(n int, changed []found, results []content) ([]found, []content) {
	var files []found
	var found []content
	for i, f := range changed {
		if !results[i].same {
			if n--; n < 0 {
				b.Waiting++
				continue
			}
		}
		files, found = append(files, f), append(found, results[i])
	}
	return files, found
}

// validate checks what can be checked without a file.
func validate(cfg Config) error {
	bad := func(option, problem, hint string) error {
		return &Error{Err: ErrBadConfig, Path: cfg.Glob, Option: option, Problem: problem, Hint: hint}
	}
	switch {
	case cfg.Glob == "":
		return &Error{Err: ErrBadConfig, Path: "files", Problem: "no files are named", Hint: "write `files: data/*.csv`"}
	case !slices.Contains([]string{"", "csv", "tsv", "json", "parquet"}, cfg.Format):
		return bad("format", fmt.Sprintf("format %q is unknown", cfg.Format), "the formats are csv, tsv, json and parquet")
	case cfg.Delimiter != "" && !oneASCII(cfg.Delimiter):
		return bad("delimiter", fmt.Sprintf("delimiter %q is not one ASCII character", cfg.Delimiter), "write `delimiter: ';'`, or \"\\t\" for a tab")
	case cfg.Quote != "" && cfg.Quote != "none" && !oneASCII(cfg.Quote):
		return bad("quote", fmt.Sprintf("quote %q is not one ASCII character", cfg.Quote), "write `quote: '\"'`, or none")
	case cfg.Quote != "" && cfg.Quote == cfg.Delimiter:
		return bad("quote", fmt.Sprintf("%q is both delimiter and quote", cfg.Quote), "take different characters")
	}
	return nil
}

func oneASCII(s string) bool {
	return len(s) == 1 && s[0] < utf8.RuneSelf && s[0] != '\n' && s[0] != '\r' && s[0] != 0
}

// each runs f for 0..n-1 on all cores and returns the errors in that order.
func each(ctx context.Context, n int, f func(i int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
feed:
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) > maxProblems {
		more := len(errs) - maxProblems
		errs = append(errs[:maxProblems], fmt.Errorf("and %d more files", more))
	}
	return errors.Join(errs...)
}

// reader reads the files of one batch alike.
type reader struct {
	cfg     Config
	root    string
	format  Format
	dialect dialect
}

func (r *reader) name(f found) string { return filepath.Join(r.root, filepath.FromSlash(f.path)) }

// isSame hashes a file without looking into it.
func (r *reader) isSame(ctx context.Context, f found, sha string) (bool, error) {
	o, err := open(r.name(f))
	if err != nil {
		return false, err
	}
	defer o.close()
	if err := o.drain(ctx); err != nil {
		return false, err
	}
	return o.sum() == sha, nil
}

// decide settles format, delimiter and quote for the batch by its first file.
func (r *reader) decide(f found) error {
	o, err := open(r.name(f))
	if err != nil {
		return err
	}
	defer o.close()
	sample, whole, err := o.sample()
	if err != nil {
		return err
	}
	switch r.cfg.Format {
	case "":
		if r.format, err = formatOf(o.name, sample); err != nil {
			return err
		}
	case "tsv":
		r.format = CSV
	default:
		r.format = Format(r.cfg.Format)
	}
	if r.format == CSV {
		r.dialect = decide(r.cfg, o.name, trimBOM(sample), whole)
	}
	return nil
}

// read reads a file once, from its first byte to its last.
func (r *reader) read(ctx context.Context, f found) (content, error) {
	o, err := open(r.name(f))
	if err != nil {
		return content{}, err
	}
	defer o.close()
	c := content{format: r.format, gzip: o.gzip}
	c.file = File{Path: f.path, Size: o.info.Size(), Modified: o.info.ModTime().UTC(), Records: -1}
	if r.format == CSV {
		if err := r.readCSV(ctx, o, &c); err != nil {
			return content{}, err
		}
	} else if sample, _, err := o.sample(); err != nil {
		return content{}, err
	} else if is, err := formatOf(o.name, sample); err != nil {
		return content{}, err
	} else if is != r.format && (is == Parquet || r.format == Parquet) {
		return content{}, &Error{Err: ErrFormat, Path: o.name,
			Problem: fmt.Sprintf("this is %s, the source is %s", is, r.format), Hint: "keep other files out of the glob"}
	}
	if r.cfg.Unhashed {
		return c, o.unchanged()
	}
	if err := o.drain(ctx); err != nil {
		return content{}, err
	}
	if err := o.unchanged(); err != nil {
		return content{}, err
	}
	c.file.SHA256 = o.sum()
	return c, nil
}

func (r *reader) readCSV(ctx context.Context, o *opened, c *content) error {
	sample, whole, err := o.sample()
	if err != nil {
		return err
	}
	if err := checkText(o.name, sample); err != nil {
		return err
	}
	if is, _ := formatOf(o.name, sample); is == Parquet {
		return &Error{Err: ErrFormat, Path: o.name, Problem: "this is parquet, the source is csv", Hint: "keep other files out of the glob"}
	}
	text := trimBOM(sample)
	if c.columns, err = columns(r.cfg, r.dialect, o.name, text, whole); err != nil {
		return err
	}
	if len(c.columns) == 1 && r.cfg.Delimiter == "" {
		if other, fields := lookDelimiter(r.dialect.quote, text, whole); fields > 1 {
			return &Error{Err: ErrHeader, Path: o.name, Record: 1, Column: 1,
				Problem: fmt.Sprintf("fields are separated by %q here, by %q in the first file of the batch", other, r.dialect.delimiter),
				Hint:    "load the two kinds of files as two sources"}
		}
	}
	count := &counter{dialect: r.dialect, blanks: len(c.columns) == 1, offset: int64(len(sample) - len(text))}
	err = count.write(text)
	for err == nil && !whole {
		if err := ctx.Err(); err != nil {
			return err
		}
		var p []byte
		if p, whole, err = o.piece(); err == nil {
			err = count.write(p)
		}
	}
	if err == nil {
		err = count.close()
	}
	if e, ok := err.(*Error); ok && e.Path == "" {
		e.Path = o.name
	}
	c.file.Records, c.file.WithNUL, c.file.FirstNUL = count.records, count.withNUL, count.firstNUL
	if !r.cfg.NoHeader {
		c.file.Records--
	}
	return err
}

// group adds a file to the group that is read as it is.
func (r *reader) group(groups []Group, c *content) []Group {
	for i := range groups {
		if g := &groups[i]; g.Gzip == c.gzip && slices.Equal(g.Columns, c.columns) {
			g.Files = append(g.Files, c.file)
			return groups
		}
	}
	return append(groups, r.newGroup(c))
}

func (r *reader) newGroup(c *content) Group {
	g := Group{Format: c.format, Columns: c.columns, Gzip: c.gzip, Files: []File{c.file}}
	if c.format == CSV {
		g.Header = !r.cfg.NoHeader
		g.Delimiter = string(rune(r.dialect.delimiter))
		if r.dialect.quote != 0 {
			g.Quote = string(rune(r.dialect.quote))
		}
	}
	return g
}

func nothing(glob string) error {
	return &Error{Err: ErrNotFound, Path: glob, Problem: "no file matches", Hint: "names that begin with . or _ are passed over"}
}

// first looks at the beginning of one file.
func (r *reader) first(f found) (Group, error) {
	name := r.name(f)
	o, err := open(name)
	if err != nil {
		return Group{}, err
	}
	defer o.close()
	c := content{format: r.format, gzip: o.gzip,
		file: File{Path: f.path, Size: f.info.Size(), Modified: f.info.ModTime().UTC(), Records: -1}}
	if r.format == CSV {
		sample, whole, err := o.sample()
		if err != nil {
			return Group{}, err
		}
		if err := checkText(name, sample); err != nil {
			return Group{}, err
		}
		if c.columns, err = columns(r.cfg, r.dialect, name, trimBOM(sample), whole); err != nil {
			return Group{}, err
		}
	}
	return r.newGroup(&c), nil
}
