package reading

import (
	"bufio"
	"bytes"
	"errors"
)

// Splitter takes a stream of text apart into lines, whatever the encoding, and
// knows at every moment how far it came.
type Splitter struct {
	Offset int64    // behind what was taken from the stream
	Enc    Encoding // of the stream, when Offset is not 0
	Skip   bool     // inside a line that was cut
	r      *bufio.Reader
	part   []byte // of a line that is not whole yet
	text   []byte
	start  int64 // of the line given last
	newest byte
	last   byte // the one before it
	half   bool // the first byte of a line end of UTF-16 was taken
	mark   int
}

// NewSplitter begins at an offset of the stream, to which r has been brought.
func NewSplitter(r *bufio.Reader, offset int64, e Encoding, skip bool) *Splitter {
	return &Splitter{r: r, Offset: offset, Enc: e, Skip: skip}
}

// Kept is the offset behind the last whole line.
func (s *Splitter) Kept() int64 { return s.Offset - int64(len(s.part)) }

// Start is the offset at which the line given last begins.
func (s *Splitter) Start() int64 { return s.start }

// Line gives the next whole line as UTF-8 without its end; cut says that it was
// longer than MaxLine. At the end of the stream it gives the reader's error, and
// goes on from there when the stream has grown.
func (s *Splitter) Line() (line []byte, cut bool, err error) {
	for {
		if s.Offset == 0 {
			head, _ := s.r.Peek(256)
			s.Enc, s.mark = Sniff(head)
		}
		if len(s.part) == 0 && !s.half {
			s.start = s.Offset
		}
		end, err := s.chunk()
		limit := MaxLine
		if s.Enc != Bytes {
			limit *= 2
		}
		switch {
		case s.Skip && end:
			s.Skip = false
		case s.Skip && err == nil:
		case end:
			line, cut := s.give()
			return line, cut, nil
		case len(s.part) > limit:
			line, _ := s.give()
			s.Skip = true
			return line, true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}

// Rest gives what stands behind the last line end, when the stream has ended
// for good.
func (s *Splitter) Rest() (line []byte, ok bool) {
	s.half = false
	if len(s.part) == 0 {
		return nil, false
	}
	line, _ = s.give()
	return line, true
}

// chunk takes more of the stream and reports whether a line ends there.
func (s *Splitter) chunk() (end bool, err error) {
	if !s.half {
		b, err := s.r.ReadSlice('\n')
		s.take(b)
		if errors.Is(err, bufio.ErrBufferFull) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	low := (s.Offset-1)&1 == 0
	switch {
	case s.Enc == Bytes:
		return true, nil
	case s.Enc == UTF16BE:
		return !low && s.last == 0, nil
	case !low:
		return false, nil
	}
	s.half = true
	c, err := s.r.ReadByte()
	if err != nil {
		return false, err
	}
	s.half = false
	s.take([]byte{c})
	return c == 0, nil
}

func (s *Splitter) take(b []byte) {
	s.Offset += int64(len(b))
	switch n := len(b); {
	case n > 1:
		s.last, s.newest = b[n-2], b[n-1]
	case n == 1:
		s.last, s.newest = s.newest, b[0]
	}
	if !s.Skip {
		s.part = append(s.part, b...)
	}
}

func (s *Splitter) give() (line []byte, cut bool) {
	line = s.part
	s.part = s.part[:0]
	if s.start == 0 {
		line = line[min(s.mark, len(line)):]
	}
	if s.Enc != Bytes {
		s.text = FromUTF16(s.text[:0], line, s.Enc)
		line = s.text
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > MaxLine {
		line, cut = Whole(line[:MaxLine]), true
	}
	return Text(line, &s.text), cut
}
