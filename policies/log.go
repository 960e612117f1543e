package policies

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/version"

	"github.com/dq-dev/dq/record"
)

// Entry is one line of a decision log. Names are those of OPA's decision logs
// where these have one, so that collectors of them can read it. Input, policies
// and configuration are kept beside the log, once each, under their digests.
type Entry struct {
	Labels       map[string]string `json:"labels"`
	DecisionID   string            `json:"decision_id"` // Ruling.ID
	Bundles      map[string]Source `json:"bundles"`
	ConfigDigest string            `json:"config_digest"`
	// CapsDigest names what policies could call: the functions that dq leaves them of
	// this version of OPA. Lines of earlier versions of dq have none, and no Metrics.
	CapsDigest  string    `json:"caps_digest,omitempty"`
	Path        string    `json:"path"`
	Table       string    `json:"table"`
	VersionFrom *int64    `json:"version_from,omitempty"` // the version that was to be replaced
	Op          string    `json:"op"`
	InputSHA256 string    `json:"input_sha256"`
	Erased      []string  `json:"erased,omitempty"` // JSON pointers of personal values that the input is without
	Result      Result    `json:"result"`
	Timestamp   time.Time `json:"timestamp"` // that of the input
	// Metrics are how long it took, in nanoseconds: timer_rego_input_parse_ns to make the
	// input, timer_rego_query_eval_ns to ask the policies.
	Metrics map[string]int64 `json:"metrics,omitempty"`
	// PrevHash is the hash of the line before, empty in the first. Hash is of
	// this line's JSON with an empty hash.
	PrevHash string `json:"prev_hash"`
	Hash     string `json:"hash"`
}

// Source names a bundle of policies.
type Source struct {
	Revision string `json:"revision"`
}

// Result is the outcome that an [Entry] records.
type Result struct {
	Allow       bool              `json:"allow"`
	Findings    []record.Decision `json:"findings"`
	WaiversUsed []string          `json:"waivers_used"`
}

// ErrLog is what errors of a decision log that was changed or cut are.
var ErrLog = errors.New("policies: decision log is broken")

// Log is a decision log: a file of JSON lines, only ever added to, each holding
// the hash of the one before. It is for one writer at a time. What its entries
// refer to is in a folder beside it that is called as the file is, without its
// ending: there a content is the file <its SHA-256>.gz.
type Log struct {
	file   *os.File
	folder string
	head   string
	stored []string
}

// OpenLog opens or creates a decision log and finds its end. A last line without
// a line feed was being written when a process died: it is removed. Of the last
// whole line the hash is checked, of all lines by [VerifyLog]. Cost: the last
// line is read. The error is ErrLog when that line is not a log's.
func OpenLog(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("policies: decision log: %w", err)
	}
	l := &Log{file: file, folder: contents(path)}
	if err := l.seekEnd(); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// seekEnd finds the last whole line, reading backwards, and cuts what follows it.
func (l *Log) seekEnd() error {
	size, err := l.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	const step = 64 << 10
	var tail []byte
	for at := size; at > 0; {
		n := min(at, step)
		at -= n
		block := make([]byte, n)
		if _, err := l.file.ReadAt(block, at); err != nil {
			return err
		}
		tail = append(block, tail...)
		if at > 0 && bytes.Count(tail, []byte("\n")) < 2 {
			continue
		}
		break
	}
	end := bytes.LastIndexByte(tail, '\n')
	if cut := int64(len(tail) - end - 1); cut > 0 {
		if err := l.file.Truncate(size - cut); err != nil {
			return err
		}
		if _, err := l.file.Seek(size-cut, io.SeekStart); err != nil {
			return err
		}
	}
	if end < 0 {
		return nil
	}
	line := tail[:end]
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	e, err := readEntry(line)
	if err != nil {
		return fmt.Errorf("%w: last line: %w", ErrLog, err)
	}
	l.head = e.Hash
	return nil
}

// Append writes a ruling as one line, after what the line refers to, and has all
// on disk before it returns. Labels are the caller's: the run's id, the environment.
// Cost: a few milliseconds, most of them for the disk; of a bundle some more, once.
func (l *Log) Append(r *Ruling, labels map[string]string) error {
	if err := l.keep(r); err != nil {
		return fmt.Errorf("policies: decision log: %w", err)
	}
	e := Entry{
		Labels: map[string]string{"opa_version": version.Version}, DecisionID: r.ID,
		Bundles: map[string]Source{"dq": {Revision: r.BundleDigest}}, ConfigDigest: r.ConfigDigest, CapsDigest: capsDigest(), Path: "dq/main/result",
		Table: r.Table, VersionFrom: r.VersionFrom, Op: r.Op, InputSHA256: r.InputSHA256, Erased: r.input.erased, Timestamp: r.Time, PrevHash: l.head,
		Result: r.result(), Metrics: r.metrics,
	}
	for k, v := range labels {
		e.Labels[k] = v
	}
	hash, err := e.hash()
	if err != nil {
		return fmt.Errorf("policies: decision log: %w", err)
	}
	e.Hash = hash
	line, err := e.line()
	if err != nil {
		return fmt.Errorf("policies: decision log: %w", err)
	}
	if _, err := l.file.Write(line); err != nil {
		return fmt.Errorf("policies: decision log: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("policies: decision log: %w", err)
	}
	l.head = hash
	return nil
}

// contents is the folder of what the entries of a log refer to.
func contents(log string) string { return strings.TrimSuffix(log, filepath.Ext(log)) }

// contentName is the file of a content under its folder, by its digest.
func contentName(digest string) string { return strings.TrimPrefix(digest, "sha256:") + ".gz" }

// keep stores what the entry of a ruling refers to.
func (l *Log) keep(r *Ruling) error {
	if r.bundle == nil {
		return nil
	}
	return errors.Join(
		l.store(r.BundleDigest, func() []byte { return stamped(r.bundle.modules) }),
		l.store(r.ConfigDigest, func() []byte { return stamped(r.bundle.config) }),
		l.store(r.InputSHA256, func() []byte { return r.input.text }))
}

// store writes a content, unless it is there.
func (l *Log) store(digest string, text func() []byte) error {
	name := contentName(digest)
	file := filepath.Join(l.folder, name)
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	if err := os.MkdirAll(l.folder, 0o755); err != nil {
		return err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text()); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	f, err := os.CreateTemp(l.folder, "*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(packed.Bytes())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file) //nolint:forbidigo // what is there has the same content
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	l.stored = append(l.stored, filepath.Base(l.folder)+"/"+name)
	return nil
}

// Stored lists the files that were stored since it was asked last, as paths from
// the log's folder.
func (l *Log) Stored() []string {
	out := l.stored
	l.stored = nil
	return out
}

// Head is the hash of the last line, empty for an empty log: written down
// elsewhere, it shows later that no line is missing at the end.
func (l *Log) Head() string { return l.head }

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

func (e Entry) line() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(e)
	return b.Bytes(), err
}

func (e Entry) hash() (string, error) {
	e.Hash = ""
	line, err := e.line()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:]), nil
}

// readEntry reads a line and checks its hash. The bytes must be those that
// Append wrote: a line that says the same in other words was changed.
func readEntry(line []byte) (Entry, error) {
	var e Entry
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&e); err != nil {
		return e, err
	}
	again, err := e.line()
	if err != nil {
		return e, err
	}
	if !bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), line) {
		return e, errors.New("it is not as it was written")
	}
	hash, err := e.hash()
	if err != nil {
		return e, err
	}
	if hash != e.Hash {
		return e, errors.New("its hash is not that of its content")
	}
	return e, nil
}

// LogReport is what [VerifyLog] found.
type LogReport struct {
	Lines    int          `json:"lines"`
	Head     string       `json:"head"` // hash of the last line
	Problems []LogProblem `json:"problems"`
}

// LogProblem is a line that is not as it was written, or not where it was.
type LogProblem struct {
	Line    int    `json:"line"`
	Problem string `json:"problem"`
}

// cutOff is the problem of a last line that was being written when a process died.
const cutOff = "it is cut off"

// VerifyLog reads a whole decision log, checks every hash and that each line
// follows the one before, and names every line that was changed, that came in
// between, or before which one is missing. Good lines are given to each, unless
// it is nil. Lines missing at the end show only in the head. A line that was cut
// off at the end is a problem too; the next [OpenLog] mends it. The error is that
// of reading.
func VerifyLog(r io.Reader, each func(line int, e Entry)) (*LogReport, error) {
	in := bufio.NewReader(r)
	report := &LogReport{Problems: []LogProblem{}}
	problem := func(format string, args ...any) {
		report.Problems = append(report.Problems, LogProblem{report.Lines, fmt.Sprintf(format, args...)})
	}
	lineOf := map[string]int{} // by hash
	broken := false            // the line before could not be read
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return report, nil
		}
		if err != nil && err != io.EOF {
			return report, fmt.Errorf("policies: decision log: %w", err)
		}
		report.Lines++
		if err == io.EOF {
			problem(cutOff)
			return report, nil
		}
		e, err := readEntry(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			problem("%s", err)
			if e.Hash == "" {
				broken = true
				continue
			}
		} else if each != nil {
			each(report.Lines, e)
		}
		twin, again := lineOf[e.Hash]
		before, known := lineOf[e.PrevHash]
		switch {
		case again:
			problem("it is line %d once more", twin)
			continue
		case e.PrevHash == report.Head || broken && !known && e.PrevHash != "":
		case known && before == report.Lines-2:
			problem("it follows line %d: line %d was put in between", before, before+1)
		case known:
			problem("it follows line %d: lines %d to %d were put in between, or the order was changed", before, before+1, report.Lines-1)
		case report.Lines == 1:
			problem("it is not the first that was written: lines before it are missing")
		case e.PrevHash == "":
			problem("it was written as the first line: lines %d to %d were put in before it, or it belongs to another log", 1, report.Lines-1)
		default:
			problem("it does not follow line %d: lines between them are missing, or line %d was written anew", report.Lines-1, report.Lines-1)
		}
		broken = false
		lineOf[e.Hash] = report.Lines
		report.Head = e.Hash
	}
}
