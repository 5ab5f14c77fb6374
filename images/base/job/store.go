package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"
)

const (
	block        = 256 << 10 // bytes; io.Copy's own 32 KiB take a quarter more processor time
	files        = 16        // objects side by side: small ones cost S3's time to answer, not bandwidth
	leastStreams = 4         // requests side by side for one object
	mostStreams  = 16        // for one that is moved alone: S3 gives each request 85 to 90 MB/s (S3 User Guide, "Performance design patterns")
)

// partSize is in bytes. Parts are streamed from and to files, so only a block of each is in memory.
var partSize int64 = 16 << 20

// cleanupTimeout is what remains for S3 after SIGTERM. Docker kills 10 seconds after the signal when a Spot machine shuts down, and
// Batch 30 seconds after it.
var cleanupTimeout = 4 * time.Second

// idleTimeout is how long a connection may carry nothing: a server that falls silent must not hold a machine that bills.
var idleTimeout = time.Minute

type store struct {
	client  *s3.Client
	outage  *outage
	streams int // of one object that is moved alone
}

// streamsFor is how many requests side by side move one object: as many for each vCPU as one vCPU can check the content of.
func streamsFor(vcpus float64) int {
	return min(mostStreams, max(leastStreams, int(leastStreams*vcpus)))
}

// streamsEach divides the connections among objects that are moved side by side, so that many objects take no more memory than one.
func (s *store) streamsEach(objects int) int {
	return min(s.streams, max(leastStreams, files*leastStreams/max(1, objects)))
}

// object is an input or output as the manifest names it.
type object struct {
	URI       string `json:"uri"`
	Key       string `json:"key"`
	Size      int64  `json:"size"`
	ETag      string `json:"etag,omitempty"`
	VersionID string `json:"version_id,omitempty"`
	SHA256    string `json:"sha256,omitempty"`

	bucket   string
	checksum checksum // as S3 reports it
}

func (o object) location() location { return location{bucket: o.bucket, key: o.Key} }

func totalSize(objects []object) (bytes int64) {
	for _, o := range objects {
		bytes += o.Size
	}
	return bytes
}

func openStore(ctx context.Context) (*store, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = files * leastStreams
			dial := t.DialContext
			t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := dial(ctx, network, address)
				return idleTimeoutConn{connection}, err
			}
		})),
		// The agent is asked again with the whole request.
		config.WithEndpointCredentialOptions(func(o *endpointcreds.Options) { o.Retryer = aws.NopRetryer{} }),
		// A job has its role's credentials or none, never the machine's.
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	if err != nil {
		return nil, faultf(exitUsage, "AWS configuration: %v", err)
	}
	if cfg.Region == "" {
		return nil, faultf(exitUsage, "AWS_REGION is not set")
	}
	outage := newOutage(func() bool {
		cache, ok := cfg.Credentials.(*aws.CredentialsCache)
		if ok {
			cache.Invalidate()
		}
		return ok && hasRole()
	})
	// An endpoint of one's own is an address, which has no subdomain for each bucket.
	ownEndpoint := os.Getenv("AWS_ENDPOINT_URL") != "" || os.Getenv("AWS_ENDPOINT_URL_S3") != ""
	return &store{outage: outage, streams: leastStreams, client: s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = ownEndpoint
		o.Retryer, o.RetryMaxAttempts = outage, 0 // AWS_MAX_ATTEMPTS is for the command
		o.APIOptions = append(o.APIOptions, retryWhole)
	})}, nil
}

// idleTimeoutConn is a connection that fails when it has carried nothing, in either direction, for too long.
type idleTimeoutConn struct{ net.Conn }

func (c idleTimeoutConn) Read(into []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(idleTimeout))
	return c.Conn.Read(into)
}

func (c idleTimeoutConn) Write(from []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(idleTimeout))
	return c.Conn.Write(from)
}

// checkPlaces finds a mistyped output bucket before hours of work are lost on it. A role that may write but not list gets no
// answer here, and is judged when it writes.
func (s *store) checkPlaces(ctx context.Context, p plan) error {
	if p.prefix == nil {
		return nil
	}
	err := s.checkPlace(ctx, "JOB_OUTPUT_PREFIX", *p.prefix)
	if err == nil && p.manifest.bucket != p.prefix.bucket {
		err = s.checkPlace(ctx, "JOB_MANIFEST", p.manifest)
	}
	return err
}

func (s *store) checkPlace(ctx context.Context, variable string, place location) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &place.bucket})
	var missing *types.NotFound
	switch {
	case errors.As(err, &missing):
		return faultf(exitNoOutput, "the bucket of %s, %s, does not exist", variable, place)
	case statusOf(err) == http.StatusMovedPermanently:
		return faultf(exitNoOutput, "the bucket of %s, %s, is in another region than AWS_REGION says", variable, place)
	}
	return nil
}

func (s *store) isMissing(ctx context.Context, bucket string) bool {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	var missing *types.NotFound
	return errors.As(err, &missing)
}

// find returns all inputs that the plan asks for, as S3 and the manifests of the jobs that made them know them, sorted; two of one
// file name are refused.
func (s *store) find(ctx context.Context, p plan) ([]object, error) {
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
	matched := make([][]location, len(wanted))
	err := sideBySide(ctx, files, len(wanted), func(ctx context.Context, i int) (err error) {
		matched[i], err = s.match(ctx, wanted[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	literal := slices.Concat(matched...)
	slices.SortFunc(literal, func(a, b location) int { return strings.Compare(a.String(), b.String()) })
	literal = slices.Compact(literal) // patterns may overlap
	objects := make([]object, len(literal))
	err = sideBySide(ctx, files, len(literal), func(ctx context.Context, i int) (err error) {
		objects[i], err = s.head(ctx, literal[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	byName := map[string]object{}
	for _, o := range objects {
		name := path.Base(o.Key)
		if other, taken := byName[name]; taken {
			return nil, faultf(exitNoInput, "two inputs have the file name %q: %s and %s", name, other.URI, o.URI)
		}
		byName[name] = o
	}
	for _, producer := range p.producers {
		if err := s.agree(ctx, objects, producer); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// match returns a literal key as it is, and for a pattern in the last part every key that it matches.
func (s *store) match(ctx context.Context, l location) ([]location, error) {
	if l.pattern == "" {
		return []location{l}, nil
	}
	var found []location
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
				found = append(found, location{bucket: l.bucket, key: key})
			}
		}
	}
	if len(found) == 0 {
		return nil, faultf(exitNoInput, "the input pattern %s matches no object", l)
	}
	return found, nil
}

// head asks S3 what an object is.
func (s *store) head(ctx context.Context, l location) (object, error) {
	head, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &l.bucket, Key: &l.key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		var missing *types.NotFound // a bucket or an object: HEAD has no words for which
		if errors.As(err, &missing) && s.isMissing(ctx, l.bucket) {
			err = &types.NoSuchBucket{}
		}
		return object{}, explain("read", l, err)
	}
	var header http.Header
	if response, ok := middleware.GetRawResponse(head.ResultMetadata).(*smithyhttp.Response); ok {
		header = response.Header
	}
	sum, err := s.reported(ctx, l, head, header)
	return object{URI: l.String(), Key: l.key, Size: aws.ToInt64(head.ContentLength), ETag: strings.Trim(aws.ToString(head.ETag), `"`),
		VersionID: aws.ToString(head.VersionId), bucket: l.bucket, checksum: sum}, err
}

// readAll reads a small object.
func (s *store) readAll(ctx context.Context, l location) ([]byte, error) {
	var content bytes.Buffer
	_, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &l.bucket, Key: &l.key}, readInto(func() io.Writer {
		content.Reset()
		return &content
	}))
	if err != nil {
		return nil, explain("read", l, err)
	}
	return content.Bytes(), nil
}

// stageIn fetches the inputs into the working folder under their base names, and verifies them.
func (s *store) stageIn(ctx context.Context, p plan, inputs []object, work string) error {
	if len(inputs) == 0 { // as of a job that has no store
		return nil
	}
	if need, free := totalSize(inputs), freeBytes(work); need > free {
		return faultf(fullCode(work, need), "the inputs have %d bytes, and the scratch volume has %d free. Ask for a larger volume", need, free)
	}
	streams := s.streamsEach(len(inputs))
	return sideBySide(ctx, files, len(inputs), func(ctx context.Context, i int) error {
		target := filepath.Join(work, path.Base(inputs[i].Key))
		if err := s.download(ctx, inputs[i], target, streams); err != nil || !p.testInputs {
			return err
		}
		if err := testToTheEnd(ctx, target); err != nil {
			return faultf(exitDamaged, "input %s is broken, and was so before its upload: %v", inputs[i].location(), err)
		}
		return nil
	})
}

// download fetches an input, and once more if it came damaged: the network may have done that.
func (s *store) download(ctx context.Context, o object, target string, streams int) error {
	for again := false; ; again = true {
		if err := s.fetch(ctx, o, target, streams); err != nil {
			return err
		}
		err := o.verify(ctx, target)
		var f fault
		if again || !errors.As(err, &f) || f.code != exitDamaged {
			return err
		}
		say("%v; fetching it once more", err)
	}
}

// fetch reads an object in parts side by side into a file.
func (s *store) fetch(ctx context.Context, o object, target string, streams int) error {
	file, err := os.Create(target)
	if err != nil {
		return explain("read", o.location(), err)
	}
	defer file.Close()
	parts := max(1, (o.Size+partSize-1)/partSize)
	err = sideBySide(ctx, streams, int(parts), func(ctx context.Context, i int) error {
		start := int64(i) * partSize
		request := &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.Key}
		if o.ETag != "" { // an object that is overwritten while it is read must not be mixed of two
			request.IfMatch = aws.String(`"` + o.ETag + `"`)
		}
		if parts > 1 {
			request.Range = aws.String(fmt.Sprintf("bytes=%d-%d", start, min(start+partSize, o.Size)-1))
		}
		_, err := s.client.GetObject(ctx, request, readInto(func() io.Writer { return io.NewOffsetWriter(file, start) }))
		return err
	})
	if err != nil {
		return explain("read", o.location(), err)
	}
	return nil
}

// verify holds a fetched file against what is known of its object.
func (o object) verify(ctx context.Context, target string) error {
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	if info.Size() != o.Size {
		return faultf(exitDamaged, "input %s arrived with %d bytes instead of %d", o.location(), info.Size(), o.Size)
	}
	expected := []checksum{o.checksum, {name: "sha256", value: o.SHA256}}
	for _, c := range expected {
		if c.value == "" {
			continue
		}
		sum, err := c.of(ctx, target)
		if err != nil {
			return faultf(exitIO, "cannot read input %s again: %v", o.location(), err)
		}
		if sum != c.value {
			return faultf(exitDamaged, "input %s arrived damaged: its %s is %s instead of %s", o.location(), strings.ToUpper(c.name), sum, c.value)
		}
	}
	return nil
}

// upload sends one file; S3 checks every part against its SHA-256, and an interrupted upload leaves no object.
func (s *store) upload(ctx context.Context, o *object, source string, streams int) error {
	file, err := os.Open(source)
	if err != nil {
		return faultf(exitNoOutput, "cannot read output: %v", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var sum string
	var answer *manager.UploadOutput
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		sum, err = checksum{name: "sha256"}.of(ctx, source)
		return err
	})
	group.Go(func() (err error) {
		answer, err = s.send(ctx, *o, file, streams)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err := confirmed(o.location(), answer.ETag); err != nil {
		return err
	}
	o.Size, o.SHA256, o.ETag, o.VersionID = info.Size(), sum, strings.Trim(aws.ToString(answer.ETag), `"`), aws.ToString(answer.VersionID)
	stored, err := base64.StdEncoding.DecodeString(aws.ToString(answer.ChecksumSHA256)) // of parts, it is none
	if err == nil && len(stored) == sha256.Size && hex.EncodeToString(stored) != sum {
		return faultf(exitIO, "output %s was stored damaged: its SHA256 is %x instead of %s", o.location(), stored, sum)
	}
	return nil
}

// confirmed refuses an answer that is none of S3's, such as a proxy's own page with status 200: S3 names the ETag of all that it took.
func confirmed(l location, etag *string) error {
	if aws.ToString(etag) == "" {
		return faultf(exitIO, "%s may not be stored: the answer to its upload is none of S3's", l)
	}
	return nil
}

func (s *store) send(ctx context.Context, o object, file *os.File, streams int) (*manager.UploadOutput, error) {
	// The SDK takes larger parts where the file would have too many.
	uploader := manager.NewUploader(s.client, func(u *manager.Uploader) {
		u.PartSize, u.Concurrency, u.BufferProvider = partSize, streams, manager.NewBufferedReadSeekerWriteToPool(block)
	})
	for again := false; ; again = true {
		answer, err := uploader.Upload(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: &o.Key, Body: file,
			ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
		if err == nil {
			return answer, nil
		}
		var begun manager.MultiUploadFailure
		if errors.As(err, &begun) && ctx.Err() != nil { // else the SDK has done it
			s.abort(ctx, o, begun.UploadID())
		}
		// A try whose answer was lost may have completed the upload, which S3 then no longer knows.
		var answered smithy.APIError
		if again || !errors.As(err, &answered) || answered.ErrorCode() != "NoSuchUpload" {
			return nil, explain("write", o.location(), err)
		}
		say("S3 no longer knows the upload of %s; sending it once more", o.location())
	}
}

// abort ends an upload in parts after the job was told to stop: what has arrived would else be billed until the bucket's rule
// clears it away.
func (s *store) abort(ctx context.Context, o object, upload string) {
	ctx, cancel := pastTheEnd(ctx)
	defer cancel()
	_, _ = s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &o.bucket, Key: &o.Key, UploadId: &upload})
}

// pastTheEnd is a context that ends a little later than another: for what S3 must be told after SIGTERM.
func pastTheEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(cleanupTimeout, cancel) })
	return last, cancel
}

// put writes a small object.
func (s *store) put(ctx context.Context, l location, text string) error {
	answer, err := s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &l.bucket, Key: &l.key, Body: strings.NewReader(text),
		ContentType: aws.String("application/json"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		return explain("write", l, err)
	}
	return confirmed(l, answer.ETag)
}

// sideBySide does numbered pieces of work, some at a time; the first fault ends the others and is returned.
func sideBySide(ctx context.Context, atOnce, pieces int, work func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
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
	status := statusOf(err)
	said := strings.TrimSuffix(code+": "+message, ": ")
	var outlasted outlasted
	tried := ""
	if errors.As(err, &outlasted) {
		tried = fmt.Sprintf("; job went on trying for %s", outlasted.lasted.Round(time.Second))
	}
	fromAgent := strings.Contains(err.Error(), "get credentials")
	var unsent *smithyhttp.RequestSendError
	var network net.Error
	var file *fs.PathError
	switch {
	case fromAgent && !hasRole():
		return faultf(exitDenied, "cannot %s %s: the job has no role. Name one in its job definition (jobRoleArn)", verb, l)
	case fromAgent && (tried != "" || errors.As(err, &network)):
		return faultf(exitNetwork, "cannot %s %s: the machine's agent, which hands out the job role's credentials, cannot be reached (%v)%s", verb, l, innermost(err), tried)
	case fromAgent:
		return faultf(exitDenied, "cannot %s %s: the machine's agent hands out no credentials of the job role (%v)", verb, l, innermost(err))
	case strings.HasPrefix(code, "ExpiredToken") && tried != "":
		return faultf(exitNetwork, "cannot %s %s: the machine's agent only hands out credentials that have expired (%s)%s", verb, l, said, tried)
	case status != 0 && tried != "":
		return faultf(exitNetwork, "cannot %s %s: S3 only answers with status %d (%s)%s", verb, l, status, said, tried)
	case code == "NoSuchBucket":
		return faultf(missing, "the bucket of %s does not exist", l)
	case code == "NoSuchKey" || code == "NotFound":
		return faultf(missing, "%s does not exist", l)
	case code == "InvalidObjectState":
		return faultf(exitNoInput, "%s is archived: it must be restored before it can be read (aws s3api restore-object)", l)
	case code == "PreconditionFailed":
		return faultf(exitDamaged, "%s was overwritten while it was read", l)
	case status == http.StatusMovedPermanently:
		return faultf(missing, "the bucket of %s is in another region than AWS_REGION says", l)
	case status == http.StatusForbidden || strings.HasPrefix(code, "ExpiredToken"):
		return faultf(exitDenied, "the job role may not %s %s (%s)", verb, l, said)
	case status/100 == 4 || status == http.StatusNotImplemented:
		return faultf(exitDenied, "S3 refuses to %s %s: status %d (%s)", verb, l, status, said)
	case isFull(err):
		return faultf(exitFull, "the scratch volume is full: %s does not fit. Ask for a larger volume", l)
	case errors.As(err, &file): // whose error passes for one of the network
		return faultf(exitIO, "cannot %s %s: %v", verb, l, file)
	case tried != "" || errors.As(err, &unsent) || errors.As(err, &network):
		return faultf(exitNetwork, "cannot %s %s: S3 cannot be reached (%v)%s", verb, l, innermost(err), tried)
	}
	return faultf(exitIO, "cannot %s %s: %v", verb, l, err)
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// hasRole tells whether the agent was told to hand out a role's credentials (ECS Developer Guide, "Task IAM role").
func hasRole() bool {
	return os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" || os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != ""
}

// innermost is the first cause of an error, without the words that each layer of the SDK puts around it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		if _, isAddress := inner.(*os.SyscallError); isAddress { // what is around it names the address
			return err
		}
		err = inner
	}
}
