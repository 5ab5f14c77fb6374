package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func writeTemp(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The values come from other implementations: coreutils, zlib, and for the last two the check values of their catalogue entries.
func TestChecksumsAreTheStandardOnes(t *testing.T) {
	name := writeTemp(t, []byte("123456789"))
	for algorithm, want := range map[string]string{
		"md5": "25f9e794323b453885f5181f1b624d0b", "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		"sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
		"crc32":  "cbf43926", "crc32c": "e3069283", "crc64nvme": "ae8b14860a799888",
	} {
		if got, err := (checksum{name: algorithm}).compute(context.Background(), name); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", algorithm, got, err, want)
		}
	}
}

func TestAChecksumOfPartsIsTheChecksumOfTheirChecksums(t *testing.T) {
	got, err := checksum{"md5", "", 4}.compute(context.Background(), writeTemp(t, []byte("123456789")))
	// printf 1234 | md5sum; printf 5678 | md5sum; printf 9 | md5sum; then md5sum of these three as bytes
	if want := "393e928fcf5925fcbd3a06aaf20b2d38"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestAChecksumEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (checksum{name: "md5"}).compute(ctx, writeTemp(t, []byte("123456789"))); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

// storeWithParts returns a store that answers HEAD requests with the sizes of an object's parts.
func storeWithParts(t *testing.T, sizes map[string]string) *store {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", sizes[r.URL.Query().Get("partNumber")])
	}))
	t.Cleanup(server.Close)
	return &store{client: s3.New(s3.Options{BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", Credentials: aws.AnonymousCredentials{}})}
}

func TestTheStrongestChecksumThatCanBeVerifiedIsChosen(t *testing.T) {
	md5sum := "25f9e794323b453885f5181f1b624d0b"
	even, uneven := map[string]string{"1": "4", "3": "1"}, map[string]string{"1": "3", "3": "1"}
	for _, c := range []struct {
		name   string
		header http.Header
		etag   string
		key    types.ServerSideEncryption
		sizes  map[string]string
		want   checksum
	}{
		{"nothing", nil, "", "", even, checksum{}},
		{"the ETag of one part", nil, md5sum, "AES256", even, checksum{"md5", md5sum, 0}},
		{"an ETag that is no MD5", nil, md5sum, "aws:kms", even, checksum{}},
		{"an ETag of another form", nil, "x" + md5sum, "", even, checksum{}},
		{"the ETag of even parts", nil, md5sum + "-3", "", even, checksum{"md5", md5sum, 4}},
		{"the ETag of uneven parts", nil, md5sum + "-3", "", uneven, checksum{}},
		{"one of the whole before a better one of parts", http.Header{"X-Amz-Checksum-Sha256": {"AAAA-3"}, "X-Amz-Checksum-Crc64nvme": {"/w=="}},
			md5sum, "", even, checksum{"crc64nvme", "ff", 0}},
		{"one of parts, with a customer key", http.Header{"X-Amz-Checksum-Crc32": {"/w==-3"}}, md5sum, "aws:kms", even, checksum{"crc32", "ff", 4}},
	} {
		head := &s3.HeadObjectOutput{ETag: aws.String(`"` + c.etag + `"`), ServerSideEncryption: c.key, ContentLength: aws.Int64(9)}
		got, err := storeWithParts(t, c.sizes).reportedChecksum(context.Background(), location{bucket: "b", key: "k"}, head, c.header)
		if got != c.want || err != nil {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
}

func compressed(t *testing.T, extra []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w := gzip.NewWriter(&file)
	w.Extra = extra
	if _, err := io.WriteString(w, "ACGT"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestDamagedGzipIsDetectedAndOtherFormatsAreAccepted(t *testing.T) {
	plain, block := compressed(t, nil), compressed(t, []byte("BC\x02\x00\x1b\x00"))
	flipped := bytes.Clone(plain)
	flipped[12] ^= 1
	for name, c := range map[string]struct {
		content []byte
		sound   bool
	}{
		"empty": {nil, true}, "text": {[]byte("ACGT"), true}, "gzip": {plain, true}, "two members": {append(bytes.Clone(plain), plain...), true},
		"zeros behind": {append(bytes.Clone(plain), make([]byte, 512)...), true}, "zeros between": {append(append(bytes.Clone(plain), 0, 0), plain...), true},
		"garbage behind zeros": {append(bytes.Clone(plain), "\x00\x00garbage"...), false}, "second member cut": {append(bytes.Clone(plain), plain[:12]...), false},
		"cut": {plain[:len(plain)-1], false}, "flipped": {flipped, false}, "tail": {append(bytes.Clone(plain), 'x'), false}, "head only": {plain[:3], false},
		"blocks": {append(bytes.Clone(block), bgzipEnd...), true}, "blocks, cut between two": {block, false},
	} {
		if err := verifyGzip(context.Background(), writeTemp(t, c.content)); (err == nil) != c.sound {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, tail := range []string{"x", "twelve bytes", "\x00\x00\x00x"} {
		err := verifyGzip(context.Background(), writeTemp(t, append(bytes.Clone(plain), tail...)))
		if err == nil || !strings.Contains(err.Error(), "bytes that are not gzip follow its gzip data") {
			t.Errorf("%q: %v", tail, err)
		}
	}
}

func TestAChecksumOfPartsIsSkippedOnlyIfTheStoreDoesNotReportParts(t *testing.T) {
	for status, fails := range map[int]bool{http.StatusBadRequest: false, http.StatusNotImplemented: false, http.StatusServiceUnavailable: true} {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef-2"`)
			w.Header().Set("Content-Length", "4")
			if r.URL.Query().Has("partNumber") {
				if fails {
					cancel() // otherwise job retries for minutes
				}
				w.WriteHeader(status)
			}
		})
		if found, err := store.head(ctx, location{bucket: "b", key: "k"}); (err != nil) != fails {
			t.Errorf("%d: %v, %v", status, found, err)
		}
	}
}
