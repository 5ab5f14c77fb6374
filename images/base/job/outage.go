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

// stagingPatience is how long job goes on trying before the command, and after one that failed.
const stagingPatience = 5 * time.Minute

// publishingPatience is how long job goes on trying to publish what the command took so long to make.
func publishingPatience(work time.Duration) time.Duration { return max(30*time.Minute, work) }

// lastTry is when the last try may begin in an attempt that Batch ends at a time limit: two minutes before it, since a try can take
// one minute to fail and job needs the rest to end. Of a short limit it is the last quarter.
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

// outage is the SDK's retryer of every request. It has one promise for all of them: job goes on trying until S3 has answered nothing
// but faults for as long as the patience lasts. Any good answer ends the outage. It stands in for the SDK's own budget of retries, which
// many requests side by side use up in two seconds (aws/aws-sdk-go-v2#3413).
type outage struct {
	*retry.Standard

	mutex    sync.Mutex
	patience time.Duration
	lastTry  time.Time // zero: whenever the patience ends
	since    time.Time // zero: there is none
	told     time.Time
}

// newOutage makes a retryer. renew is called when S3 says that the credentials have expired, and tells whether there can be others.
func newOutage(renew func() bool) *outage {
	isTransient := func(err error) aws.Ternary { return isTransient(err, renew) }
	return &outage{patience: stagingPatience, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = backoff
		o.Retryables = slices.Insert(o.Retryables, 1, retry.IsErrorRetryable(retry.IsErrorRetryableFunc(isTransient))) // after what was cancelled
	})}
}

// begin starts a phase of the job: what failed before no longer counts.
func (o *outage) begin(patience time.Duration) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.patience, o.since = patience, time.Time{}
}

// MaxAttempts is without limit: time limits the tries, not their number.
func (o *outage) MaxAttempts() int { return 0 }

// tryKey finds in a request's context when its present try began.
type tryKey struct{}

// GetAttemptToken returns what the SDK calls when a try has ended.
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
	if o.told.After(o.since) && !o.since.IsZero() {
		say("S3 answers again after %s", now().Sub(o.since).Round(time.Second))
	}
	o.since = time.Time{}
}

// GetRetryToken allows another try of a request that failed, or returns its fault. A try that began within the patience is always followed
// by another one: it may have taken long to fail, and have begun before S3 was back.
func (o *outage) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	moment, began := now(), *ctx.Value(tryKey{}).(*time.Time)
	if o.since.IsZero() {
		o.since, o.told = moment, moment
	}
	lasted := moment.Sub(o.since)
	if began.Sub(o.since) >= o.patience || !o.lastTry.IsZero() && !moment.Before(o.lastTry) {
		return nil, outlasted{err, lasted}
	}
	if moment.Sub(o.told) >= time.Minute {
		o.told = moment
		say("S3 has given no good answer for %s (%v); trying for up to %s in all", lasted.Round(time.Second), innermost(err), o.patience)
	}
	return func(error) error { return nil }, nil
}

// outlasted is the last fault of an outage that lasted longer than the patience.
type outlasted struct {
	error
	lasted time.Duration
}

func (o outlasted) Unwrap() error { return o.error }

// isTransient tells apart where the SDK does not: what may pass and what stays.
func isTransient(err error, renew func() bool) aws.Ternary {
	var file *fs.PathError
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &file) || errors.As(err, &certificate) { // which pass for faults of the network
		return aws.FalseTernary
	}
	if errors.Is(err, io.ErrUnexpectedEOF) { // an answer that broke off
		return aws.TrueTernary
	}
	var answer smithy.APIError
	if errors.As(err, &answer) {
		switch answer.ErrorCode() {
		case "ExpiredToken", "ExpiredTokenException":
			return aws.BoolTernary(renew())
		case "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", // it arrived damaged
			"OperationAborted", "ConditionalRequestConflict": // another request was in the way
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

// statusOf is the HTTP status of an answer from S3 or from the agent, 0 if there was none.
func statusOf(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// retryWhole moves the SDK's retries to the outside of a request, so that each try does everything anew. The SDK fetches credentials
// once for all tries: they would expire in a long outage, and a failure to fetch them would be final.
func retryWhole(stack *middleware.Stack) error {
	retries, err := stack.Finalize.Remove((*retry.Attempt)(nil).ID())
	if err != nil {
		return err
	}
	clocked := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(context.WithValue(ctx, tryKey{}, new(time.Time)), in)
	}
	return errors.Join(stack.Finalize.Add(retries, middleware.Before),
		stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ClockTries", clocked), middleware.Before))
}

// readInto makes reading an object's content a part of each try, so that content that breaks off is asked for again like anything else.
// begin returns where the content of one try goes.
func readInto(begin func() io.Writer) func(*s3.Options) {
	read := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if answer, ok := out.Result.(*s3.GetObjectOutput); ok && err == nil {
			defer answer.Body.Close()
			buffer := blocks.Get().(*[block]byte)
			defer blocks.Put(buffer)
			if _, err = io.CopyBuffer(begin(), answer.Body, buffer[:]); err != nil && ctx.Err() != nil {
				err = &aws.RequestCanceledError{Err: ctx.Err()}
			} else if err != nil {
				err = brokenOff{err}
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

var blocks = sync.Pool{New: func() any { return new([block]byte) }}

// brokenOff is an answer whose content did not come to its end. What the file that it goes to does wrong is told apart before.
type brokenOff struct{ error }

func (b brokenOff) Unwrap() error        { return b.error }
func (b brokenOff) RetryableError() bool { return true }
