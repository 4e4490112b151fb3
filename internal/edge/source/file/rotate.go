package file

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"

	"filo/internal/edge/source/reading"
)

// plan finds the file in which the position lies: the one that bears the name,
// or a rotated one, after which the younger ones and the name itself follow.
func (s *File) plan() error {
	_, err := os.Stat(s.Path)
	if s.pos.Zero() {
		s.current = s.Path
		if near := neighbours(s.Path); s.history && len(near) > 0 {
			s.current, err = near[0].path, nil
		}
		return err
	}
	if err == nil && same(s.Path, s.pos) {
		s.current = s.Path
		return nil
	}
	if s.pos.HeadLen > 0 {
		near := neighbours(s.Path)
		if i := holder(near, s.pos); i >= 0 {
			s.current = near[i].path
			return nil
		}
	}
	if err != nil {
		return err
	}
	s.tally.Drop(LostRotated, 1)
	s.pos, s.current = reading.Position{}, s.Path
	return nil
}

// holder finds the file of a position among rotated ones; of two that begin
// alike, the younger holds it. It gives -1 when there is none.
func holder(near []neighbour, p reading.Position) int {
	for i := len(near) - 1; i >= 0; i-- {
		if same(near[i].path, p) {
			return i
		}
	}
	return -1
}

// next turns to the file that comes after the one read to its end: the next
// younger rotated one, or the one that bears the name. Files may have been
// renamed since, so the one that ended is looked for by what it is.
func (s *File) next() {
	if s.f != nil {
		if st, err := s.f.Stat(); err == nil { // with the time of its last line
			s.info = st
		}
	}
	s.shut()
	s.current, s.fresh = s.Path, true
	near := neighbours(s.Path)
	i := slices.IndexFunc(near, func(n neighbour) bool { return os.SameFile(n.info, s.info) })
	if i < 0 && s.pos.HeadLen > 0 {
		i = holder(near, s.pos)
	}
	for j, n := range near {
		switch {
		case i >= 0 && (j <= i || unpacked(n.path) == unpacked(near[i].path)): // older, or being compressed just now
		case i < 0 && !n.info.ModTime().After(s.info.ModTime()):
		default:
			s.current = n.path
			return
		}
	}
}

// stream gives the plain bytes of f from the position on.
func (s *File) stream(f *os.File, packed bool) (*bufio.Reader, func(), error) {
	if !packed {
		return bufio.NewReaderSize(f, reading.MaxLine), func() {}, nil
	}
	r, _, undo, err := reading.Plain(f)
	if err == nil {
		if _, err = io.CopyN(io.Discard, r, s.pos.Offset); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		undo()
		return nil, nil, err
	}
	return r, undo, nil
}

// atEnd decides, at the end of the open file, what comes next; more says that
// reading goes on. A file that will not grow gives its last line, whole or not.
func (s *File) atEnd(f func([]byte) error) (more bool, n int, err error) {
	if s.current != s.Path {
		if n, err = s.lastLine(f); err == nil {
			s.next()
		}
		return err == nil, n, err
	}
	st, err := os.Stat(s.Path)
	if errors.Is(err, os.ErrNotExist) {
		return false, 0, nil // between rename and the new file
	}
	if err != nil {
		return false, 0, err
	}
	mine, err := s.f.Stat()
	if err != nil {
		return false, 0, err
	}
	if !os.SameFile(st, mine) {
		switch {
		case st.Size() == 0: // whoever writes may still write to the old one
			return false, 0, nil
		case !s.leaving:
			s.leaving = true
			return true, 0, nil
		}
		if n, err = s.lastLine(f); err != nil {
			return false, n, err
		}
		s.next()
		return true, n, nil
	}
	if s.packed {
		n, err = s.lastLine(f)
		return false, n, err
	}
	return s.grown(st.Size())
}

// grown looks at the open file itself: it grew, rests, or was cut short and is
// read anew, after the copy that was made of it, if one is found.
func (s *File) grown(size int64) (more bool, n int, err error) {
	p := s.pos
	p.Offset = s.s.Offset
	b, _, err := head(s.f, headSize)
	if err != nil {
		return false, 0, err
	}
	if size >= p.Offset && fits(b, p) {
		if s.pos.HeadLen < headSize {
			s.pos.Head, s.pos.HeadLen = sum(b), len(b)
		}
		return false, 0, nil
	}
	s.shut()
	near := neighbours(s.Path)
	if i := holder(near, s.pos); s.pos.HeadLen > 0 && i >= 0 {
		s.current = near[i].path
	} else {
		s.current, s.fresh = s.Path, true
	}
	return true, 0, nil
}

// lastLine gives what stands behind the last line end of a file that has ended.
func (s *File) lastLine(f func([]byte) error) (int, error) {
	line, ok := s.s.Rest()
	if !ok {
		return 0, nil
	}
	if err := s.give(line, false, f); err != nil {
		s.again()
		return 0, err
	}
	return 1, nil
}
