// Package file follows the log files of a Comune's machines. A file is followed
// across rotation by rename, copy and truncation, compression, and the agent's
// own absence: what was written while nobody read is looked for in the rotated
// files beside it, and what cannot be found is counted.
package file

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"filo/internal/edge/source/reading"
)

// headSize is how many first bytes tell a file from another that took its name.
const headSize = 256

// inCut is the cursor of a position inside a line that was cut: its rest is
// passed over.
const inCut = "cut"

// Why something was not given.
const (
	LostRotated = "rotated away while nobody read"
	LostDamaged = "damaged compression"
)

// File follows one log. Position describes the file that is being read: the one
// that bears the name, or a rotated one beside it that comes before.
type File struct {
	Path    string
	pos     reading.Position
	history bool   // read the rotated files first, when nothing was read yet
	current string // what is open, or comes next
	fresh   bool   // current is read from its beginning; pos is still the end of the one before
	info    os.FileInfo
	f       *os.File
	s       *reading.Splitter
	packed  bool
	broken  bool // compression is damaged, which was counted
	undo    func()
	leaving bool // another file bears the name; one more look at this one
	heads   heads
	onHead  func(line []byte)
	tally   reading.Tally
}

// New begins where pos says; the zero Position is the beginning of the file, or
// with history of the oldest rotated file beside it.
func New(path string, pos reading.Position, history bool) *File {
	return &File{Path: path, pos: pos, history: history}
}

// AtEnd gives the position behind what is in the file now, for those who do not
// want the past.
func AtEnd(path string) (reading.Position, error) {
	f, err := share(path)
	if err != nil {
		return reading.Position{}, err
	}
	defer f.Close()
	n, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return reading.Position{}, err
	}
	b, _, err := head(f, headSize)
	return reading.Position{Offset: n, Head: sum(b), HeadLen: len(b)}, err
}

// head gives the first n bytes of a file, uncompressed, and whether they had
// to be.
func head(f *os.File, n int) ([]byte, bool, error) {
	b := make([]byte, headSize)
	got, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) || !reading.Packed(b[:got]) {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return b[:min(got, n)], false, err
	}
	r, _, undo, err := reading.Plain(io.NewSectionReader(f, 0, 1<<62))
	defer undo()
	if err != nil {
		return nil, true, err
	}
	if got, err = io.ReadFull(r, b); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return b[:min(got, n)], true, err
}

// Position gives where reading stopped: behind the last whole line.
func (s *File) Position() reading.Position {
	p := s.pos
	p.Cursor = ""
	if s.s != nil {
		p.Offset = s.s.Kept()
		if s.s.Skip {
			p.Cursor = inCut
		}
	} else {
		p.Cursor = s.pos.Cursor
	}
	return p
}

// Rewind goes back to a position kept before.
func (s *File) Rewind(p reading.Position) error {
	s.shut()
	s.pos, s.current, s.fresh = p, "", false
	return nil
}

// Counters gives the account; the lag is what the open file holds behind the
// last line, without the files that come after it.
func (s *File) Counters() reading.Counters {
	var lag int64
	if s.f != nil && !s.packed {
		if st, err := s.f.Stat(); err == nil {
			lag = max(0, st.Size()-s.s.Kept())
		}
	}
	return s.tally.Counters(lag)
}

// Read gives f the whole lines that came since the last call. A file that took
// the place of the old one is read after the rest of the old one.
func (s *File) Read(most int, f func(line []byte) error) (int, error) {
	n := 0
	for n < most {
		if s.f == nil {
			if err := s.open(); err != nil {
				return n, err
			}
		}
		line, cut, err := s.s.Line()
		if err == nil {
			s.leaving = false
			if err := s.give(line, cut, f); err != nil {
				s.again()
				return n, err
			}
			n++
			continue
		}
		if !errors.Is(err, io.EOF) {
			if !s.packed {
				return n, err
			}
			if !s.broken {
				s.broken = true
				s.tally.Drop(LostDamaged, 1)
			}
		}
		more, k, err := s.atEnd(f)
		n += k
		if err != nil || !more {
			return n, err
		}
	}
	return n, nil
}

func (s *File) give(line []byte, cut bool, f func([]byte) error) error {
	if err := f(line); err != nil {
		return err
	}
	s.heads.see(line, s.s.Start() == 0)
	s.tally.Read(1)
	if cut {
		s.tally.Cut(1)
	}
	return nil
}

// again lets the line given last come again.
func (s *File) again() {
	start := s.s.Start()
	s.shut()
	s.pos.Offset, s.pos.Cursor = start, ""
}

// open opens the file that reading goes on in.
func (s *File) open() error {
	if s.current == "" {
		if err := s.plan(); err != nil {
			return err
		}
	}
	f, err := share(s.current)
	if err != nil {
		if s.current != s.Path && errors.Is(err, os.ErrNotExist) { // rotated once more
			s.current, s.fresh = "", false
		}
		return err
	}
	if err := s.begin(f); err != nil {
		f.Close()
		if s.current != s.Path {
			s.tally.Drop(LostDamaged, 1)
			s.next()
			return nil
		}
		return err
	}
	return nil
}

func (s *File) begin(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", s.current)
	}
	s.info = st
	b, packed, err := head(f, headSize)
	if err != nil {
		return fmt.Errorf("%s: %w", s.current, err)
	}
	if s.fresh {
		s.pos, s.fresh = reading.Position{}, false
	}
	if s.pos.HeadLen < headSize {
		s.pos.Head, s.pos.HeadLen = sum(b), len(b)
	}
	if !packed {
		if _, err := f.Seek(s.pos.Offset, io.SeekStart); err != nil {
			return err
		}
	}
	r, undo, err := s.stream(f, packed)
	if err != nil {
		return err
	}
	enc, _ := reading.Sniff(b)
	s.s = reading.NewSplitter(r, s.pos.Offset, enc, s.pos.Cursor == inCut)
	s.f, s.packed, s.undo, s.broken, s.leaving = f, packed, undo, false, false
	s.learn(b, packed)
	return nil
}

// shut closes what is open and keeps the position.
func (s *File) shut() {
	if s.f == nil {
		return
	}
	s.pos = s.Position()
	s.undo()
	s.f.Close()
	s.f, s.s, s.current = nil, nil, ""
}

// Close closes the file.
func (s *File) Close() { s.shut() }

// same reports whether the file at path begins as the position says and is long
// enough to hold it.
func same(path string, p reading.Position) bool {
	f, err := share(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b, packed, err := head(f, p.HeadLen)
	if err != nil || !fits(b, p) {
		return false
	}
	st, err := f.Stat()
	return err == nil && (packed || st.Size() >= p.Offset)
}

// fits reports whether a file that begins with b may be the one of a position.
func fits(b []byte, p reading.Position) bool {
	return len(b) >= p.HeadLen && sum(b[:p.HeadLen]) == p.Head
}

func sum(b []byte) uint32 { return crc32.ChecksumIEEE(b) }
