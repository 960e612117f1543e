// Package s3test is an S3 server for tests, in memory: as much of the protocol as
// delta/s3 needs, with conditional puts, and with answers that get lost.
//
//	server := s3test.New("lake")
//	defer server.Close()
//	store, err := s3.Open("s3://lake/orders", server.Getenv)
package s3test

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is what goes wrong with a request.
type Fault int

// The faults. Before and After say whether the request had its effect.
const (
	None           Fault = iota
	SlowDown             // 503, before
	InternalBefore       // 500, before
	CutBefore            // the connection is cut, before
	Conflict             // 409 to conditional puts, before; nothing for others
	InternalAfter        // 500, after
	CutAfter             // the connection is cut, after: the answer is lost
)

// Server is the server. Its fields may be set before the first request.
type Server struct {
	// Fault decides what goes wrong with a request. Nil is nothing.
	Fault func(*http.Request) Fault
	// Unconditional makes the server ignore If-None-Match, as some do.
	Unconditional bool

	http    *httptest.Server
	key     string
	mu      sync.Mutex
	buckets map[string]*bucket
	uploads map[string]map[int][]byte
	count   map[string]int
}

type bucket struct {
	objects map[string]object
	keys    []string // sorted
}

type object struct {
	data     []byte
	modified time.Time
}

// New starts a server on this machine that holds these buckets.
func New(buckets ...string) *Server {
	s := &Server{key: "test-key", buckets: map[string]*bucket{}, uploads: map[string]map[int][]byte{}, count: map[string]int{}}
	for _, b := range buckets {
		s.buckets[b] = &bucket{objects: map[string]object{}}
	}
	s.http = httptest.NewServer(s)
	return s
}

// Close stops the server.
func (s *Server) Close() { s.http.Close() }

// Environ is the environment in which a program finds the server.
func (s *Server) Environ() []string {
	return []string{"AWS_ENDPOINT_URL=" + s.http.URL, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=" + s.key,
		"AWS_SECRET_ACCESS_KEY=test-secret", "AWS_EC2_METADATA_DISABLED=true"}
}

// Getenv is the environment as a function.
func (s *Server) Getenv(name string) string {
	for _, e := range s.Environ() {
		if k, v, _ := strings.Cut(e, "="); k == name {
			return v
		}
	}
	return ""
}

// Requests is how many requests of a method came that had their effect.
func (s *Server) Requests(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[method]
}

// Keys are the keys of a bucket that begin with prefix, sorted.
func (s *Server) Keys(bucket, prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for _, k := range s.buckets[bucket].keys {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	return keys
}

// Save writes the objects below a prefix as files into a folder.
func (s *Server) Save(bucket, prefix, dir string) error {
	for _, k := range s.Keys(bucket, prefix) {
		name := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(k, prefix)))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		s.mu.Lock()
		o := s.buckets[bucket].objects[k]
		s.mu.Unlock()
		if err := os.WriteFile(name, o.data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Random makes a share of all requests go wrong, each in any way. The same seed
// gives the same row of faults.
func Random(seed uint64, share float64) func(*http.Request) Fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, seed))
	return func(*http.Request) Fault {
		mu.Lock()
		defer mu.Unlock()
		if random.Float64() >= share {
			return None
		}
		return Fault(1 + random.IntN(int(CutAfter)))
	}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := payload(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody", err.Error())
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="+s.key+"/") {
		refuse(w, http.StatusForbidden, "AccessDenied", "Access Denied")
		return
	}
	conditional := r.Method == http.MethodPut && r.Header.Get("If-None-Match") != ""
	fault := None
	if s.Fault != nil {
		fault = s.Fault(r)
	}
	switch fault {
	case SlowDown:
		refuse(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case InternalBefore:
		refuse(w, http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
	case CutBefore:
		panic(http.ErrAbortHandler)
	case InternalAfter:
		s.serve(httptest.NewRecorder(), r, body)
		refuse(w, http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
	case CutAfter:
		s.serve(httptest.NewRecorder(), r, body)
		panic(http.ErrAbortHandler)
	case Conflict:
		if conditional {
			refuse(w, http.StatusConflict, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.")
			return
		}
		fallthrough
	default:
		s.serve(w, r, body)
	}
}

// payload reads the body of a request, also one that is signed in chunks.
func payload(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	switch digest := r.Header.Get("X-Amz-Content-Sha256"); {
	case strings.HasPrefix(digest, "STREAMING-"):
		return chunks(body)
	case len(digest) == 64:
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
			return nil, fmt.Errorf("the digest of the body is not the one in its header")
		}
	}
	return body, nil
}

// chunks decodes aws-chunked: <hex size>;chunk-signature=<signature>, data, ...
func chunks(body []byte) ([]byte, error) {
	var out []byte
	in := bufio.NewReader(strings.NewReader(string(body)))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 32)
		if err != nil || n == 0 {
			return out, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		out = append(out, chunk[:n]...)
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[r.Method]++
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	b := s.buckets[name]
	query := r.URL.Query()
	switch {
	case b == nil:
		refuse(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case key == "" && r.Method == http.MethodGet:
		b.list(w, query)
	case key == "":
		refuse(w, http.StatusNotImplemented, "NotImplemented", r.Method+" of a bucket")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		b.get(w, r, key)
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		delete(s.uploads, query.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		b.remove(key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut && query.Has("uploadId"):
		s.part(w, query, body)
	case r.Method == http.MethodPut:
		if _, taken := b.objects[key]; taken && r.Header.Get("If-None-Match") == "*" && !s.Unconditional {
			refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
			return
		}
		w.Header().Set("ETag", b.put(key, body))
	case r.Method == http.MethodPost && query.Has("uploads"):
		id := strconv.Itoa(len(s.uploads)+1) + "-" + strconv.Itoa(s.count[r.Method])
		s.uploads[id] = map[int][]byte{}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == http.MethodPost && query.Has("uploadId"):
		s.complete(w, b, key, query, body)
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented", r.Method)
	}
}

func etag(data []byte) string { return fmt.Sprintf(`"%x"`, md5.Sum(data)) }

func (b *bucket) put(key string, data []byte) string {
	if i, ok := slices.BinarySearch(b.keys, key); !ok {
		b.keys = slices.Insert(b.keys, i, key)
	}
	b.objects[key] = object{data, time.Now().UTC()}
	return etag(data)
}

func (b *bucket) remove(key string) {
	if i, ok := slices.BinarySearch(b.keys, key); ok {
		b.keys = slices.Delete(b.keys, i, i+1)
		delete(b.objects, key)
	}
}

func (b *bucket) get(w http.ResponseWriter, r *http.Request, key string) {
	o, ok := b.objects[key]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	w.Header().Set("ETag", etag(o.data))
	w.Header().Set("Last-Modified", o.modified.Format(http.TimeFormat))
	w.Header().Set("Content-Length", strconv.Itoa(len(o.data)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(o.data)
	}
}

func (s *Server) part(w http.ResponseWriter, query url.Values, body []byte) {
	parts, ok := s.uploads[query.Get("uploadId")]
	n, err := strconv.Atoi(query.Get("partNumber"))
	if !ok || err != nil {
		refuse(w, http.StatusNotFound, "NoSuchUpload", "The specified multipart upload does not exist.")
		return
	}
	parts[n] = body
	w.Header().Set("ETag", etag(body))
}

func (s *Server) complete(w http.ResponseWriter, b *bucket, key string, query url.Values, body []byte) {
	parts, ok := s.uploads[query.Get("uploadId")]
	var asked struct {
		Part []struct{ PartNumber int }
	}
	if err := xml.Unmarshal(body, &asked); err != nil || !ok {
		refuse(w, http.StatusNotFound, "NoSuchUpload", "The specified multipart upload does not exist.")
		return
	}
	var data []byte
	for _, p := range asked.Part {
		data = append(data, parts[p.PartNumber]...)
	}
	delete(s.uploads, query.Get("uploadId"))
	fmt.Fprintf(w, "<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>%s</Key><ETag>%s</ETag></CompleteMultipartUploadResult>", url.PathEscape(key), b.put(key, data))
}

// list answers ListObjectsV2. Pages are short, so that tests see several.
func (b *bucket) list(w http.ResponseWriter, query url.Values) {
	const page = 100
	if query.Get("list-type") != "2" {
		refuse(w, http.StatusNotImplemented, "NotImplemented", "a bucket's "+query.Encode())
		return
	}
	type content struct {
		Key          string
		LastModified string
		Size         int
	}
	type prefixes struct{ Prefix string }
	var out struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		EncodingType          string
		IsTruncated           bool
		NextContinuationToken string     `xml:",omitempty"`
		Contents              []content  `xml:",omitempty"`
		CommonPrefixes        []prefixes `xml:",omitempty"`
	}
	out.EncodingType = "url"
	prefix, delimiter := query.Get("prefix"), query.Get("delimiter")
	after := max(query.Get("start-after"), query.Get("continuation-token"))
	for i, _ := slices.BinarySearch(b.keys, max(prefix, after)); i < len(b.keys); i++ {
		key := b.keys[i]
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if key <= after {
			continue
		}
		if len(out.Contents)+len(out.CommonPrefixes) == page {
			out.IsTruncated, out.NextContinuationToken = true, after
			break
		}
		if end := strings.Index(key[len(prefix):], delimiter); delimiter != "" && end >= 0 {
			folder := key[:len(prefix)+end+1]
			out.CommonPrefixes = append(out.CommonPrefixes, prefixes{escape(folder)})
			after = folder + "\U0010FFFF" // after all keys in it
			continue
		}
		o := b.objects[key]
		out.Contents = append(out.Contents, content{escape(key), o.modified.Format("2006-01-02T15:04:05.000Z"), len(o.data)})
		after = key
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out)
}

func escape(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }
