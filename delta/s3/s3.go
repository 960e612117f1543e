// Package s3 opens [object.Store]s in Amazon S3 and in stores that speak its
// language and honour conditional puts (If-None-Match: *), such as MinIO, Ceph
// and R2.
//
//	store, err := s3.Open("s3://lake/orders", os.Getenv)
//	t := delta.Open(store)
//
// Endpoint, region and credentials come from where every S3 program finds them:
//
//	AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL   a store that is not Amazon's: http://127.0.0.1:9000
//	AWS_REGION, AWS_DEFAULT_REGION          asked of the store if unset
//	AWS_VIRTUAL_HOSTED_STYLE_REQUEST        true: the bucket is part of the host name; false: of the path
//	AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//	AWS_PROFILE in ~/.aws/config and ~/.aws/credentials (keys, SSO, credential_process)
//	the roles of EKS, ECS and EC2           of EC2 unless AWS_EC2_METADATA_DISABLED is true
//
// Others may commit to the same tables if they commit by conditional puts too, as
// delta-rs does with aws_conditional_put=etag. Spark's default log store for S3 and
// its S3DynamoDBLogStore do not: they and dq must not write to one table.
package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/dq-dev/dq/delta/object"
)

// Open is the store below a location such as s3://bucket/prefix. It makes no
// request. Getenv gives the environment, such as os.Getenv.
func Open(location string, getenv func(string) string) (*object.Store, error) {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
	if !strings.HasPrefix(location, "s3://") || bucket == "" {
		return nil, fmt.Errorf("%s: write s3://bucket/prefix", location)
	}
	b, err := newBucket(bucket, getenv)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	return object.NewStore(b, prefix), nil
}

// bucket makes the requests. Those of once are made one time only, those of
// parts are repeated by the client.
type bucket struct {
	name        string
	creds       *credentials.Credentials
	once, parts *minio.Core
}

func newBucket(name string, getenv func(string) string) (*bucket, error) {
	endpoint, secure, region := "s3.amazonaws.com", true, first(getenv, "AWS_REGION", "AWS_DEFAULT_REGION")
	if text := first(getenv, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"); text != "" {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("the endpoint is %q; write AWS_ENDPOINT_URL=https://host:port", text)
		}
		endpoint, secure = u.Host, u.Scheme == "https"
		if region == "" {
			region = "us-east-1"
		}
	}
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	transport.ResponseHeaderTimeout = 30 * time.Second
	b := &bucket{name: name, creds: credentials.NewChainCredentials(providers(getenv))}
	options := minio.Options{Creds: b.creds, Secure: secure, Region: region, Transport: transport, MaxRetries: 1}
	switch style := getenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST"); style {
	case "":
	case "true":
		options.BucketLookup = minio.BucketLookupDNS
	case "false":
		options.BucketLookup = minio.BucketLookupPath
	default:
		return nil, fmt.Errorf("AWS_VIRTUAL_HOSTED_STYLE_REQUEST is %q; write true or false", style)
	}
	if b.once, err = minio.NewCore(endpoint, &options); err != nil {
		return nil, err
	}
	options.MaxRetries = 0 // the client's own number
	b.parts, err = minio.NewCore(endpoint, &options)
	return b, err
}

// providers are asked for credentials in this order.
func providers(getenv func(string) string) []credentials.Provider {
	all := []credentials.Provider{
		&credentials.Static{Value: credentials.Value{AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: getenv("AWS_SESSION_TOKEN"), SignerType: credentials.SignatureV4}},
		&credentials.FileAWSCredentials{Profile: getenv("AWS_PROFILE")},
	}
	roles := first(getenv, "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI") != ""
	if roles || getenv("AWS_EC2_METADATA_DISABLED") != "true" {
		all = append(all, &credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}})
	}
	return all
}

func first(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if v := getenv(name); v != "" {
			return v
		}
	}
	return ""
}

func (b *bucket) URL() string { return "s3://" + b.name }

// fail makes an [object.Error] of what the client returned.
func (b *bucket) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &object.Error{Op: op, URL: b.URL() + "/" + key, Err: err}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		e.Status, e.Code = answer.StatusCode, answer.Code
	}
	switch {
	case e.Code == "NoSuchBucket":
		e.Hint = "look at the bucket's name and at AWS_ENDPOINT_URL"
	case e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized:
		e.Hint = "look at AWS_ACCESS_KEY_ID, AWS_PROFILE and what they may do"
		if v, err := b.creds.GetWithContext(nil); err == nil && v.SignerType.IsAnonymous() {
			e.Hint = "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
		}
	}
	return e
}

func (b *bucket) Put(ctx context.Context, key string, data []byte, ifNew bool) error {
	options := minio.PutObjectOptions{DisableContentSha256: true} // the digest is in the header instead
	if ifNew {
		options.SetMatchETagExcept("*")
	}
	digest := sha256.Sum256(data)
	_, err := b.once.PutObject(ctx, b.name, key, bytes.NewReader(data), int64(len(data)), "", hex.EncodeToString(digest[:]), options)
	return b.fail("put", key, err)
}

// Upload sends parts of 16 MiB or more, two at a time.
func (b *bucket) Upload(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	_, err := b.parts.Client.PutObject(ctx, b.name, key, io.NewSectionReader(body, 0, size), size, minio.PutObjectOptions{NumThreads: 2})
	return b.fail("put", key, err)
}

func (b *bucket) Get(ctx context.Context, key string) (io.ReadCloser, object.Object, error) {
	body, info, _, err := b.once.GetObject(ctx, b.name, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, object.Object{}, b.fail("get", key, err)
	}
	return body, object.Object{Key: key, Size: info.Size, Modified: info.LastModified}, nil
}

func (b *bucket) Stat(ctx context.Context, key string) (object.Object, error) {
	info, err := b.once.StatObject(ctx, b.name, key, minio.StatObjectOptions{})
	return object.Object{Key: key, Size: info.Size, Modified: info.LastModified}, b.fail("stat", key, err)
}

func (b *bucket) List(ctx context.Context, prefix, after string, deep bool) iter.Seq2[object.Object, error] {
	return func(yield func(object.Object, error) bool) {
		for o := range b.once.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, StartAfter: after, Recursive: deep}) {
			if !yield(object.Object{Key: o.Key, Size: o.Size, Modified: o.LastModified}, b.fail("list", prefix, o.Err)) {
				return
			}
		}
	}
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	return b.fail("delete", key, b.once.RemoveObject(ctx, b.name, key, minio.RemoveObjectOptions{}))
}
