package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	endpoints "github.com/aws/smithy-go/endpoints"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// awsName is the second name of this program. Under it, the program answers what workflow engines ask of the AWS CLI: `s3 cp` and `s3 ls`
// with the options that Nextflow, redun and their scripts write. It refuses everything else, because a silent difference would be a wrong
// result.
const awsName = "aws"

// Exit codes of the AWS CLI 2 (AWS CLI User Guide, "Return codes"). Version 1 ends with 2 and 255 instead of 252 and 254.
const (
	awsFailed      = 1   // a transfer failed, or `s3 ls` found nothing
	awsSkipped     = 2   // files or archived objects were skipped
	awsInterrupted = 130 // SIGINT
	awsUsage       = 252 // the command or an option is unknown
	awsRefused     = 254 // S3 refused a listing
	awsNoSource    = 255 // the local file does not exist
)

// awsOptions are the options of a command.
type awsOptions struct {
	region, endpoint, storageClass, encryption, kmsKey, acl, payer string
	recursive, quiet, onlyErrors, archived                         bool
	words                                                          []string // the command and its paths
}

// parseAWS reads a command line of the AWS CLI. An option may come anywhere, with its value behind "=" or as the next word.
func parseAWS(arguments []string) (o awsOptions, err error) {
	var ignored bool
	values := map[string]*string{"--region": &o.region, "--endpoint-url": &o.endpoint, "--storage-class": &o.storageClass,
		"--sse": &o.encryption, "--sse-kms-key-id": &o.kmsKey, "--acl": &o.acl, "--request-payer": &o.payer}
	switches := map[string]*bool{"--recursive": &o.recursive, "--quiet": &o.quiet, "--only-show-errors": &o.onlyErrors,
		"--force-glacier-transfer": &o.archived, "--no-progress": &ignored, "--debug": &ignored}
	// These may come last without a value.
	defaults := map[string]string{"--sse": "AES256", "--request-payer": "requester"}
	for i := 0; i < len(arguments); i++ {
		name, value, joined := strings.Cut(arguments[i], "=")
		target, takesValue := values[name]
		toggle, isSwitch := switches[name]
		switch {
		case !strings.HasPrefix(name, "--"):
			o.words = append(o.words, arguments[i])
		case isSwitch && !joined:
			*toggle = true
		case takesValue && joined:
			*target = value
		case takesValue && i+1 < len(arguments) && !strings.HasPrefix(arguments[i+1], "--"):
			i++
			*target = arguments[i]
		case takesValue && defaults[name] != "":
			*target = defaults[name]
		case takesValue:
			return o, fmt.Errorf("argument %s: expected one argument", name)
		default:
			return o, fmt.Errorf("unknown option %s. This is the aws of Biobatch, which has `s3 cp` and `s3 ls` only. Install the AWS CLI for others", arguments[i])
		}
	}
	return o, nil
}

// runAWS answers a command line of the AWS CLI and returns its exit code.
func runAWS(ctx context.Context, arguments []string) int {
	o, err := parseAWS(arguments)
	complain := func(code int, format string, values ...any) int {
		fmt.Fprintf(os.Stderr, "aws: "+format+"\n", values...)
		return code
	}
	if err != nil {
		return complain(awsUsage, "%v", err)
	}
	command := strings.Join(o.words[:min(2, len(o.words))], " ")
	if command != "s3 cp" && command != "s3 ls" {
		return complain(awsUsage, "%q is not a command of the aws of Biobatch, which has `s3 cp` and `s3 ls` only. Install the AWS CLI for others", command)
	}
	// The modes differ in the number of tries and in the pauses. The SDK does not know the first one.
	if mode := os.Getenv("AWS_RETRY_MODE"); !slices.Contains([]string{"", "legacy", "standard", "adaptive"}, mode) {
		return complain(awsUsage, "AWS_RETRY_MODE: %q is not one of legacy, standard and adaptive", mode)
	}
	_ = os.Unsetenv("AWS_RETRY_MODE")
	invoked, _ := exec.LookPath(os.Args[0])
	executable, _ := os.Executable()
	findRoots(executable, invoked)
	store, err := openStore(ctx, o.region, o.endpoint, o.payer)
	if err != nil {
		return complain(awsUsage, "%v", err)
	}
	store.outage.attempts, _ = strconv.Atoi(os.Getenv("AWS_MAX_ATTEMPTS")) // the SDK has refused other values
	store.client = s3.New(store.client.Options(), followRegions)
	paths := o.words[2:]
	switch {
	case command == "s3 ls" && len(paths) == 1 && !o.recursive:
		return listAWS(ctx, store, paths[0])
	case command == "s3 ls":
		return complain(awsUsage, "s3 ls takes one path and not --recursive")
	case len(paths) != 2:
		return complain(awsUsage, "s3 cp takes two paths, not %d", len(paths))
	}
	return newCopier(store, o).copy(ctx, paths[0], paths[1])
}

// findRoots makes the program use the certificates beside it, in ../etc/ca.pem, if the image has none. Many images with one tool have none.
func findRoots(programs ...string) {
	for _, file := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"} { // as crypto/x509 looks for them
		if info, err := os.Stat(file); err == nil && info.Size() > 0 {
			return
		}
	}
	if os.Getenv("SSL_CERT_FILE") == "" && os.Getenv("SSL_CERT_DIR") == "" {
		_ = os.Setenv("SSL_CERT_FILE", bundleBeside(programs...))
	}
}

// bundleBeside returns the first bundle beside one of the programs, or "". A relative path would lead to a file of the job.
func bundleBeside(programs ...string) string {
	for _, program := range programs {
		bundle := filepath.Join(filepath.Dir(filepath.Dir(program)), "etc", "ca.pem")
		if _, err := os.Stat(bundle); err == nil && filepath.IsAbs(program) {
			return bundle
		}
	}
	return ""
}

// followRegions makes the client ask for a bucket in its own region, whatever AWS_REGION is, as the AWS CLI does. Public data often is in
// another region.
func followRegions(o *s3.Options) {
	r := &bucketRegions{EndpointResolverV2: o.EndpointResolverV2}
	o.EndpointResolverV2 = r
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("FollowRegions", r.handle), (*retry.Attempt)(nil).ID(), middleware.After)
	})
}

// bucketRegions resolves the endpoints of buckets in the regions that S3 has named.
type bucketRegions struct {
	s3.EndpointResolverV2
	named sync.Map // region by bucket
}

// askedKey is the key in a request's context for the bucket and the region that are asked.
type askedKey struct{}

type asked struct{ bucket, region string }

func (r *bucketRegions) ResolveEndpoint(ctx context.Context, given s3.EndpointParameters) (endpoints.Endpoint, error) {
	if region, isKnown := r.named.Load(aws.ToString(given.Bucket)); isKnown {
		given.Region = aws.String(region.(string))
	}
	if asks, ok := ctx.Value(askedKey{}).(*asked); ok {
		*asks = asked{aws.ToString(given.Bucket), aws.ToString(given.Region)}
	}
	return r.EndpointResolverV2.ResolveEndpoint(ctx, given)
}

// handle repeats a request in the region that a refusal names.
func (r *bucketRegions) handle(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	var asks asked
	ctx = context.WithValue(ctx, askedKey{}, &asks)
	first := in
	if request, ok := in.Request.(*smithyhttp.Request); ok {
		first.Request = request.Clone()
	}
	out, metadata, err := next.HandleFinalize(ctx, first)
	var refusal *smithyhttp.ResponseError
	if !errors.As(err, &refusal) || refusal.Response == nil {
		return out, metadata, err
	}
	region := refusal.Response.Header.Get("X-Amz-Bucket-Region")
	if region == "" || region == asks.region || asks.bucket == "" {
		return out, metadata, err
	}
	r.named.Store(asks.bucket, region)
	if request, ok := in.Request.(*smithyhttp.Request); ok {
		if err := request.RewindStream(); err != nil {
			return out, metadata, err
		}
	}
	return next.HandleFinalize(ctx, in)
}
