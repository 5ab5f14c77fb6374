package main

import (
	"fmt"
	"os"
	"path"
	"strings"
	"unicode"
)

// inputListVariable names the file that tells the command which objects its inputs are.
const inputListVariable = "JOB_INPUT_LIST"

// writeInputList writes a line for each input, with tabs between its name in the working folder, URI, size, ETag and SHA-256. A value that
// is not known is "-". The URI is percent-encoded as in JOB_INPUTS.
func writeInputList(file string, inputs []object) error {
	var list strings.Builder
	for _, input := range inputs {
		name := percentEncode(path.Base(input.Key), func(r rune) bool { return unicode.IsControl(r) })
		uri := percentEncode(input.location().String(), func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("%*?[]", r)
		})
		fmt.Fprintf(&list, "%s\t%s\t%d\t%s\t%s\n", name, uri, input.Size, orDash(input.ETag), orDash(input.SHA256))
	}
	return os.WriteFile(file, []byte(list.String()), 0o644)
}

func orDash(value string) string {
	if value == "" {
		return "-"
	}
	return value
}

// percentEncode encodes the characters that match, and leaves all others.
func percentEncode(text string, matches func(rune) bool) string {
	var encoded strings.Builder
	for _, r := range text {
		if !matches(r) {
			encoded.WriteRune(r)
			continue
		}
		for _, b := range []byte(string(r)) {
			fmt.Fprintf(&encoded, "%%%02X", b)
		}
	}
	return encoded.String()
}
