package policies

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/open-policy-agent/opa/v1/version"

	"github.com/dq-dev/dq/record"
)

// Entry is one line of a decision log. Names are those of OPA's decision logs
// where these have one, so that collectors of them can read it. It holds the
// digest of the input, never the input itself: profiles show values.
type Entry struct {
	Labels       map[string]string `json:"labels"`
	DecisionID   string            `json:"decision_id"` // Ruling.ID
	Bundles      map[string]Source `json:"bundles"`
	ConfigDigest string            `json:"config_digest"`
	Path         string            `json:"path"`
	Table        string            `json:"table"`
	Op           string            `json:"op"`
	InputSHA256  string            `json:"input_sha256"`
	Result       Result            `json:"result"`
	Timestamp    time.Time         `json:"timestamp"` // that of the input
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
// the hash of the one before. It is for one writer at a time.
type Log struct {
	file *os.File
	head string
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
	l := &Log{file: file}
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

// Append writes a ruling as one line and has it on disk before it returns.
// Labels are the caller's: the run's id, the environment.
func (l *Log) Append(r *Ruling, labels map[string]string) error {
	e := Entry{
		Labels: map[string]string{"opa_version": version.Version}, DecisionID: r.ID,
		Bundles: map[string]Source{"dq": {Revision: r.BundleDigest}}, ConfigDigest: r.ConfigDigest, Path: "dq/main/result",
		Table: r.Table, Op: r.Op, InputSHA256: r.InputSHA256, Timestamp: r.Time, PrevHash: l.head,
		Result: Result{Allow: !r.Blocking, Findings: r.Decisions, WaiversUsed: []string{}},
	}
	for k, v := range labels {
		e.Labels[k] = v
	}
	for _, d := range r.Decisions {
		if d.Waiver != nil {
			e.Result.WaiversUsed = append(e.Result.WaiversUsed, d.Waiver.ID)
		}
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

// VerifyLog reads a whole decision log and checks every hash and that each line
// follows the one before. It returns how many lines are good and the hash of
// the last of them. The error is ErrLog and names the line. A line cut off at
// the end is one too; lines missing at the end show only in the head.
func VerifyLog(r io.Reader) (lines int, head string, err error) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return lines, head, nil
		}
		if err == io.EOF {
			return lines, head, fmt.Errorf("%w: line %d is cut off", ErrLog, lines+1)
		}
		if err != nil {
			return lines, head, fmt.Errorf("policies: decision log: %w", err)
		}
		e, err := readEntry(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return lines, head, fmt.Errorf("%w: line %d: %w", ErrLog, lines+1, err)
		}
		if e.PrevHash != head {
			return lines, head, fmt.Errorf("%w: line %d does not follow the line before it", ErrLog, lines+1)
		}
		lines, head = lines+1, e.Hash
	}
}
