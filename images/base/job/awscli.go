package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// awsName is the second name of this program. Under it, the program answers what workflow engines ask of the AWS CLI: `s3 cp` and `s3 ls`
// with the options that Nextflow, redun and their scripts write. It refuses everything else, because a silent difference would be a wrong
// result.
const awsName = "aws"

// Exit codes of the AWS CLI 2 (AWS CLI User Guide, "Return codes"). Version 1 ends with 2 and 255 instead of 252 and 254.
const (
	awsFailed   = 1   // a transfer failed, or `s3 ls` found nothing
	awsSkipped  = 2   // files were skipped
	awsUsage    = 252 // the command or an option is unknown
	awsRefused  = 254 // S3 refused a listing
	awsNoSource = 255 // the local file does not exist
)

// awsOptions are the options of a command.
type awsOptions struct {
	region, endpoint, storageClass, encryption, kmsKey, acl, payer string
	recursive, quiet, onlyErrors                                   bool
	words                                                          []string // the command and its paths
}

// parseAWS reads a command line of the AWS CLI. An option may come anywhere, with its value behind "=" or as the next word.
func parseAWS(arguments []string) (o awsOptions, err error) {
	var ignored bool
	values := map[string]*string{"--region": &o.region, "--endpoint-url": &o.endpoint, "--storage-class": &o.storageClass,
		"--sse": &o.encryption, "--sse-kms-key-id": &o.kmsKey, "--acl": &o.acl, "--request-payer": &o.payer}
	switches := map[string]*bool{"--recursive": &o.recursive, "--quiet": &o.quiet, "--only-show-errors": &o.onlyErrors,
		"--no-progress": &ignored, "--debug": &ignored, "--force-glacier-transfer": &ignored}
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
	paths := o.words[2:]
	findRoots(os.Args[0])
	store, err := openStore(ctx, o.region, o.endpoint, o.payer)
	if err != nil {
		return complain(awsUsage, "%v", err)
	}
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

// findRoots makes the program use the certificates beside it if the image has none. Many images with one tool have none.
func findRoots(program string) {
	for _, file := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"} { // as crypto/x509 looks for them
		if _, err := os.Stat(file); err == nil {
			return
		}
	}
	if os.Getenv("SSL_CERT_FILE") != "" || os.Getenv("SSL_CERT_DIR") != "" {
		return
	}
	if path, err := os.Executable(); err == nil {
		program = path
	}
	bundle := filepath.Join(filepath.Dir(filepath.Dir(program)), "etc", "ca.pem")
	if _, err := os.Stat(bundle); err == nil {
		_ = os.Setenv("SSL_CERT_FILE", bundle)
	}
}
