package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"filo/internal/edge/source/reading"
)

// tops are the beginnings of exports that cloud services hand out as one JSON
// value: a list of objects, or an object that holds nothing but one.
var tops = [...]string{`[{`, `{"Records":[{`, `{"records":[{`, `{"value":[{`, `{"events":[{`}

// isArray tells such an export by its first bytes, blanks aside, and gives how
// many bytes there are before the first object.
func isArray(head []byte) (skip int, ok bool) {
	for _, top := range tops {
		i := 0
		for at, c := range head {
			if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
				continue
			}
			if c != top[i] {
				break
			}
			if i++; i == len(top) {
				return at, true
			}
		}
	}
	return 0, false
}

// array gives each object of a list as a line, without the blanks between its
// parts. An object longer than MaxLine is cut; what follows the list is nothing
// that a line could be.
func array(r *bufio.Reader, take func(line []byte, cut bool)) error {
	var line []byte
	depth, text, escaped, cut := 0, false, false, false
	for {
		c, err := r.ReadByte()
		if err != nil {
			if depth > 0 {
				take(line, cut)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		blank := c == ' ' || c == '\t' || c == '\r' || c == '\n'
		switch {
		case text:
			text = escaped || c != '"'
			escaped = !escaped && c == '\\'
			blank = false
		case c == '"':
			text = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return nil // the end of the list
			}
		}
		outside := depth == 0 && !text && c != '}' && c != ']'
		if blank || outside && c == ',' {
			continue
		}
		if len(line) < reading.MaxLine {
			line = append(line, c)
		} else {
			cut = true
		}
		if depth == 0 && !text {
			take(bytes.TrimSpace(line), cut)
			line, cut = line[:0], false
		}
	}
}
