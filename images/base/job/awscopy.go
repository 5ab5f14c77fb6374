package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// copier carries out `aws s3 cp`. Keys, files and exit codes are those of the AWS CLI. As in a job, every download is verified, and S3
// verifies every upload.
type copier struct {
	store   *store
	options awsOptions
	streams int
	mode    os.FileMode // of downloaded files
	failed  atomic.Bool
	skipped atomic.Bool
	mutex   sync.Mutex // of the output
}

// largestCopy is the size up to which S3 copies an object in one request (API CopyObject).
const largestCopy = 5 << 30

func newCopier(s *store, o awsOptions) *copier {
	mask := syscall.Umask(0) // the only way to learn it
	syscall.Umask(mask)
	return &copier{store: s, options: o, streams: minStreams, mode: os.FileMode(0o666 &^ mask)}
}

func isS3(path string) bool { return strings.HasPrefix(path, "s3://") }

// place splits a URI as the AWS CLI does: nothing is decoded, and nothing is a pattern.
func place(uri string) location {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	return location{bucket: bucket, key: key}
}

// folder returns the place as the beginning of keys.
func (l location) folder() location {
	if l.key != "" && !strings.HasSuffix(l.key, "/") {
		l.key += "/"
	}
	return l
}

// forFile returns the place of a file, which keeps its name in a folder.
func (l location) forFile(name string) location {
	if l.key == "" || strings.HasSuffix(l.key, "/") {
		l.key += path.Base(name)
	}
	return l
}

// copy copies a file, an object or a whole folder, and returns the exit code.
func (c *copier) copy(ctx context.Context, from, to string) int {
	switch {
	case !isS3(from) && !isS3(to):
		fmt.Fprintln(os.Stderr, "aws: one of the two paths must begin with s3://")
		return awsUsage
	case c.options.recursive && (from == "-" || to == "-"):
		fmt.Fprintln(os.Stderr, "aws: - takes one object, so it does not go with --recursive")
		return awsUsage
	case from == "-":
		c.report("upload", from, to, c.send(ctx, untilDone(ctx, os.Stdin), "", place(to).forFile(from)))
	case !isS3(from):
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "\nThe user-provided path %s does not exist.\n", from)
			return awsNoSource
		}
		c.upload(ctx, from, to)
	case to == "-":
		c.fetch(ctx, place(from), to)
	case isS3(to):
		c.copyObjects(ctx, from, to)
	default:
		c.download(ctx, from, to)
	}
	switch {
	case ctx.Err() != nil:
		return exitStopped
	case c.failed.Load():
		return awsFailed
	case c.skipped.Load():
		return awsSkipped
	}
	return 0
}

// untilDone returns a reader that ends with the context. A read of the standard input would go on as long as another program keeps it open.
func untilDone(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		_ = in.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { _ = in.CloseWithError(ctx.Err()) })
	return out
}

// report prints how a transfer ended.
func (c *copier) report(what, from, to string, err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err != nil {
		c.failed.Store(true)
		fmt.Fprintf(os.Stderr, "%s failed: %s to %s %v\n", what, from, to, err)
	} else if !c.options.quiet && !c.options.onlyErrors {
		fmt.Printf("%s: %s to %s\n", what, from, to)
	}
}

// skip prints why a file is left out.
func (c *copier) skip(name, why string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.skipped.Store(true)
	if !c.options.quiet {
		fmt.Fprintf(os.Stderr, "warning: Skipping file %s. %s\n", name, why)
	}
}

// upload uploads a file, or with --recursive a folder.
func (c *copier) upload(ctx context.Context, from, to string) {
	if !c.options.recursive {
		if isFile(from) {
			c.sendFile(ctx, from, place(to).forFile(from))
		} else {
			c.skip(from, notFile)
		}
		return
	}
	target := place(to).folder()
	group := c.group()
	c.walk(from, "", nil, func(file, name string) {
		group.Go(func() error {
			c.sendFile(ctx, file, location{bucket: target.bucket, key: target.key + name})
			return nil
		})
	})
	_ = group.Wait()
}

// group limits the transfers that run at the same time. Each reports its own fault, so that the others go on.
func (c *copier) group() *errgroup.Group {
	group := new(errgroup.Group)
	group.SetLimit(2 * minStreams)
	return group
}

// walk calls found for every file under a folder, in the order of their names. It follows links, as the AWS CLI does.
func (c *copier) walk(folder, name string, above []fs.FileInfo, found func(file, name string)) {
	info, err := os.Stat(folder)
	if err == nil {
		for _, other := range above { // a link to a folder that contains it
			if os.SameFile(info, other) {
				c.skip(folder, "The folder contains itself.")
				return
			}
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		c.skip(folder, notReadable)
		return
	}
	for _, entry := range entries {
		file := filepath.Join(folder, entry.Name())
		target, err := os.Stat(file)
		switch {
		case err != nil:
			c.skip(file, "File does not exist.")
		case target.IsDir():
			c.walk(file, name+entry.Name()+"/", append(above, info), found)
		case !isFile(file):
			c.skip(file, notFile)
		default:
			found(file, name+entry.Name())
		}
	}
}

const notFile = "File is character special device, block special device, FIFO, or socket."

// isFile reports whether a name is a file or a folder, or leads to one. To open a named pipe would wait for another program.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err != nil || info.Mode().IsRegular() || info.IsDir()
}

// sendFile uploads a file and reports it.
func (c *copier) sendFile(ctx context.Context, name string, target location) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		c.skip(name, notReadable)
		return
	}
	if err == nil {
		defer file.Close()
		if info, failed := file.Stat(); failed != nil || info.IsDir() {
			err = cmp.Or(failed, errors.New("it is a folder. Add --recursive"))
		} else {
			err = c.send(ctx, file, name, target)
		}
	}
	c.report("upload", name, target.String(), err)
}

const notReadable = "File/Directory is not readable."

// send uploads a body. S3 verifies each part.
func (c *copier) send(ctx context.Context, body io.Reader, name string, target location) error {
	answer, err := c.store.send(ctx, target, body, c.streams, func(request *s3.PutObjectInput) {
		request.StorageClass = types.StorageClass(c.options.storageClass)
		request.ACL = types.ObjectCannedACL(c.options.acl)
		request.ServerSideEncryption = types.ServerSideEncryption(c.options.encryption)
		if c.options.kmsKey != "" {
			request.SSEKMSKeyId = &c.options.kmsKey
		}
		if kind := mime.TypeByExtension(filepath.Ext(name)); kind != "" {
			request.ContentType = &kind
		}
	})
	if err != nil {
		return err
	}
	return checkStored(target, answer.ETag)
}

// print writes an object to the standard output, for "-", or into a device or a pipe. It downloads the object to a file first, because
// nobody can take back what was printed.
func (c *copier) print(ctx context.Context, found object, target string) error {
	name, err := c.downloadAside(ctx, found)
	if err != nil {
		return err
	}
	defer os.Remove(name)
	written := make(chan error, 1)
	go func() { written <- writeInto(target, name) }()
	select { // a reader that stops reading must not hold up the end after a signal
	case err := <-written:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writeInto writes a file to the standard output, for "-", or into a device or a pipe.
func writeInto(target, name string) error {
	from, err := os.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	to := os.Stdout
	if target != "-" {
		if to, err = os.OpenFile(target, os.O_WRONLY, 0); err != nil {
			return err
		}
		defer to.Close()
	}
	_, err = io.Copy(to, from)
	return err
}

// downloadAside downloads an object to a new file, in the working folder if the image has no /tmp, and returns its name.
func (c *copier) downloadAside(ctx context.Context, found object) (string, error) {
	file, err := os.CreateTemp("", "biobatch-")
	if err != nil {
		file, err = os.CreateTemp(".", ".biobatch-")
	}
	if err != nil {
		return "", err
	}
	_ = file.Close()
	if err := c.store.download(ctx, found, file.Name(), c.streams); err != nil {
		_ = os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

// download downloads an object, or with --recursive all objects of a folder.
func (c *copier) download(ctx context.Context, from, to string) {
	source := place(from)
	if !c.options.recursive {
		if info, err := os.Stat(to); err == nil && info.IsDir() || strings.HasSuffix(to, "/") {
			to = filepath.Join(to, path.Base(source.key))
		}
		c.fetch(ctx, source, to)
		return
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		c.report("download", from, to, err)
		return
	}
	c.each(ctx, source.folder(), func(key, name string) {
		file := filepath.Join(to, filepath.FromSlash(name))
		if !filepath.IsLocal(filepath.FromSlash(strings.TrimLeft(name, "/"))) {
			c.skip(key, "File references a parent directory.")
			return
		}
		c.fetch(ctx, location{bucket: source.bucket, key: key}, file)
	}, from, to)
}

// each calls do for every object of a folder, several at a time.
func (c *copier) each(ctx context.Context, folder location, do func(key, name string), from, to string) {
	group := c.group()
	pages := s3.NewListObjectsV2Paginator(c.store.client, &s3.ListObjectsV2Input{Bucket: &folder.bucket, Prefix: &folder.key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			c.report("copy", from, to, explain("list", folder, err))
			break
		}
		for _, item := range page.Contents {
			key := aws.ToString(item.Key)
			if name := strings.TrimPrefix(key, folder.key); name != "" && !strings.HasSuffix(name, "/") { // the console's folders
				group.Go(func() error { do(key, name); return nil })
			}
		}
	}
	_ = group.Wait()
}

// fetch downloads an object and reports it. It leaves out an archived object, as the AWS CLI does.
func (c *copier) fetch(ctx context.Context, from location, target string) {
	found, err := c.store.head(ctx, from)
	switch {
	case err != nil:
	case found.archived && !c.options.archived:
		c.skip(from.String(), "The object is archived. Restore it first (aws s3api restore-object).")
		return
	case target == "-":
		if err = c.print(ctx, found, target); err == nil {
			return // the standard output holds the object alone
		}
	case isFile(target):
		err = c.save(ctx, found, target)
	default: // a device, such as /dev/null, or a pipe must stay what it is
		err = c.print(ctx, found, target)
	}
	c.report("download", from.String(), target, err)
}

// save downloads an object beside its target, verifies it, and gives it the name and the time at the end. A broken download leaves nothing.
func (c *copier) save(ctx context.Context, found object, target string) (err error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return err
	}
	name := filepath.Base(target)
	file, err := os.CreateTemp(filepath.Dir(target), "."+name[:min(200, len(name))]+".")
	if err != nil {
		return err
	}
	_ = file.Close()
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	if err = c.store.download(ctx, found, file.Name(), c.streams); err != nil {
		return err
	}
	if err = os.Chmod(file.Name(), c.mode); err != nil {
		return err
	}
	if err = os.Chtimes(file.Name(), found.modified, found.modified); err != nil {
		return err
	}
	return os.Rename(file.Name(), target)
}

// copyObjects copies an object within S3, or with --recursive all objects of a folder.
func (c *copier) copyObjects(ctx context.Context, from, to string) {
	source := place(from)
	if !c.options.recursive {
		target := place(to).forFile(source.key)
		c.report("copy", from, target.String(), c.copyObject(ctx, source, target))
		return
	}
	target := place(to).folder()
	c.each(ctx, source.folder(), func(key, name string) {
		one, other := location{bucket: source.bucket, key: key}, location{bucket: target.bucket, key: target.key + name}
		c.report("copy", one.String(), other.String(), c.copyObject(ctx, one, other))
	}, from, to)
}

// copyObject lets S3 copy an object. An object that S3 does not copy in one request passes through this machine, as two verified transfers.
func (c *copier) copyObject(ctx context.Context, from, to location) error {
	found, err := c.store.head(ctx, from)
	if err != nil {
		return err
	}
	if found.Size > largestCopy {
		name, err := c.downloadAside(ctx, found)
		if err != nil {
			return err
		}
		defer os.Remove(name)
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		return c.send(ctx, file, from.key, to)
	}
	source := copySource(from)
	request := &s3.CopyObjectInput{Bucket: &to.bucket, Key: &to.key, CopySource: &source, CopySourceIfMatch: aws.String(`"` + found.ETag + `"`),
		StorageClass: types.StorageClass(c.options.storageClass), ACL: types.ObjectCannedACL(c.options.acl),
		ServerSideEncryption: types.ServerSideEncryption(c.options.encryption)}
	if c.options.kmsKey != "" {
		request.SSEKMSKeyId = &c.options.kmsKey
	}
	if _, err := c.store.client.CopyObject(ctx, request); err != nil {
		return explain("write", to, err)
	}
	return nil
}

// copySource is the source of a copy as the API takes it: URL-encoded, but for the slashes.
func copySource(l location) string {
	var encoded strings.Builder
	for _, b := range []byte(l.bucket + "/" + l.key) {
		if b == '/' || b == '-' || b == '_' || b == '.' || b == '~' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' {
			encoded.WriteByte(b)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", b)
		}
	}
	return encoded.String()
}

// lastPart returns what follows the last slash of a key, which may be nothing.
func lastPart(key string) string { return key[strings.LastIndex(key, "/")+1:] }

// listAWS prints the folders and objects of a place, as `aws s3 ls` does, and returns the exit code.
func listAWS(ctx context.Context, s *store, uri string) int {
	l := place(uri)
	var out bytes.Buffer
	found := false
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &l.bucket, Prefix: &l.key, Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			fmt.Fprintf(os.Stderr, "\naws: %v\n", explain("list", l, err))
			return awsRefused
		}
		for _, folder := range page.CommonPrefixes {
			found = true
			fmt.Fprintf(&out, "%30s %s/\n", "PRE", lastPart(strings.TrimSuffix(aws.ToString(folder.Prefix), "/")))
		}
		for _, item := range page.Contents {
			found = true
			fmt.Fprintf(&out, "%s %10d %s\n", aws.ToTime(item.LastModified).Local().Format("2006-01-02 15:04:05"), aws.ToInt64(item.Size), lastPart(aws.ToString(item.Key)))
		}
	}
	writer := bufio.NewWriter(os.Stdout)
	_, _ = writer.Write(out.Bytes())
	_ = writer.Flush()
	if !found && l.key != "" {
		return awsFailed
	}
	return 0
}
