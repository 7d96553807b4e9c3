package cli

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"

	"github.com/larder-go/larder/store"
)

// maxLine bounds a line of an export: a value of 512 MiB, the most that any store takes, as base64.
const maxLine = 1 << 30

// exportReader reads an export line by line, in the memory that one takes.
type exportReader struct {
	in     *bufio.Reader
	sum    hash.Hash // of all lines but the trailer
	header exportHeader
	line   []byte
	n      int            // lines read
	count  int            // those between header and trailer
	good   int64          // length of the lines that were accepted
	end    *exportTrailer // if it was there
	wrong  error          // what is wrong with the file as a whole
}

// readExport reads the header.
func readExport(in io.Reader) (*exportReader, error) {
	r := &exportReader{in: bufio.NewReaderSize(in, 64<<10), sum: sha256.New()}
	whole, err := r.next()
	if err != nil && err != io.EOF {
		return nil, err
	}
	if r.header, err = parseHeader(r.line); err != nil {
		return nil, err
	}
	if !whole {
		return nil, &failure{exitError, errCut, adviceOnCut}
	}
	r.accept()
	return r, nil
}

var errCut = errors.New("the export ends before its last line: it was cut off, or is not finished")

const adviceOnCut = "larder export --resume finishes one; what is there is imported"

// next reads a line, and reports whether it was whole: whether it had an end.
func (r *exportReader) next() (whole bool, err error) {
	r.line = r.line[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		if len(r.line)+len(part) > maxLine {
			return false, &failure{exitError, fmt.Errorf("line %d is longer than any export's", r.n+1), "this is no export of larder, or a damaged one"}
		}
		r.line = append(r.line, part...)
		switch {
		case err == nil:
			r.n++
			return true, nil
		case err == io.EOF && len(r.line) > 0:
			r.n++
			return false, nil
		case err != bufio.ErrBufferFull:
			return false, err
		}
	}
}

// accept counts the line as one that is whole.
func (r *exportReader) accept() {
	r.sum.Write(r.line)
	r.good += int64(len(r.line))
}

// entries yields what the lines hold, with an error that wraps ErrCorrupt for each that cannot be read. What is wrong with the file as a whole
// is known after the last, in r.wrong.
func (r *exportReader) entries() iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for {
			whole, err := r.next()
			if err == io.EOF && r.end == nil {
				r.wrong = &failure{exitPartial, errCut, adviceOnCut}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			if r.end != nil {
				r.wrong = &failure{exitPartial, fmt.Errorf("line %d stands behind the last line of the export", r.n), "it was not imported; is the file two in one?"}
				return
			}
			if !whole { // also where it seems to be all there: the next byte may be missing
				r.wrong = &failure{exitPartial, errCut, adviceOnCut}
				return
			}
			e, end, err := parseLine(r.line)
			if end != nil {
				r.finish(end)
				continue
			}
			r.count++
			r.accept()
			if !yield(e, err) {
				return
			}
		}
	}
}

// finish compares the trailer with what was read.
func (r *exportReader) finish(end *exportTrailer) {
	r.end = end
	const hint = "what could be read was imported; look for another copy of the file"
	switch {
	case end.Count != r.count:
		r.wrong = &failure{exitPartial, fmt.Errorf("the export has %s, but says that there were %s", entries(r.count), thousands(end.Count)), hint}
	case end.SHA256 != hex.EncodeToString(r.sum.Sum(nil)):
		r.wrong = &failure{exitPartial, errors.New("the export does not have the checksum that it says: it was changed"), hint}
	}
}
