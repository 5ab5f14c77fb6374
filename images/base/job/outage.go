package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// stagingRetryTime is how long job retries before the command runs, and after a command that failed.
const stagingRetryTime = 5 * time.Minute

// publishingRetryTime returns how long job retries to publish the outputs: as long as the command ran, and at least half an hour.
func publishingRetryTime(work time.Duration) time.Duration { return max(30*time.Minute, work) }

// lastTry returns when the last try may begin if Batch ends the attempt at a time limit. That is two minutes before the limit, because
// a try can take one minute to fail and job needs the rest to end. For a short limit it is the last quarter.
func lastTry(started time.Time, limit time.Duration) time.Time {
	if limit == 0 {
		return time.Time{}
	}
	return started.Add(limit - min(2*time.Minute, limit/4))
}

// The clock of the retries. Tests replace both.
var (
	now                          = time.Now
	backoff retry.BackoffDelayer = retry.NewExponentialJitterBackoff(retry.DefaultMaxBackoff)
)

// outage is the SDK's retryer for every request. All requests share it: job retries until S3 has answered with errors only for the whole
// retry time. Any successful answer ends the outage. It replaces the SDK's own retry budget, which many parallel requests use up in two
// seconds (aws/aws-sdk-go-v2#3413).
type outage struct {
	*retry.Standard

	mutex      sync.Mutex
	retryTime  time.Duration
	lastTry    time.Time // zero: no limit but the retry time
	attempts   int       // 0: the time limits the tries, not their number
	start      time.Time // zero: no outage
	lastReport time.Time
}

// newOutage returns a retryer. It calls renew when S3 reports expired credentials. renew reports whether new ones can be obtained.
func newOutage(renew func() bool) *outage {
	isTransient := func(err error) aws.Ternary { return isTransient(err, renew) }
	return &outage{retryTime: stagingRetryTime, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = backoff
		o.Retryables = slices.Insert(o.Retryables, 1, retry.IsErrorRetryable(retry.IsErrorRetryableFunc(isTransient))) // after the check for cancellation
	})}
}

// startPhase starts a phase of the job. Earlier failures no longer count.
func (o *outage) startPhase(retryTime time.Duration) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.retryTime, o.start = retryTime, time.Time{}
}

// MaxAttempts returns how often a request is tried. A job has no limit.
func (o *outage) MaxAttempts() int { return o.attempts }

// tryKey is the key in a request's context for the time when its current try began.
type tryKey struct{}

// GetAttemptToken returns the function that the SDK calls when a try has ended.
func (o *outage) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	*ctx.Value(tryKey{}).(*time.Time) = now()
	return func(err error) error {
		if err == nil || !o.IsErrorRetryable(err) && !errors.Is(err, context.Canceled) {
			o.end()
		}
		return nil
	}, nil
}

func (o *outage) end() {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.lastReport.After(o.start) && !o.start.IsZero() {
		logf("S3 responds again after %s", now().Sub(o.start).Round(time.Second))
	}
	o.start = time.Time{}
}

// GetRetryToken allows another try of a request that failed, or returns its error. A try that began within the retry time is always
// followed by another one, because it may have taken long to fail and have begun before S3 was available again.
func (o *outage) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	moment, began := now(), *ctx.Value(tryKey{}).(*time.Time)
	if o.start.IsZero() {
		o.start, o.lastReport = moment, moment
	}
	lasted := moment.Sub(o.start)
	if began.Sub(o.start) >= o.retryTime || !o.lastTry.IsZero() && !moment.Before(o.lastTry) {
		return nil, outageError{err, lasted}
	}
	if moment.Sub(o.lastReport) >= time.Minute {
		o.lastReport = moment
		logf("S3 has not responded successfully for %s (%v); retrying for up to %s in total", lasted.Round(time.Second), rootCause(err), o.retryTime)
	}
	return func(error) error { return nil }, nil
}

// outageError is the last error of an outage that lasted longer than the retry time.
type outageError struct {
	error
	duration time.Duration
}

func (o outageError) Unwrap() error { return o.error }

// isTransient reports whether an error is worth a retry, where the SDK decides otherwise.
func isTransient(err error, renew func() bool) aws.Ternary {
	var file *fs.PathError
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &file) || errors.As(err, &certificate) { // the SDK would treat both as network errors
		return aws.FalseTernary
	}
	if errors.Is(err, io.ErrUnexpectedEOF) { // the response was cut off
		return aws.TrueTernary
	}
	var answer smithy.APIError
	if errors.As(err, &answer) {
		switch answer.ErrorCode() {
		case "ExpiredToken", "ExpiredTokenException":
			return aws.BoolTernary(renew())
		case "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", // the data arrived damaged
			"OperationAborted", "ConditionalRequestConflict": // another request interfered
			return aws.TrueTernary
		}
	}
	switch status := statusOf(err); {
	case status == http.StatusNotImplemented:
		return aws.FalseTernary
	case status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests:
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// statusOf returns the HTTP status of a response from S3 or from the ECS agent, 0 if there was none.
func statusOf(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// retryWhole moves the SDK's retries to the outside of a request, so that each try repeats every step. The SDK fetches credentials
// once for all tries. They would expire in a long outage, and a failure to fetch them would be final.
func retryWhole(stack *middleware.Stack) error {
	retries, err := stack.Finalize.Remove((*retry.Attempt)(nil).ID())
	if err != nil {
		return err
	}
	withClock := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(context.WithValue(ctx, tryKey{}, new(time.Time)), in)
	}
	return errors.Join(stack.Finalize.Add(retries, middleware.Before),
		stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ClockTries", withClock), middleware.Before))
}

// readInto makes reading an object's content part of each try, so that a request whose content is cut off is retried too.
// begin returns the writer for the content of one try.
func readInto(begin func() io.Writer) func(*s3.Options) {
	read := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if answer, ok := out.Result.(*s3.GetObjectOutput); ok && err == nil {
			defer answer.Body.Close()
			buffer := buffers.Get().(*[bufferSize]byte)
			defer buffers.Put(buffer)
			if _, err = io.CopyBuffer(begin(), answer.Body, buffer[:]); err != nil && ctx.Err() != nil {
				err = &aws.RequestCanceledError{Err: ctx.Err()}
			} else if err != nil {
				err = truncatedBody{err}
			}
		}
		return out, metadata, err
	}
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ReadContent", read), middleware.Before)
		})
	}
}

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// truncatedBody is the error of a response whose content was cut off. isTransient handles errors of the local file before this one.
type truncatedBody struct{ error }

func (b truncatedBody) Unwrap() error        { return b.error }
func (b truncatedBody) RetryableError() bool { return true }
