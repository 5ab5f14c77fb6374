package main

import (
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plan is the validated content of the environment and the arguments.
type plan struct {
	inputs     []location
	inputsFrom *location
	producers  []location // manifests of the jobs that made the inputs
	testInputs bool       // read gzip and BAM inputs to the end
	outputs    []string   // glob patterns of Go's path.Match, relative to the working folder
	prefix     *location
	manifest   location
	keep       []string      // glob patterns, as in outputs, for the files to publish after a failure
	resume     bool          // end at once if the manifest shows that the same job has finished
	timeout    time.Duration // the time limit of the attempt in Batch; 0 if it has none or it is unknown
	command    []string
	scriptFrom *location // an object with the command, if it is too long for a submission
}

func (p plan) usesStore() bool {
	return len(p.inputs) > 0 || p.inputsFrom != nil || p.scriptFrom != nil || len(p.producers) > 0 || p.prefix != nil
}

// location is an s3:// URI, percent-decoded once. If the last part of the key is a glob, pattern contains it and key ends at the
// last slash.
type location struct {
	bucket, key, pattern string
}

func (l location) String() string { return "s3://" + l.bucket + "/" + l.key + l.pattern }

// readPlan reads the job's environment. Every fault names the variable.
func readPlan(arguments []string, getenv func(string) string) (plan, error) {
	var p plan
	var err error
	// Surrounding white space is ignored, as in the lists. A value read from a file may end with a line break.
	one := func(name string) string { return strings.TrimSpace(getenv(name)) }
	from := one("JOB_SCRIPT_FROM")
	switch {
	case from != "" && len(arguments) > 0:
		return p, faultf(exitUsage, "JOB_SCRIPT_FROM and a command are given. Give one of them")
	case from != "":
		if p.scriptFrom, err = parseObject("JOB_SCRIPT_FROM", from); err != nil {
			return p, err
		}
	case len(arguments) == 0:
		return p, faultf(exitUsage, "no command given: pass one argument as a bash script, or two or more to run without a shell")
	case len(arguments) == 1:
		p.command = bashScript(arguments[0])
	default:
		p.command = arguments
	}
	if p.inputs, err = parseInputs("JOB_INPUTS", getenv("JOB_INPUTS")); err != nil {
		return p, err
	}
	prefix := one("JOB_OUTPUT_PREFIX")
	if from := one("JOB_INPUTS_FROM"); from != "" {
		if p.inputsFrom, err = parseObject("JOB_INPUTS_FROM", from); err != nil {
			return p, err
		}
	}
	for _, entry := range strings.Fields(getenv("JOB_INPUT_MANIFESTS")) {
		if !strings.HasPrefix(entry, "s3://") { // relative, because Batch limits the length of overrides
			entry = strings.TrimSuffix(prefix, "/") + "/" + entry
		}
		producer, err := parseObject("JOB_INPUT_MANIFESTS", entry)
		if err != nil {
			return p, err
		}
		p.producers = append(p.producers, *producer)
	}
	if p.testInputs, err = parseSwitch("JOB_TEST_INPUTS", getenv("JOB_TEST_INPUTS")); err != nil {
		return p, err
	}
	if p.resume, err = parseSwitch("JOB_RESUME", getenv("JOB_RESUME")); err != nil {
		return p, err
	}
	if p.outputs, err = parsePatterns("JOB_OUTPUTS", getenv("JOB_OUTPUTS")); err != nil {
		return p, err
	}
	if p.keep, err = parsePatterns("JOB_KEEP_ON_FAILURE", getenv("JOB_KEEP_ON_FAILURE")); err != nil {
		return p, err
	}
	if p.timeout, err = parseTimeout(one("JOB_TIMEOUT_SECONDS")); err != nil {
		return p, err
	}
	if p.resume && (prefix == "" || !strings.Contains(getenv("JOB_IMAGE"), "@sha256:")) { // a tag can be moved
		return p, faultf(exitUsage, "JOB_RESUME=1 needs JOB_OUTPUT_PREFIX and JOB_IMAGE (the image by digest) to recognize a finished job")
	}
	if prefix == "" {
		for _, name := range []string{"JOB_OUTPUTS", "JOB_MANIFEST", "JOB_KEEP_ON_FAILURE"} {
			if strings.TrimSpace(getenv(name)) != "" {
				return p, faultf(exitUsage, "%s is set but JOB_OUTPUT_PREFIX is not. Set JOB_OUTPUT_PREFIX to s3://bucket/folder", name)
			}
		}
		return p, nil
	}
	if p.prefix, err = parsePrefix(prefix); err != nil {
		return p, err
	}
	p.manifest = location{bucket: p.prefix.bucket, key: p.prefix.key + "manifest.json"}
	if uri := one("JOB_MANIFEST"); uri != "" {
		manifest, err := parseObject("JOB_MANIFEST", uri)
		if err != nil {
			return p, err
		}
		p.manifest = *manifest
	}
	return p, nil
}

func bashScript(text string) []string { return []string{"bash", "-o", "pipefail", "-c", text} }

// record returns where to write the record of a successful job, next to the manifest.
func (p plan) record() location {
	return location{bucket: p.manifest.bucket, key: strings.TrimSuffix(p.manifest.key, ".json") + ".record.json"}
}

// failed returns the folder for the files of a failed attempt.
func (p plan) failed(job, attempt string) location {
	return location{bucket: p.prefix.bucket, key: p.prefix.key + "failed/" + strings.ReplaceAll(job, ":", "_") + "/" + attempt + "/"}
}

// refuseManifestOverInput refuses a manifest or a record that would overwrite an object that the job reads.
func (p plan) refuseManifestOverInput(inputs []object) error {
	read := slices.Clone(p.producers)
	for _, list := range []*location{p.inputsFrom, p.scriptFrom} {
		if list != nil {
			read = append(read, *list)
		}
	}
	for _, input := range inputs {
		read = append(read, input.location())
	}
	if p.prefix == nil {
		return nil
	}
	for what, place := range map[string]location{"manifest": p.manifest, "record": p.record()} {
		if slices.Contains(read, place) {
			return faultf(exitUsage, "the job reads %s, and its %s would overwrite that object. Set JOB_MANIFEST to another URI", place, what)
		}
	}
	return nil
}

func parseInputs(variable, value string) ([]location, error) {
	var inputs []location
	for _, entry := range strings.Fields(value) {
		input, err := parseLocation(entry)
		if err != nil {
			return nil, faultf(exitUsage, "%s: %v", variable, err)
		}
		if name := path.Base(input.key); input.pattern == "" &&
			(strings.HasSuffix(input.key, "/") || input.key == "" || len(name) > 255 || name == "." || name == "..") {
			return nil, faultf(exitUsage, "%s: %s does not end in a file name of 1 to 255 bytes", variable, input)
		}
		inputs = append(inputs, input)
	}
	return inputs, nil
}

// parsePatterns reads a list of globs relative to the working folder.
func parsePatterns(variable, value string) (patterns []string, err error) {
	for _, entry := range strings.Fields(value) {
		pattern, err := decodePattern(entry)
		if err != nil {
			return nil, faultf(exitUsage, "%s: %q: %v", variable, entry, err)
		}
		if path.IsAbs(pattern) || path.Clean("/"+pattern) != "/"+pattern {
			return nil, faultf(exitUsage, "%s: %q must be a path inside the working folder, without '..'", variable, entry)
		}
		if strings.Contains(entry, "**") { // path.Match would treat it as *
			return nil, faultf(exitUsage, "%s: %q: ** is not supported. Write one pattern for each depth, as in *.bam */*.bam", variable, entry)
		}
		patterns = append(patterns, pattern)
	}
	return patterns, nil
}

func parseSwitch(variable, value string) (bool, error) {
	if value != "" && value != "0" && value != "1" {
		return false, faultf(exitUsage, "%s: %q is not valid. Use 1 (yes) or 0 (no)", variable, value)
	}
	return value == "1", nil
}

func parseTimeout(limit string) (time.Duration, error) {
	if limit == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseInt(limit, 10, 32)
	if err != nil || seconds < 1 {
		return 0, faultf(exitUsage, "JOB_TIMEOUT_SECONDS: %q is not a whole number of seconds (1 or more)", limit)
	}
	return time.Duration(seconds) * time.Second, nil
}

func parseObject(variable, value string) (*location, error) {
	object, err := parseLocation(value)
	if err != nil || object.pattern != "" || object.key == "" || strings.HasSuffix(object.key, "/") {
		return nil, faultf(exitUsage, "%s: %q is not the URI of one object, s3://bucket/key", variable, value)
	}
	return &object, nil
}

func parsePrefix(value string) (*location, error) {
	prefix, err := parseLocation(value)
	if err != nil || prefix.pattern != "" {
		return nil, faultf(exitUsage, "JOB_OUTPUT_PREFIX: %q is not of the form s3://bucket/folder", value)
	}
	if prefix.key != "" && !strings.HasSuffix(prefix.key, "/") {
		prefix.key += "/"
	}
	return &prefix, nil
}

// parseLocation percent-decodes a URI once. An unencoded * ? [ makes a glob, which only the last part of the key may contain.
func parseLocation(uri string) (location, error) {
	rest, isS3 := strings.CutPrefix(uri, "s3://")
	bucket, key, _ := strings.Cut(rest, "/")
	if !isS3 || bucket == "" {
		address, _, _ := strings.Cut(uri, "?") // the query of a presigned URL is a secret
		return location{}, faultf(exitUsage, "%q is not an s3:// URI", address)
	}
	folder, last := "", key
	if slash := strings.LastIndex(key, "/"); slash >= 0 {
		folder, last = key[:slash+1], key[slash+1:]
	}
	if strings.ContainsAny(folder, "*?[") {
		return location{}, faultf(exitUsage, "%q has a pattern before the last '/'. Only the file name may be a pattern (write %%2A for a literal *)", uri)
	}
	folder, err := url.PathUnescape(folder)
	if err != nil {
		return location{}, faultf(exitUsage, "%q: %v", uri, err)
	}
	if strings.ContainsAny(last, "*?[") {
		pattern, err := decodePattern(last)
		if err != nil {
			return location{}, faultf(exitUsage, "%q: %v", uri, err)
		}
		return location{bucket, folder, pattern}, nil
	}
	if last, err = url.PathUnescape(last); err != nil {
		return location{}, faultf(exitUsage, "%q: %v", uri, err)
	}
	return location{bucket: bucket, key: folder + last}, nil
}

// decodePattern turns an encoded glob into a pattern for path.Match. Percent-encoded characters are literal.
func decodePattern(encoded string) (string, error) {
	var pattern strings.Builder
	for i := 0; i < len(encoded); i++ {
		switch c := encoded[i]; {
		case c == '%':
			end := min(i+3, len(encoded))
			literal, err := url.PathUnescape(encoded[i:end])
			if err != nil {
				return "", err
			}
			if strings.Contains(`*?[]^-\`, literal) {
				pattern.WriteByte('\\')
			}
			pattern.WriteString(literal)
			i += 2
		case c == '\\':
			pattern.WriteString(`\\`)
		case c == '[' && strings.HasPrefix(encoded[i:], "[!"): // the shell's negation, which is ^ in Go
			pattern.WriteString("[^")
			i++
		default:
			pattern.WriteByte(c)
		}
	}
	if _, err := path.Match(pattern.String(), ""); err != nil {
		return "", err
	}
	return pattern.String(), nil
}
