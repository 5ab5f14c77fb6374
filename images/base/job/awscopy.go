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
	failed  atomic.Bool
	skipped atomic.Bool
	mutex   sync.Mutex // of the output
}

// largestCopy is the size up to which S3 copies an object in one request (API CopyObject).
const largestCopy = 5 << 30

func newCopier(s *store, o awsOptions) *copier {
	return &copier{store: s, options: o, streams: minStreams}
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
		c.report("upload", from, to, c.send(ctx, untilDone(ctx, os.Stdin), "", place(to)))
	case !isS3(from):
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "\nThe user-provided path %s does not exist.\n", from)
			return awsNoSource
		}
		c.upload(ctx, from, to)
	case to == "-":
		if err := c.print(ctx, place(from)); err != nil {
			c.report("download", from, to, err)
		}
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
	target := place(to)
	if !c.options.recursive {
		if target.key == "" || strings.HasSuffix(target.key, "/") {
			target.key += filepath.Base(from)
		}
		c.report("upload", from, target.String(), c.sendFile(ctx, from, target))
		return
	}
	target = target.folder()
	group := c.group()
	c.walk(from, "", nil, func(file, name string) {
		group.Go(func() error {
			l := location{bucket: target.bucket, key: target.key + name}
			c.report("upload", file, l.String(), c.sendFile(ctx, file, l))
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
		c.skip(folder, "File/Directory is not readable.")
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
		case !target.Mode().IsRegular():
			c.skip(file, "File is character special device, block special device, FIFO, or socket.")
		default:
			found(file, name+entry.Name())
		}
	}
}

func (c *copier) sendFile(ctx context.Context, name string, target location) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return cmp.Or(err, errors.New("it is a folder. Add --recursive"))
	}
	return c.send(ctx, file, name, target)
}

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

// print writes an object to the standard output. It downloads the object to a file first, because nobody can take back what was printed.
func (c *copier) print(ctx context.Context, from location) error {
	found, err := c.store.head(ctx, from)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(os.TempDir(), "biobatch-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := c.store.download(ctx, found, file.Name(), c.streams); err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, file)
	return err
}

// download downloads an object, or with --recursive all objects of a folder.
func (c *copier) download(ctx context.Context, from, to string) {
	source := place(from)
	if !c.options.recursive {
		if info, err := os.Stat(to); err == nil && info.IsDir() || strings.HasSuffix(to, "/") {
			to = filepath.Join(to, path.Base(source.key))
		}
		c.report("download", from, to, c.fetch(ctx, source, to))
		return
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		c.report("download", from, to, err)
		return
	}
	c.each(ctx, source.folder(), func(key, name string) {
		file := filepath.Join(to, filepath.FromSlash(name))
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			c.skip(key, "File references a parent directory.")
			return
		}
		l := location{bucket: source.bucket, key: key}
		c.report("download", l.String(), file, c.fetch(ctx, l, file))
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

// fetch downloads an object beside its target, verifies it, and gives it the name and the time at the end. A broken download leaves nothing.
func (c *copier) fetch(ctx context.Context, from location, target string) (err error) {
	found, err := c.store.head(ctx, from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(from.key)[:min(200, len(filepath.Base(from.key)))]+".")
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
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	if err = os.Chmod(file.Name(), os.FileMode(0o666&^mask)); err != nil {
		return err
	}
	if err = os.Chtimes(file.Name(), found.modified, found.modified); err != nil {
		return err
	}
	return os.Rename(file.Name(), target)
}

// copyObjects copies an object within S3, or with --recursive all objects of a folder.
func (c *copier) copyObjects(ctx context.Context, from, to string) {
	source, target := place(from), place(to)
	if !c.options.recursive {
		if target.key == "" || strings.HasSuffix(target.key, "/") {
			target.key += path.Base(source.key)
		}
		c.report("copy", from, target.String(), c.copyObject(ctx, source, target))
		return
	}
	target = target.folder()
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
		file, err := os.CreateTemp(os.TempDir(), "biobatch-")
		if err != nil {
			return err
		}
		_ = file.Close()
		defer os.Remove(file.Name())
		if err := c.store.download(ctx, found, file.Name(), c.streams); err != nil {
			return err
		}
		return c.sendFile(ctx, file.Name(), to)
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
			fmt.Fprintf(&out, "%30s %s/\n", "PRE", path.Base(aws.ToString(folder.Prefix)))
		}
		for _, item := range page.Contents {
			found = true
			name := aws.ToString(item.Key)
			name = name[strings.LastIndex(name, "/")+1:]
			fmt.Fprintf(&out, "%s %10d %s\n", aws.ToTime(item.LastModified).Local().Format("2006-01-02 15:04:05"), aws.ToInt64(item.Size), name)
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
