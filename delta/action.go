package delta

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The actions of PROTOCOL.md, "Actions", as they are in the log. Unknown ones
// and unknown fields are passed over.
type action struct {
	CommitInfo json.RawMessage `json:"commitInfo,omitempty"`
	Protocol   *protocol       `json:"protocol,omitempty"`
	MetaData   *metaData       `json:"metaData,omitempty"`
	Txn        *appTxn         `json:"txn,omitempty"`
	Domain     *domainMetadata `json:"domainMetadata,omitempty"`
	Remove     *fileAction     `json:"remove,omitempty"`
	Add        *fileAction     `json:"add,omitempty"`
	Change     *fileAction     `json:"cdc,omitempty"`
	Sidecar    *sidecar        `json:"sidecar,omitempty"`            // V2 checkpoints only
	Checkpoint *checkpointMark `json:"checkpointMetadata,omitempty"` // V2 checkpoints only
}

type protocol struct {
	MinReader      int       `json:"minReaderVersion"`
	MinWriter      int       `json:"minWriterVersion"`
	ReaderFeatures *[]string `json:"readerFeatures,omitempty"`
	WriterFeatures *[]string `json:"writerFeatures,omitempty"`
}

type metaData struct {
	ID               string            `json:"id"`
	Name             *string           `json:"name,omitempty"`
	Description      *string           `json:"description,omitempty"`
	Format           format            `json:"format"`
	SchemaString     string            `json:"schemaString"`
	PartitionColumns []string          `json:"partitionColumns"`
	Configuration    map[string]string `json:"configuration"`
	CreatedTime      *number           `json:"createdTime,omitempty"`
}

type format struct {
	Provider string            `json:"provider"`
	Options  map[string]string `json:"options"`
}

// MarshalJSON writes empty maps and lists as such. They are required by the
// protocol, and checkpoints give back nothing for them.
func (m metaData) MarshalJSON() ([]byte, error) {
	type plain metaData
	if m.Format.Options == nil {
		m.Format.Options = map[string]string{}
	}
	if m.PartitionColumns == nil {
		m.PartitionColumns = []string{}
	}
	if m.Configuration == nil {
		m.Configuration = map[string]string{}
	}
	text, err := marshal(plain(m))
	return []byte(text), err
}

type appTxn struct {
	AppID       string  `json:"appId"`
	Version     number  `json:"version"`
	LastUpdated *number `json:"lastUpdated,omitempty"`
}

type domainMetadata struct {
	Domain        string `json:"domain"`
	Configuration string `json:"configuration"`
	Removed       bool   `json:"removed"`
}

type sidecar struct {
	Path             string `json:"path"`
	SizeInBytes      number `json:"sizeInBytes"`
	ModificationTime number `json:"modificationTime"`
}

// checkpointMark is the action checkpointMetadata.
type checkpointMark struct {
	Version number `json:"version"`
}

// fileAction is an add or a remove; most fields are in both.
type fileAction struct {
	Path                    string             `json:"path"` // a URI
	PartitionValues         map[string]*string `json:"partitionValues"`
	Size                    *number            `json:"size,omitempty"`
	ModificationTime        *number            `json:"modificationTime,omitempty"`  // add
	DeletionTimestamp       *number            `json:"deletionTimestamp,omitempty"` // remove
	DataChange              *bool              `json:"dataChange,omitempty"`
	ExtendedFileMetadata    *bool              `json:"extendedFileMetadata,omitempty"` // remove
	Stats                   *string            `json:"stats,omitempty"`
	Tags                    map[string]*string `json:"tags,omitempty"`
	DeletionVector          *dvDescriptor      `json:"deletionVector,omitempty"`
	BaseRowID               *number            `json:"baseRowId,omitempty"`
	DefaultRowCommitVersion *number            `json:"defaultRowCommitVersion,omitempty"`
	ClusteringProvider      *string            `json:"clusteringProvider,omitempty"`

	path string     // decoded and canonical; see fileAction.check
	late *lateStats // instead of Stats, with the row of the checkpoint that the file is in
	row  int32
}

// MarshalJSON writes the partition values of an add also when there are none:
// the protocol requires them.
func (f fileAction) MarshalJSON() ([]byte, error) {
	type plain fileAction
	f.Stats = f.stats()
	if f.PartitionValues == nil && f.DeletionTimestamp == nil {
		f.PartitionValues = map[string]*string{}
	}
	text, err := marshal(plain(f))
	return []byte(text), err
}

// dvDescriptor is PROTOCOL.md, "Deletion Vector Descriptor Schema".
type dvDescriptor struct {
	StorageType    string  `json:"storageType"`
	PathOrInlineDv string  `json:"pathOrInlineDv"`
	Offset         *number `json:"offset,omitempty"`
	SizeInBytes    number  `json:"sizeInBytes"`
	Cardinality    number  `json:"cardinality"`
}

// number is an integer that old writers may have put in quotes.
type number int64

// UnmarshalJSON accepts 12 and "12".
func (n *number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil {
		return fmt.Errorf("%s is no integer", b)
	}
	*n = number(v)
	return nil
}

// value gives what n points to, or 0.
func (n *number) value() int64 {
	if n == nil {
		return 0
	}
	return int64(*n)
}

func numberOf(n int64) *number {
	v := number(n)
	return &v
}

// changesData reports whether rows come or go; so it is when nothing is said.
func (f *fileAction) changesData() bool { return f.DataChange == nil || *f.DataChange }

// dvID tells deletion vectors of one file apart (PROTOCOL.md, "Derived Fields").
func (f *fileAction) dvID() string {
	d := f.DeletionVector
	if d == nil {
		return ""
	}
	id := d.StorageType + d.PathOrInlineDv
	if d.Offset != nil {
		id += "@" + strconv.FormatInt(int64(*d.Offset), 10)
	}
	return id
}

// fileKey is what makes a logical file one: the same path with another deletion
// vector is another one.
type fileKey struct{ path, dv string }

func (f *fileAction) key() fileKey { return fileKey{f.path, f.dvID()} }

// check verifies what every reader needs and decodes the path.
func (f *fileAction) check() error {
	var err error
	f.path, err = decodePath(f.Path)
	return err
}

// commit is one commit of the log, replayable.
type commit struct {
	file     string // where it stands; "" for one of this process
	version  int64
	info     json.RawMessage // commitInfo, nil when there is none
	protocol *protocol
	metaData *metaData
	txns     []appTxn
	domains  []domainMetadata
	adds     []*fileAction
	removes  []*fileAction
	changes  []*fileAction // files of changed rows
}

// parseCommit reads the actions of one commit file. Pretty-printed JSON, blank
// lines and CR LF are fine. Errors are *[Error] and name the file.
func parseCommit(file string, version int64, data []byte) (*commit, error) {
	if len(data) == 0 { // whoever wrote it was cut off: nobody commits nothing
		return nil, &Error{Category: LogCorrupt, File: file, Problem: "the log entry is empty: it has 0 bytes", Hint: "restore it from a backup; what it said is unknown"}
	}
	c := &commit{version: version, file: file}
	err := eachAction(data, func(a *action) error { return c.take(a) })
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.File = file
			return nil, e
		}
		return nil, &Error{Category: LogCorrupt, File: file, Problem: "not a log entry", Err: err}
	}
	return c, nil
}

// eachAction decodes a sequence of JSON objects. Errors are *[Error] without a file.
func eachAction(data []byte, take func(*action) error) error {
	src := &scanner{src: string(data)}
	for n := 1; src.space() != 0 || src.at < len(src.src); n++ {
		var a action
		if err := a.scan(src); err != nil {
			return &Error{Category: LogCorrupt, Line: n, Problem: "not a JSON action", Err: err}
		}
		if err := take(&a); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				e = &Error{Category: LogCorrupt, Problem: err.Error()}
			}
			e.Line = n
			return e
		}
	}
	return nil
}

// scan reads an action. Files, which logs are made of, are read by hand, all else
// by encoding/json.
func (a *action) scan(src *scanner) error {
	if src.null() {
		return nil
	}
	return src.members(func(key string) error {
		var file **fileAction
		var other any
		switch key {
		case "add":
			file = &a.Add
		case "remove":
			file = &a.Remove
		case "cdc":
			file = &a.Change
		case "commitInfo":
			raw, err := src.skip()
			a.CommitInfo = json.RawMessage(raw)
			return err
		case "protocol":
			other = &a.Protocol
		case "metaData":
			other = &a.MetaData
		case "txn":
			other = &a.Txn
		case "domainMetadata":
			other = &a.Domain
		case "sidecar":
			other = &a.Sidecar
		case "checkpointMetadata":
			other = &a.Checkpoint
		}
		if file != nil {
			if src.null() {
				return nil
			}
			if *file != nil {
				return fmt.Errorf("%s is there twice", key)
			}
			return at(file).scan(src)
		}
		raw, err := src.skip()
		if err == nil && other != nil {
			err = json.Unmarshal([]byte(raw), other)
			if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
				err = fmt.Errorf("%s.%s is a %s where the protocol has another type", key, wrong.Field, wrong.Value)
			}
		}
		return err
	})
}

func (f *fileAction) scan(src *scanner) error {
	return src.members(func(key string) (err error) {
		var n **number
		var flag **bool
		var text **string
		var texts *map[string]*string
		switch key {
		case "path":
			if !src.null() {
				f.Path, err = src.text()
				f.Path = strings.Clone(f.Path)
			}
			return err
		case "partitionValues":
			texts = &f.PartitionValues
		case "tags":
			texts = &f.Tags
		case "size":
			n = &f.Size
		case "modificationTime":
			n = &f.ModificationTime
		case "deletionTimestamp":
			n = &f.DeletionTimestamp
		case "baseRowId":
			n = &f.BaseRowID
		case "defaultRowCommitVersion":
			n = &f.DefaultRowCommitVersion
		case "dataChange":
			flag = &f.DataChange
		case "extendedFileMetadata":
			flag = &f.ExtendedFileMetadata
		case "stats":
			text = &f.Stats
		case "clusteringProvider":
			text = &f.ClusteringProvider
		case "deletionVector":
			raw, err := src.skip()
			if err == nil {
				err = json.Unmarshal([]byte(raw), &f.DeletionVector)
			}
			return err
		}
		null := src.null()
		switch {
		case n != nil:
			if *n = nil; !null {
				*n = new(number)
				**n, err = src.integer()
			}
		case flag != nil:
			if *flag = nil; !null {
				*flag, err = src.flag()
			}
		case text != nil:
			if *text = nil; !null {
				var v string
				if text == &f.Stats && src.space() != '"' { // an object instead of its text
					v, err = src.skip()
				} else {
					v, err = src.text()
				}
				v = strings.Clone(v)
				*text = &v
			}
		case texts != nil:
			switch {
			case null:
				*texts = nil
			default:
				if *texts == nil {
					*texts = map[string]*string{}
				}
				err = src.texts(*texts)
			}
		case !null:
			_, err = src.skip()
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", key, err)
		}
		return err
	})
}

func duplicate(format string, args ...any) *Error {
	return &Error{Category: DuplicateAction, Problem: fmt.Sprintf(format, args...)}
}

// several reports whether one JSON value or row says more than one action, of
// which a reader would see one.
func (a *action) several() bool {
	n := 0
	for _, there := range [...]bool{a.CommitInfo != nil && string(a.CommitInfo) != "null", a.Protocol != nil, a.MetaData != nil, a.Txn != nil, a.Domain != nil,
		a.Remove != nil, a.Add != nil, a.Change != nil, a.Sidecar != nil, a.Checkpoint != nil} {
		if there {
			n++
		}
	}
	return n > 1
}

// take adds one action. What may occur once occurs once (PROTOCOL.md, "Action
// Reconciliation": a commit with two is refused, not guessed at).
func (c *commit) take(a *action) error {
	if a.several() {
		return errors.New("several actions in one")
	}
	switch {
	case a.Add != nil:
		if err := a.Add.check(); err != nil {
			return err
		}
		if a.Add.Size == nil || *a.Add.Size < 0 {
			return fmt.Errorf("add of %s has no size", a.Add.Path)
		}
		c.adds = append(c.adds, a.Add)
	case a.Remove != nil:
		if err := a.Remove.check(); err != nil {
			return err
		}
		c.removes = append(c.removes, a.Remove)
	case a.Change != nil:
		if err := a.Change.check(); err != nil {
			return err
		}
		c.changes = append(c.changes, a.Change)
	case a.CommitInfo != nil:
		if c.info == nil {
			c.info = a.CommitInfo
		}
	case a.Protocol != nil:
		if c.protocol != nil {
			return duplicate("a second protocol in one commit")
		}
		c.protocol = a.Protocol
	case a.MetaData != nil:
		if c.metaData != nil {
			return duplicate("a second metaData in one commit")
		}
		c.metaData = a.MetaData
	case a.Txn != nil:
		for _, t := range c.txns {
			if t.AppID == a.Txn.AppID {
				return duplicate("a second txn of application %q in one commit", t.AppID)
			}
		}
		c.txns = append(c.txns, *a.Txn)
	case a.Domain != nil:
		for _, d := range c.domains {
			if d.Domain == a.Domain.Domain {
				return duplicate("a second domainMetadata of %q in one commit", d.Domain)
			}
		}
		c.domains = append(c.domains, *a.Domain)
	}
	return nil
}

// checkFiles refuses a commit that says two things about one file: it is added and
// removed at most once, and only if the two differ in the deletion vector
// (PROTOCOL.md, "Add File and Remove File").
func (c *commit) checkFiles(file string) error {
	if len(c.adds)+len(c.removes) < 2 {
		return nil
	}
	twice := func(f *fileAction) error {
		e := duplicate("two actions in one commit are about %s", f.path)
		e.File = file
		return e
	}
	added, removed := make(map[string]*fileAction, len(c.adds)), make(map[string]bool, len(c.removes))
	for _, f := range c.adds {
		if added[f.path] != nil {
			return twice(f)
		}
		added[f.path] = f
	}
	for _, f := range c.removes {
		if other := added[f.path]; removed[f.path] || other != nil && other.dvID() == f.dvID() {
			return twice(f)
		}
		removed[f.path] = true
	}
	return nil
}

// commitInfo is what this package itself reads of one; anything may be missing
// or of another type.
type commitInfo struct {
	Timestamp         int64
	Operation         string
	InCommitTimestamp *int64
	TxnID             string
	IsBlindAppend     bool
}

func parseInfo(raw json.RawMessage) commitInfo {
	var fields map[string]json.RawMessage
	var out commitInfo
	if json.Unmarshal(raw, &fields) != nil {
		return out
	}
	get := func(key string, v any) bool { return json.Unmarshal(fields[key], v) == nil }
	get("timestamp", &out.Timestamp)
	get("operation", &out.Operation)
	get("txnId", &out.TxnID)
	get("isBlindAppend", &out.IsBlindAppend)
	var ict int64
	if raw := fields["inCommitTimestamp"]; string(raw) != "null" && get("inCommitTimestamp", &ict) {
		out.InCommitTimestamp = &ict
	}
	return out
}
