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
	"github.com/aws/aws-sdk-go-v2/aws/retry"
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
	bufferSize      = 256 << 10 // bytes; the default of io.Copy, 32 KiB, takes a quarter more processor time
	parallelObjects = 16        // objects in parallel: for small objects the response time of S3 counts, not the bandwidth
	minStreams      = 4         // parallel requests for one object
	maxStreams      = 16        // for an object that is transferred alone: S3 gives each request 85 to 90 MB/s (S3 User Guide, "Performance design patterns")
)

// partSize is in bytes. Parts are streamed from and to files, so memory holds only one buffer of each part.
var partSize int64 = 16 << 20

// cleanupTimeout is the time for requests to S3 after SIGTERM. When a Spot machine shuts down, Docker sends SIGKILL after 10 seconds.
// Batch sends it after 30 seconds.
var cleanupTimeout = 4 * time.Second

// idleTimeout is how long a connection may be idle. A server that stops responding must not keep a billed machine busy.
var idleTimeout = time.Minute

type store struct {
	client  *s3.Client
	outage  *outage
	streams int // parallel requests for an object that is transferred alone
}

// streamsFor returns the number of parallel requests for one object. One vCPU can verify the data of minStreams requests.
func streamsFor(vcpus float64) int {
	return min(maxStreams, max(minStreams, int(minStreams*vcpus)))
}

// streamsEach divides the connections among objects that are transferred in parallel, so that many objects need no more memory than one.
func (s *store) streamsEach(objects int) int {
	return min(s.streams, max(minStreams, parallelObjects*minStreams/max(1, objects)))
}

// object is an input or an output, as the manifest lists it.
type object struct {
	URI       string `json:"uri"`
	Key       string `json:"key"`
	Size      int64  `json:"size"`
	ETag      string `json:"etag,omitempty"`
	VersionID string `json:"version_id,omitempty"`
	SHA256    string `json:"sha256,omitempty"`

	bucket   string
	checksum checksum  // as S3 reports it
	modified time.Time // when it was uploaded
	archived bool      // whether it must be restored before it can be read
}

func (o object) location() location { return location{bucket: o.bucket, key: o.Key} }

func totalSize(objects []object) (bytes int64) {
	for _, o := range objects {
		bytes += o.Size
	}
	return bytes
}

// openStore returns S3 with the credentials of the job's role. The region, the endpoint and who pays for requests are optional.
func openStore(ctx context.Context, region, endpoint, payer string) (*store, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = parallelObjects * minStreams
			dial := t.DialContext
			t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := dial(ctx, network, address)
				return idleConn{connection}, err
			}
		})),
		// retryWhole repeats the request for credentials together with the request to S3.
		config.WithEndpointCredentialOptions(func(o *endpointcreds.Options) { o.Retryer = aws.NopRetryer{} }),
		// A job uses the credentials of its role, never those of the machine.
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
		return ok && hasJobRole()
	})
	// A custom endpoint may be an IP address, which has no subdomain for each bucket.
	ownEndpoint := endpoint != "" || os.Getenv("AWS_ENDPOINT_URL") != "" || os.Getenv("AWS_ENDPOINT_URL_S3") != ""
	return &store{outage: outage, streams: minStreams, client: s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = ownEndpoint
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
		if payer != "" {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amz-Request-Payer", payer))
		}
		o.Retryer, o.RetryMaxAttempts = outage, 0 // AWS_MAX_ATTEMPTS is for the command
		o.APIOptions = append(o.APIOptions, retryWhole)
	})}, nil
}

// idleConn is a connection that fails when no data has passed in either direction for idleTimeout.
type idleConn struct{ net.Conn }

func (c idleConn) Read(into []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(idleTimeout))
	return c.Conn.Read(into)
}

func (c idleConn) Write(from []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(idleTimeout))
	return c.Conn.Write(from)
}

// checkPlaces finds a mistyped output bucket before the command runs for hours. If the role may write but not list, this check passes
// and the upload shows whether the bucket exists.
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
		return faultf(exitNoOutput, "the bucket of %s, %s, is not in the region of AWS_REGION", variable, place)
	}
	return nil
}

func (s *store) isMissing(ctx context.Context, bucket string) bool {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	var missing *types.NotFound
	return errors.As(err, &missing)
}

// find returns the inputs of the plan, sorted, with what S3 and the manifests of their producers say about them. It refuses two inputs
// with the same file name.
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
	err := inParallel(ctx, parallelObjects, len(wanted), func(ctx context.Context, i int) (err error) {
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
	err = inParallel(ctx, parallelObjects, len(literal), func(ctx context.Context, i int) (err error) {
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
		if err := s.checkAgainstManifest(ctx, objects, producer); err != nil {
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
			// The S3 console represents an empty folder by an object with the folder's name. Skip it.
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

// head returns the properties of an object.
func (s *store) head(ctx context.Context, l location) (object, error) {
	head, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &l.bucket, Key: &l.key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		var missing *types.NotFound // a bucket or an object: the answer to HEAD does not say which
		if errors.As(err, &missing) && s.isMissing(ctx, l.bucket) {
			err = &types.NoSuchBucket{}
		}
		return object{}, explain("read", l, err)
	}
	var header http.Header
	if response, ok := middleware.GetRawResponse(head.ResultMetadata).(*smithyhttp.Response); ok {
		header = response.Header
	}
	archived := head.StorageClass == types.StorageClassGlacier || head.StorageClass == types.StorageClassDeepArchive
	sum, err := s.reportedChecksum(ctx, l, head, header)
	return object{archived: archived && !strings.Contains(aws.ToString(head.Restore), `ongoing-request="false"`), URI: l.String(), Key: l.key, Size: aws.ToInt64(head.ContentLength), ETag: strings.Trim(aws.ToString(head.ETag), `"`),
		VersionID: aws.ToString(head.VersionId), bucket: l.bucket, checksum: sum, modified: aws.ToTime(head.LastModified)}, err
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

// stageIn downloads the inputs into the working folder under their base names, and verifies them.
func (s *store) stageIn(ctx context.Context, p plan, inputs []object, work string) error {
	if len(inputs) == 0 { // s may be nil
		return nil
	}
	if need, free := totalSize(inputs), freeBytes(work); need > free {
		return faultf(fullCode(work, need), "the inputs have %d bytes, and the scratch volume has %d free. Ask for a larger volume", need, free)
	}
	streams := s.streamsEach(len(inputs))
	return inParallel(ctx, parallelObjects, len(inputs), func(ctx context.Context, i int) error {
		target := filepath.Join(work, path.Base(inputs[i].Key))
		if err := s.download(ctx, inputs[i], target, streams); err != nil || !p.testInputs {
			return err
		}
		if err := verifyGzip(ctx, target); err != nil {
			return faultf(exitDamaged, "input %s was damaged before its upload: %v", inputs[i].location(), err)
		}
		return nil
	})
}

// download downloads an input, and repeats the download once if the file arrived damaged, because the network may be the cause.
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
		logf("%v; downloading it again", err)
	}
}

// fetch reads an object into a file, in parallel parts.
func (s *store) fetch(ctx context.Context, o object, target string, streams int) error {
	file, err := os.Create(target)
	if err != nil {
		return explain("read", o.location(), err)
	}
	defer file.Close()
	parts := max(1, (o.Size+partSize-1)/partSize)
	err = inParallel(ctx, streams, int(parts), func(ctx context.Context, i int) error {
		start := int64(i) * partSize
		request := &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.Key}
		if o.ETag != "" { // if the object is overwritten meanwhile, its parts must not come from two versions
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

// verify compares a downloaded file with the size and the checksums of its object.
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
		sum, err := c.compute(ctx, target)
		if err != nil {
			return faultf(exitIO, "cannot read input %s to verify it: %v", o.location(), err)
		}
		if sum != c.value {
			return faultf(exitDamaged, "input %s arrived damaged: its %s is %s instead of %s", o.location(), strings.ToUpper(c.name), sum, c.value)
		}
	}
	return nil
}

// upload uploads one file. S3 verifies every part by its SHA-256, and an interrupted upload leaves no object.
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
		sum, err = checksum{name: "sha256"}.compute(ctx, source)
		return err
	})
	group.Go(func() (err error) {
		answer, err = s.send(ctx, o.location(), file, streams, nil)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err := checkStored(o.location(), answer.ETag); err != nil {
		return err
	}
	o.Size, o.SHA256, o.ETag, o.VersionID = info.Size(), sum, strings.Trim(aws.ToString(answer.ETag), `"`), aws.ToString(answer.VersionID)
	stored, err := base64.StdEncoding.DecodeString(aws.ToString(answer.ChecksumSHA256)) // fails for an upload in parts
	if err == nil && len(stored) == sha256.Size && hex.EncodeToString(stored) != sum {
		return faultf(exitIO, "output %s was stored damaged: its SHA256 is %x instead of %s", o.location(), stored, sum)
	}
	return nil
}

// checkStored refuses a response to an upload that is not from S3, such as a proxy's page with status 200. S3 always returns an ETag.
func checkStored(l location, etag *string) error {
	if aws.ToString(etag) == "" {
		return faultf(exitIO, "%s may not be stored: the response to its upload is not from S3", l)
	}
	return nil
}

// send uploads a body in parts. set, if there is one, adds options of the upload.
func (s *store) send(ctx context.Context, l location, body io.Reader, streams int, set func(*s3.PutObjectInput)) (*manager.UploadOutput, error) {
	// The SDK uses larger parts if the file would have too many.
	uploader := manager.NewUploader(s.client, func(u *manager.Uploader) {
		u.PartSize, u.Concurrency, u.BufferProvider = partSize, streams, manager.NewBufferedReadSeekerWriteToPool(bufferSize)
	})
	for again := false; ; again = true {
		request := &s3.PutObjectInput{Bucket: &l.bucket, Key: &l.key, Body: body, ChecksumAlgorithm: types.ChecksumAlgorithmSha256}
		if set != nil {
			set(request)
		}
		answer, err := uploader.Upload(ctx, request)
		if err == nil {
			return answer, nil
		}
		var begun manager.MultiUploadFailure
		if errors.As(err, &begun) && ctx.Err() != nil { // without a signal, the SDK has aborted the upload
			s.abort(ctx, l, begun.UploadID())
		}
		// An attempt whose response was lost may have completed the upload. S3 then no longer knows the upload.
		var answered smithy.APIError
		_, canRepeat := body.(io.Seeker) // a stream has been read
		if again || !canRepeat || !errors.As(err, &answered) || answered.ErrorCode() != "NoSuchUpload" {
			return nil, explain("write", l, err)
		}
		logf("S3 no longer knows the upload of %s; uploading it again", l)
	}
}

// abort ends an upload in parts after a signal. Otherwise its parts are billed until the bucket's lifecycle rule deletes them.
func (s *store) abort(ctx context.Context, l location, upload string) {
	ctx, cancel := cleanupContext(ctx)
	defer cancel()
	_, _ = s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &l.bucket, Key: &l.key, UploadId: &upload})
}

// cleanupContext returns a context that ends cleanupTimeout after ctx, for requests to S3 after SIGTERM.
func cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(cleanupTimeout, cancel) })
	return last, cancel
}

// put uploads a small object.
func (s *store) put(ctx context.Context, l location, text string) error {
	answer, err := s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &l.bucket, Key: &l.key, Body: strings.NewReader(text),
		ContentType: aws.String("application/json"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		return explain("write", l, err)
	}
	return checkStored(l, answer.ETag)
}

// inParallel runs numbered pieces of work, at most atOnce at a time. The first fault ends the others and is returned.
func inParallel(ctx context.Context, atOnce, pieces int, work func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range pieces {
		group.Go(func() error { return work(ctx, i) })
	}
	return group.Wait()
}

// explain turns an error of a request to S3 into one line and an exit code.
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
	answerText := strings.TrimSuffix(code+": "+message, ": ")
	var outlasted outageError
	var usedUp *retry.MaxAttemptsError
	triedFor := ""
	if errors.As(err, &outlasted) {
		triedFor = fmt.Sprintf("; %s retried for %s", logPrefix, outlasted.duration.Round(time.Second))
	} else if errors.As(err, &usedUp) {
		triedFor = fmt.Sprintf("; %s tried %d times", logPrefix, usedUp.Attempt)
	}
	isAgentFault := strings.Contains(err.Error(), "get credentials")
	var unsent *smithyhttp.RequestSendError
	var network net.Error
	var file *fs.PathError
	switch {
	case isAgentFault && !hasJobRole():
		return faultf(exitDenied, "cannot %s %s: the job has no role. Name one in its job definition (jobRoleArn)", verb, l)
	case isAgentFault && (triedFor != "" || errors.As(err, &network)):
		return faultf(exitNetwork, "cannot %s %s: the ECS agent, which provides the job role's credentials, cannot be reached (%v)%s", verb, l, rootCause(err), triedFor)
	case isAgentFault:
		return faultf(exitDenied, "cannot %s %s: the ECS agent does not provide the job role's credentials (%v)", verb, l, rootCause(err))
	case strings.HasPrefix(code, "ExpiredToken") && triedFor != "":
		return faultf(exitNetwork, "cannot %s %s: the ECS agent only provides expired credentials (%s)%s", verb, l, answerText, triedFor)
	case status != 0 && triedFor != "":
		return faultf(exitNetwork, "cannot %s %s: S3 only responds with status %d (%s)%s", verb, l, status, answerText, triedFor)
	case code == "NoSuchBucket":
		return faultf(missing, "the bucket of %s does not exist", l)
	case code == "NoSuchKey" || code == "NotFound":
		return faultf(missing, "%s does not exist", l)
	case code == "InvalidObjectState":
		return faultf(exitNoInput, "%s is archived. Restore it first (aws s3api restore-object)", l)
	case code == "PreconditionFailed":
		return faultf(exitDamaged, "%s was overwritten while it was read", l)
	case status == http.StatusMovedPermanently:
		return faultf(missing, "the bucket of %s is not in the region of AWS_REGION", l)
	case status == http.StatusForbidden || strings.HasPrefix(code, "ExpiredToken"):
		return faultf(exitDenied, "the job role may not %s %s (%s)", verb, l, answerText)
	case status/100 == 4 || status == http.StatusNotImplemented:
		return faultf(exitDenied, "S3 refuses to %s %s: status %d (%s)", verb, l, status, answerText)
	case isFull(err):
		return faultf(exitFull, "the scratch volume is full: %s does not fit. Ask for a larger volume", l)
	case errors.As(err, &file): // fs.PathError also implements net.Error
		return faultf(exitIO, "cannot %s %s: %v", verb, l, file)
	case triedFor != "" || errors.As(err, &unsent) || errors.As(err, &network):
		return faultf(exitNetwork, "cannot %s %s: S3 cannot be reached (%v)%s", verb, l, rootCause(err), triedFor)
	}
	return faultf(exitIO, "cannot %s %s: %v", verb, l, err)
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// hasJobRole reports whether the ECS agent provides a role's credentials to this container (ECS Developer Guide, "Task IAM role").
func hasJobRole() bool {
	return os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" || os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != ""
}

// rootCause returns the first cause of an error, without the text that each layer of the SDK adds.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		if _, isAddress := inner.(*os.SyscallError); isAddress { // the error around it names the address
			return err
		}
		err = inner
	}
}
