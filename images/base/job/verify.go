package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// checksum is the expected checksum of an object's content. An object that was uploaded in parts may only have a checksum of the
// checksums of its parts (S3 User Guide, "Checking object integrity"). In that case, partSize is the size of each part but the last.
type checksum struct {
	name     string
	value    string // in hexadecimal digits
	partSize int64  // 0: a checksum of the whole object
}

var algorithms = map[string]func() hash.Hash{
	"sha256":    sha256.New,
	"sha1":      sha1.New,
	"crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
	"crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"md5":       md5.New,
}

// reportedChecksum returns the first checksum in the answer to HEAD that can be verified. It reads named checksums from the header,
// because this SDK does not know crc64nvme, the default of S3. The ETag comes last. It is an MD5 unless the object is encrypted with a
// customer's key.
func (s *store) reportedChecksum(ctx context.Context, l location, head *s3.HeadObjectOutput, header http.Header) (checksum, error) {
	values := map[string]string{}
	for name := range algorithms {
		value, parts, _ := strings.Cut(header.Get("X-Amz-Checksum-"+name), "-")
		if binary, err := base64.StdEncoding.DecodeString(value); err == nil && len(binary) > 0 {
			values[name] = strings.TrimSuffix(hex.EncodeToString(binary)+"-"+parts, "-")
		}
	}
	etag := strings.Trim(aws.ToString(head.ETag), `"`)
	if (head.ServerSideEncryption == "" || head.ServerSideEncryption == types.ServerSideEncryptionAes256) && md5Form.MatchString(etag) {
		values["md5"] = etag
	}
	for _, ofParts := range []bool{false, true} {
		for _, name := range []string{"sha256", "sha1", "crc64nvme", "crc32c", "crc32", "md5"} {
			value, parts, isOfParts := strings.Cut(values[name], "-")
			switch count, _ := strconv.Atoi(parts); {
			case value == "" || isOfParts != ofParts:
			case !isOfParts:
				return checksum{name: name, value: value}, nil
			default:
				size, err := s.partSize(ctx, l, int32(count), aws.ToInt64(head.ContentLength))
				if size > 0 || err != nil {
					return checksum{name, value, size}, err
				}
			}
		}
	}
	return checksum{}, nil
}

var md5Form = regexp.MustCompile(`^[0-9a-f]{32}(-[0-9]+)?$`)

// partSize returns the size of every part of an object but the last, from the sizes of the first part, the last part and the object.
// It returns 0 if the parts differ in size or the store does not report them.
func (s *store) partSize(ctx context.Context, l location, count int32, size int64) (int64, error) {
	var sizes [2]int64
	for i, number := range []int32{1, count} {
		head, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &l.bucket, Key: &l.key, PartNumber: &number})
		var outlasted outageError
		switch status := statusOf(err); {
		case (status/100 == 4 || status == http.StatusNotImplemented) && !errors.As(err, &outlasted):
			return 0, nil
		case err != nil: // a store under load may answer later, and every object must be verified
			return 0, explain("read", l, err)
		}
		sizes[i] = aws.ToInt64(head.ContentLength)
	}
	if sizes[0] <= 0 || sizes[0]*int64(count-1)+sizes[1] != size {
		return 0, nil
	}
	return sizes[0], nil
}

// readUntilDone returns a reader that fails when the context is done.
func readUntilDone(ctx context.Context, r io.Reader) io.Reader { return contextReader{r, ctx} }

type contextReader struct {
	io.Reader
	ctx context.Context
}

func (s contextReader) Read(into []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(into)
}

// compute returns the checksum of a file.
func (c checksum) compute(ctx context.Context, name string) (string, error) {
	if c.partSize != 0 {
		parts, err := c.computeParts(ctx, name)
		sum := algorithms[c.name]()
		sum.Write(slices.Concat(parts...))
		return hex.EncodeToString(sum.Sum(nil)), err
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := algorithms[c.name]()
	_, err = io.Copy(sum, readUntilDone(ctx, file))
	return hex.EncodeToString(sum.Sum(nil)), err
}

// computeParts returns the checksums of a file's parts, computed in parallel.
func (c checksum) computeParts(ctx context.Context, name string) ([][]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	sums := make([][]byte, (info.Size()+c.partSize-1)/c.partSize)
	return sums, inParallel(ctx, parallelObjects, len(sums), func(ctx context.Context, i int) error {
		sum := algorithms[c.name]()
		_, err := io.Copy(sum, readUntilDone(ctx, io.NewSectionReader(file, int64(i)*c.partSize, c.partSize)))
		sums[i] = sum.Sum(nil)
		return err
	})
}

// verifyGzip reads a file to the end if it begins like gzip. It finds damage from before the upload, which the checksum in S3 does not
// show. BAM and bgzip files are gzip in blocks that end with an empty block, so a cut between two blocks shows too (SAM specification,
// 4.1.2).
func verifyGzip(ctx context.Context, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	start, end := make([]byte, 14), make([]byte, len(bgzipEnd))
	if n, _ := file.ReadAt(start, 0); n < 2 || start[0] != 0x1f || start[1] != 0x8b {
		return nil
	}
	if inBlocks := start[3]&4 != 0 && string(start[12:]) == "BC"; inBlocks {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if _, _ = file.ReadAt(end, info.Size()-int64(len(end))); string(end) != bgzipEnd {
			return errors.New("its last block is missing: the file was cut off")
		}
	}
	rest := bufio.NewReaderSize(readUntilDone(ctx, file), 1<<20)
	member, err := gzip.NewReader(rest)
	for err == nil {
		member.Multistream(false)
		if _, err := io.Copy(io.Discard, member); err != nil {
			return err
		}
		if err := skipZeros(rest); err != nil {
			return err
		}
		if next, _ := rest.Peek(1); len(next) > 0 && next[0] != 0x1f {
			return errors.New("bytes that are not gzip follow its gzip data. Write it again without them: gzip -dc FILE | gzip > NEW")
		}
		err = member.Reset(rest)
	}
	if err == io.EOF { // after the last member
		return nil
	}
	return err
}

// skipZeros skips the zeros with which some programs fill a file up. gzip ignores them too.
func skipZeros(r *bufio.Reader) error {
	for {
		switch b, err := r.ReadByte(); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case b != 0:
			return r.UnreadByte()
		}
	}
}

const bgzipEnd = "\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x06\x00BC\x02\x00\x1b\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
