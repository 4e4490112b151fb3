// Package source follows the logs of a machine. A file is followed across
// rotation by rename, truncation and restarts: where reading stopped is a
// Position, which the agent keeps together with what the lines made it count.
package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// MaxLine is the longest line read, in bytes; the rest of a longer one is
// passed over and counted.
const MaxLine = 64 << 10

// headSize is how many first bytes tell a file from another that took its name.
const headSize = 256

// Position is where reading stopped. Head is the checksum of the first HeadLen
// bytes of the file.
type Position struct {
	Offset  int64  `json:"offset"`
	Head    uint32 `json:"head"`
	HeadLen int    `json:"head_len"`
}

// File follows one file. It is not safe for several goroutines.
type File struct {
	Path string
	pos  Position
	f    *os.File
	r    *bufio.Reader
	part []byte // an unfinished last line
	skip bool   // inside a line that was cut
	Cut  uint64 // lines that were longer than MaxLine
}

// NewFile begins where pos says; the zero Position is the beginning of the file.
func NewFile(path string, pos Position) *File { return &File{Path: path, pos: pos} }

// AtEnd gives the position behind what is in the file now, for those who do not
// want the past.
func AtEnd(path string) (Position, error) {
	f, err := os.Open(path)
	if err != nil {
		return Position{}, err
	}
	defer f.Close()
	n, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return Position{}, err
	}
	sum, l, err := head(f)
	return Position{n, sum, l}, err
}

func head(f *os.File) (uint32, int, error) {
	b := make([]byte, headSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	return crc32.ChecksumIEEE(b[:n]), n, nil
}

// Position gives where reading stopped: behind the last whole line.
func (s *File) Position() Position {
	p := s.pos
	p.Offset -= int64(len(s.part))
	return p
}

// open opens the file and finds out whether it is the one read before.
func (s *File) open() error {
	f, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	if !st.Mode().IsRegular() {
		f.Close()
		return fmt.Errorf("%s is no regular file", s.Path)
	}
	if !s.same(f, st.Size()) {
		s.pos = Position{}
	}
	if s.pos.HeadLen < headSize {
		if s.pos.Head, s.pos.HeadLen, err = head(f); err != nil {
			f.Close()
			return err
		}
	}
	if _, err := f.Seek(s.pos.Offset, io.SeekStart); err != nil {
		f.Close()
		return err
	}
	s.f, s.r = f, bufio.NewReaderSize(f, 64<<10)
	s.part, s.skip = nil, false
	return nil
}

// same reports whether f still begins as the file read before, and is as long.
func (s *File) same(f *os.File, size int64) bool {
	if s.pos.Offset > size {
		return false
	}
	if s.pos.HeadLen == 0 {
		return true
	}
	b := make([]byte, s.pos.HeadLen)
	n, _ := f.ReadAt(b, 0)
	return n == s.pos.HeadLen && crc32.ChecksumIEEE(b) == s.pos.Head
}

// Read gives f the whole lines that came since the last call, up to most of
// them, and how many they were. The line is valid only during the call. A file
// that took the place of the old one is read after the rest of the old one.
func (s *File) Read(most int, f func(line []byte) error) (int, error) {
	n := 0
	for n < most {
		if s.f == nil {
			if err := s.open(); err != nil {
				return n, err
			}
		}
		line, whole, err := s.line()
		if whole {
			n++
			if err := f(line); err != nil {
				return n, err
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		gone, err := s.replaced()
		if err != nil || !gone {
			return n, err
		}
	}
	return n, nil
}

// line gives the next whole line without its end.
func (s *File) line() ([]byte, bool, error) {
	for {
		b, err := s.r.ReadSlice('\n')
		s.pos.Offset += int64(len(b))
		if s.skip {
			if err == nil {
				s.skip = false
			} else if errors.Is(err, io.EOF) {
				return nil, false, err
			}
			continue
		}
		s.part = append(s.part, b...)
		switch {
		case err == nil:
			line := bytes.TrimRight(s.part, "\r\n")
			s.part = s.part[:0]
			if len(line) > MaxLine {
				s.Cut++
				line = line[:MaxLine]
			}
			return line, true, nil
		case len(s.part) > MaxLine:
			s.Cut++
			s.skip = true
			line := s.part[:MaxLine]
			s.part = s.part[:0]
			return line, true, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		default:
			return nil, false, err
		}
	}
}

// replaced finds out, at the end of the file, whether the name now means
// another file or the file was cut short; then the next Read begins anew.
func (s *File) replaced() (bool, error) {
	st, err := os.Stat(s.Path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // between rename and the new file
	}
	if err != nil {
		return false, err
	}
	mine, err := s.f.Stat()
	if err != nil {
		return false, err
	}
	if os.SameFile(st, mine) && st.Size() >= s.pos.Offset && s.same(s.f, st.Size()) {
		if s.pos.HeadLen < headSize {
			s.pos.Head, s.pos.HeadLen, err = head(s.f)
		}
		return false, err
	}
	s.f.Close()
	s.f, s.pos, s.part = nil, Position{}, nil
	return true, nil
}

// Close closes the file.
func (s *File) Close() {
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
}
