// Command readers prints the documents of YAML streams as JSON, as kubectl's own YAML reader understands them.
//
// Standard input holds streams, one after another, each as its length in bytes, a line break and its bytes. For each
// stream one line of JSON is written: {"documents": [...]}, or {"error": "..."} where the reader refuses it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

type answer struct {
	Documents []json.RawMessage `json:"documents"`
	Error     string            `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	reader := bufio.NewReader(in)
	writer := bufio.NewWriter(out)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for {
		length, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) && length == "" {
			return writer.Flush()
		}
		if err != nil {
			return err
		}
		size, err := strconv.Atoi(strings.TrimSuffix(length, "\n"))
		if err != nil {
			return err
		}
		stream := make([]byte, size)
		if _, err := io.ReadFull(reader, stream); err != nil {
			return err
		}
		if err := encoder.Encode(read(stream)); err != nil {
			return err
		}
		if err := writer.Flush(); err != nil {
			return err
		}
	}
}

func read(stream []byte) answer {
	found := answer{Documents: []json.RawMessage{}}
	for _, document := range split(stream) {
		// Strict: duplicate keys are an error.
		data, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return answer{Error: err.Error()}
		}
		found.Documents = append(found.Documents, data)
	}
	return found
}

// split cuts a stream where kubectl does: at lines that begin with "---". A document without content is left out.
func split(stream []byte) [][]byte {
	stream = bytes.TrimPrefix(stream, []byte("\xef\xbb\xbf"))
	var documents [][]byte
	start := 0
	for at := 0; at < len(stream); {
		if at > start && bytes.HasPrefix(stream[at:], []byte("---")) && marks(stream[at+3:]) {
			documents = append(documents, stream[start:at])
			start = at
		}
		next := bytes.IndexByte(stream[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	return append(documents, stream[start:])
}

// marks tells whether "---" in front of the text is a mark of its own.
func marks(rest []byte) bool {
	return len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0
}
