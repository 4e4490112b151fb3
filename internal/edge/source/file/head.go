package file

import (
	"bytes"

	"filo/internal/edge/source/reading"
)

const (
	maxHeads    = 32
	maxHeadSize = 16 << 10
)

// heads is what stands at the beginning of a file and says what its columns
// mean: lines that begin with #, or the names of an export with commas. Who
// begins to read in the middle, or turns from one file to another, needs them.
type heads struct {
	lines [][]byte
	size  int
	block bool // the line before was one of them
}

// see notes a line if it is one of the heads; first says that the file begins
// with it.
func (h *heads) see(line []byte, first bool) {
	is := len(line) > 0 && line[0] == '#' || first && names(line)
	if is {
		if !h.block { // a service that starts again writes them anew
			h.lines, h.size = nil, 0
		}
		if len(h.lines) < maxHeads && h.size+len(line) <= maxHeadSize {
			h.lines = append(h.lines, bytes.Clone(line))
			h.size += len(line)
		}
	}
	h.block = is
}

// names reports whether a line looks like the names of columns: several, parted
// by one mark, without numbers that stand alone.
func names(line []byte) bool {
	for _, sep := range [...]byte{',', ';', '\t'} {
		if bytes.Count(line, []byte{sep}) < 2 {
			continue
		}
		for c := range bytes.SplitSeq(line, []byte{sep}) {
			c = bytes.Trim(c, `" `)
			if len(c) == 0 || len(c) > 64 || c[0] >= '0' && c[0] <= '9' || bytes.IndexByte(c, '=') >= 0 {
				return false
			}
		}
		return true
	}
	return false
}

// learn reads the heads of the open file, for reading that begins in its middle.
func (s *File) learn(b []byte, packed bool) {
	s.heads = heads{}
	enc, mark := reading.Sniff(b)
	if s.pos.Offset == 0 || packed || enc != reading.Bytes || len(b) <= mark {
		return
	}
	top := make([]byte, maxHeadSize)
	n, _ := s.f.ReadAt(top, 0)
	top = top[mark:n]
	for first := true; ; first = false {
		line, rest, whole := bytes.Cut(top, []byte{'\n'})
		line = bytes.TrimRight(line, "\r")
		if !whole || !first && (len(line) == 0 || line[0] != '#') {
			break
		}
		s.heads.see(line, first)
		top = rest
	}
	s.tellHeads()
}

// Heads lets f see the lines that say what the columns mean, whenever lines
// follow that are read by them and did not come right behind: after a restart,
// and when a set of files turns from one to another. They are not counted.
func (s *File) Heads(f func(line []byte)) { s.onHead = f }

func (s *File) tellHeads() {
	if s.onHead == nil {
		return
	}
	for _, l := range s.heads.lines {
		s.onHead(l)
	}
}

// Heads is that of File.
func (s *Set) Heads(f func(line []byte)) { s.onHead = f }

// turn is called before lines of a file are given.
func (s *Set) turn(name string) {
	if s.current == name || s.onHead == nil {
		return
	}
	s.current = name
	for _, l := range s.files[name].heads.lines {
		s.onHead(l)
	}
}
