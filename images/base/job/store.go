package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"
)

const (
	partSize = 64 << 20 // bytes; 10,000 parts then reach 640 GB, and memory stays at partSize × streams
	streams  = 4        // transfers of one object side by side
	files    = 4        // objects side by side
	attempts = 6        // of each request, with the SDK's backoff
)

type store struct{ client *s3.Client }

// object is an input or output as the manifest names it.
type object struct {
	URI    string `json:"uri"`
	Key    string `json:"key"`
	Size   int64  `json:"size"`
	ETag   string `json:"etag,omitempty"`
	SHA256 string `json:"sha256,omitempty"`

	bucket string
	isMD5  bool // the ETag is the content's MD5
}

func openStore(ctx context.Context) (*store, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(attempts))
	if err != nil {
		return nil, faultf(exitUsage, "AWS configuration: %v", err)
	}
	if cfg.Region == "" {
		return nil, faultf(exitUsage, "AWS_REGION is not set")
	}
	// An endpoint of one's own is an address, which has no subdomain for each bucket.
	ownEndpoint := os.Getenv("AWS_ENDPOINT_URL") != "" || os.Getenv("AWS_ENDPOINT_URL_S3") != ""
	return &store{s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = ownEndpoint })}, nil
}

// checkPrefix finds a mistyped output bucket before hours of work are lost on it. A role that may write but not list gets no
// answer here, and is judged when it writes.
func (s *store) checkPrefix(ctx context.Context, prefix location) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &prefix.bucket})
	var missing *types.NotFound
	if errors.As(err, &missing) {
		return faultf(exitNoOutput, "the bucket of JOB_OUTPUT_PREFIX, %s, does not exist", prefix)
	}
	return nil
}

// stageIn fetches every input into the working folder under its base name and verifies its size, and its MD5 where S3 reports one.
func (s *store) stageIn(ctx context.Context, p plan, work string) ([]object, error) {
	wanted := p.inputs
	if p.inputsFrom != nil {
		list, err := s.readAll(ctx, *p.inputsFrom)
		if err != nil {
			return nil, err
		}
		more, err := parseInputs(p.inputsFrom.String(), string(list))
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, more...)
	}
	found := make([][]object, len(wanted))
	err := sideBySide(ctx, len(wanted), func(ctx context.Context, i int) (err error) {
		found[i], err = s.find(ctx, wanted[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	objects := slices.Concat(found...)
	sort.Slice(objects, func(i, j int) bool { return objects[i].URI < objects[j].URI })
	byName := map[string]object{}
	for _, o := range objects {
		name := path.Base(o.Key)
		if other, taken := byName[name]; taken {
			return nil, faultf(exitNoInput, "two inputs have the file name %q: %s and %s", name, other.URI, o.URI)
		}
		byName[name] = o
	}
	return objects, sideBySide(ctx, len(objects), func(ctx context.Context, i int) error {
		return s.download(ctx, objects[i], filepath.Join(work, path.Base(objects[i].Key)))
	})
}

func (s *store) readAll(ctx context.Context, l location) ([]byte, error) {
	answer, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &l.bucket, Key: &l.key})
	if err != nil {
		return nil, explain("read", l, err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, explain("read", l, err)
	}
	return content, nil
}

// find returns the object of a literal key, or all those that a pattern in the last part matches.
func (s *store) find(ctx context.Context, l location) ([]object, error) {
	if l.pattern == "" {
		head, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &l.bucket, Key: &l.key})
		if err != nil {
			return nil, explain("read", l, err)
		}
		etag := strings.Trim(aws.ToString(head.ETag), `"`)
		plain := head.ServerSideEncryption == "" || head.ServerSideEncryption == types.ServerSideEncryptionAes256
		return []object{{URI: l.String(), Key: l.key, Size: aws.ToInt64(head.ContentLength), ETag: etag, bucket: l.bucket,
			isMD5: plain && len(etag) == 2*md5.Size}}, nil
	}
	var found []object
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &l.bucket, Prefix: &l.key, Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("list", l, err)
		}
		for _, item := range page.Contents {
			key := aws.ToString(item.Key)
			name := strings.TrimPrefix(key, l.key)
			// An object that is named like the folder is how consoles make an empty one; it is no file in it.
			if matches, _ := path.Match(l.pattern, name); matches && name != "" {
				one, err := s.find(ctx, location{bucket: l.bucket, key: key})
				if err != nil {
					return nil, err
				}
				found = append(found, one...)
			}
		}
	}
	if len(found) == 0 {
		return nil, faultf(exitNoInput, "the input pattern %s matches no object", l)
	}
	return found, nil
}

func (s *store) download(ctx context.Context, o object, target string) error {
	where := location{bucket: o.bucket, key: o.Key}
	file, err := os.Create(target)
	if err != nil {
		return faultf(exitIO, "cannot write input %s: %v", where, err)
	}
	defer file.Close()
	request := &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.Key}
	if o.ETag != "" { // an object that is overwritten while it is read must not be mixed of two
		request.IfMatch = aws.String(`"` + o.ETag + `"`)
	}
	downloader := manager.NewDownloader(s.client, func(d *manager.Downloader) { d.PartSize, d.Concurrency = partSize, streams })
	if _, err := downloader.Download(ctx, file, request); err != nil {
		return explain("read", where, err)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != o.Size {
		return faultf(exitIO, "input %s arrived with %d bytes instead of %d", where, info.Size(), o.Size)
	}
	if o.isMD5 {
		if sum, err := checksum(target, md5.New()); err != nil || sum != o.ETag {
			return faultf(exitIO, "input %s arrived damaged: its MD5 is %s, S3 says %s", where, sum, o.ETag)
		}
	}
	return nil
}

// manifest says what a finished job made. It is written last: what has none is no result.
type manifest struct {
	Job      string    `json:"job,omitempty"`
	Attempt  string    `json:"attempt,omitempty"`
	Finished time.Time `json:"finished"`
	Command  []string  `json:"command"`
	Inputs   []object  `json:"inputs"`
	Outputs  []object  `json:"outputs"`
}

// stageOut publishes every file that an output pattern matches, then the manifest. A pattern that matches nothing is a failure
// before anything is published.
func (s *store) stageOut(ctx context.Context, p plan, work string, inputs []object) ([]object, error) {
	names := map[string]bool{}
	for _, pattern := range p.outputs {
		matches, err := fs.Glob(os.DirFS(work), pattern)
		if err != nil || len(matches) == 0 {
			return nil, faultf(exitNoOutput, "the output pattern %q matches no file; nothing was published", pattern)
		}
		for _, name := range matches {
			if info, err := os.Stat(filepath.Join(work, name)); err != nil || !info.Mode().IsRegular() {
				return nil, faultf(exitNoOutput, "output %q is not a file (for a folder write %s/*); nothing was published", name, name)
			}
			names[name] = true
		}
	}
	outputs := []object{}
	for name := range names {
		key := p.prefix.key + name
		if p.prefix.bucket == p.manifest.bucket && key == p.manifest.key {
			return nil, faultf(exitNoOutput, "output %q is where the manifest goes: name another place by JOB_MANIFEST; nothing was published", name)
		}
		outputs = append(outputs, object{URI: location{bucket: p.prefix.bucket, key: key}.String(), Key: key, bucket: p.prefix.bucket})
	}
	sort.Slice(outputs, func(i, j int) bool { return outputs[i].Key < outputs[j].Key })
	err := sideBySide(ctx, len(outputs), func(ctx context.Context, i int) error {
		return s.upload(ctx, &outputs[i], filepath.Join(work, strings.TrimPrefix(outputs[i].Key, p.prefix.key)))
	})
	if err != nil {
		return nil, err
	}
	if inputs == nil {
		inputs = []object{}
	}
	text, err := json.MarshalIndent(manifest{os.Getenv("AWS_BATCH_JOB_ID"), os.Getenv("AWS_BATCH_JOB_ATTEMPT"),
		time.Now().UTC().Truncate(time.Second), p.command, inputs, outputs}, "", "  ")
	if err != nil {
		return nil, err
	}
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &p.manifest.bucket, Key: &p.manifest.key, Body: bytes.NewReader(text),
		ContentType: aws.String("application/json"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		return nil, explain("write", p.manifest, err)
	}
	return outputs, nil
}

// upload sends one file; S3 checks every part against its SHA-256, and an interrupted upload leaves no object.
func (s *store) upload(ctx context.Context, o *object, source string) error {
	where := location{bucket: o.bucket, key: o.Key}
	sum, err := checksum(source, sha256.New())
	if err != nil {
		return faultf(exitNoOutput, "cannot read output: %v", err)
	}
	file, err := os.Open(source)
	if err != nil {
		return faultf(exitNoOutput, "cannot read output: %v", err)
	}
	defer file.Close()
	uploader := manager.NewUploader(s.client, func(u *manager.Uploader) { u.PartSize, u.Concurrency = partSize, streams })
	answer, err := uploader.Upload(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: &o.Key, Body: file,
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		return explain("write", where, err)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	o.Size, o.SHA256, o.ETag = info.Size(), sum, strings.Trim(aws.ToString(answer.ETag), `"`)
	return nil
}

func checksum(name string, sum hash.Hash) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// sideBySide does numbered pieces of work, a few at a time; the first fault ends the others and is returned.
func sideBySide(ctx context.Context, pieces int, work func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(files)
	for i := range pieces {
		group.Go(func() error { return work(ctx, i) })
	}
	return group.Wait()
}

// explain turns S3's answer into one line and the exit code that fits it.
func explain(verb string, l location, err error) error {
	missing := exitNoInput
	if verb == "write" {
		missing = exitNoOutput
	}
	var code, message string
	var answer smithy.APIError
	if errors.As(err, &answer) {
		code, message = answer.ErrorCode(), answer.ErrorMessage()
	}
	var response *smithyhttp.ResponseError
	denied := errors.As(err, &response) && response.HTTPStatusCode() == http.StatusForbidden
	switch {
	case code == "NoSuchBucket":
		return faultf(missing, "the bucket of %s does not exist", l)
	case code == "NoSuchKey" || code == "NotFound": // HEAD has no words for a missing bucket
		return faultf(missing, "%s does not exist", l)
	case code == "PreconditionFailed":
		return faultf(exitIO, "%s was overwritten while it was read", l)
	case denied:
		return faultf(exitDenied, "the job role may not %s %s (%s: %s)", verb, l, code, message)
	}
	return faultf(exitIO, "cannot %s %s: %v", verb, l, err)
}
