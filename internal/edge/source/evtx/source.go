package evtx

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filo/internal/edge/source/reading"
)

// settle is how long a file rests before it is read: it may still be copied.
const settle = 2 * time.Second

// Source reads the event log files of a folder, or one, and again what is new
// when one changes. Where it stands in a file is the pass it makes over it: the
// file's size and time, the record number up to which an earlier pass went, and
// how many records this one has given.
type Source struct {
	path  string
	pos   map[string]reading.Position
	tally reading.Tally
	lag   int64
	ended map[string]bool // files read to their end, by pass
}

// Open reads the files at path, a folder or one file, from pos on.
func Open(path string, pos reading.Position) (*Source, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("event log files: %w", err)
	}
	s := &Source{path: path, ended: map[string]bool{}}
	return s, s.Rewind(pos)
}

// Rewind goes back to a position kept before.
func (s *Source) Rewind(p reading.Position) error {
	s.pos = maps.Clone(p.Files)
	if s.pos == nil {
		s.pos = map[string]reading.Position{}
	}
	clear(s.ended)
	return nil
}

// Position is the pass over each file.
func (s *Source) Position() reading.Position { return reading.Position{Files: maps.Clone(s.pos)} }

// Counters gives the account; the lag is the bytes of files not read to their end.
func (s *Source) Counters() reading.Counters { return s.tally.Counters(s.lag) }

// Close does nothing: files are open only while they are read.
func (s *Source) Close() {}

func (s *Source) files() ([]string, error) {
	st, err := os.Stat(s.path)
	if err != nil || !st.IsDir() {
		return []string{s.path}, err
	}
	entries, err := os.ReadDir(s.path)
	var out []string
	for _, e := range entries {
		if strings.EqualFold(filepath.Ext(e.Name()), ".evtx") {
			out = append(out, filepath.Join(s.path, e.Name()))
		}
	}
	return out, err
}

// pass is one reading of a file as it was at a moment.
type pass struct {
	stamp string // size and time of the file
	after uint64 // records up to this number came with an earlier pass
	top   uint64 // the highest number given
	given int64
}

func (p pass) position() reading.Position {
	return reading.Position{Offset: p.given, Cursor: fmt.Sprintf("%s %d %d", p.stamp, p.after, p.top)}
}

func passOf(pos reading.Position) (p pass) {
	_, _ = fmt.Sscanf(pos.Cursor, "%s %d %d", &p.stamp, &p.after, &p.top)
	p.given = pos.Offset
	return p
}

// Read gives records of the files in turn, as JSON objects.
func (s *Source) Read(most int, f func(line []byte) error) (int, error) {
	names, err := s.files()
	if err != nil {
		return 0, err
	}
	n := 0
	var errs []error
	s.lag = 0
	for _, name := range names {
		st, err := os.Stat(name)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		if time.Since(st.ModTime()) < settle {
			s.lag += st.Size()
			continue
		}
		stamp := fmt.Sprintf("%d/%d", st.Size(), st.ModTime().UnixNano())
		if s.ended[name+stamp] {
			continue
		}
		if n >= most {
			s.lag += st.Size()
			continue
		}
		p := passOf(s.pos[name])
		if p.stamp != stamp {
			p = pass{stamp: stamp, after: p.top}
		}
		k, err := s.read(name, st.Size(), p, most-n, f)
		n += k
		var stop *refused
		if errors.As(err, &stop) {
			return n, stop.error
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return n, errors.Join(errs...)
}

// refused carries an error of whoever takes the lines.
type refused struct{ error }

var errEnough = errors.New("enough for now")

func (s *Source) read(name string, size int64, p pass, most int, f func([]byte) error) (n int, err error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	// What a pass notes is told once, when it ends.
	var notes reading.Tally
	seen := int64(0)
	r := Reader{Tally: &notes}
	r.Skip = func(id uint64) bool {
		if id <= p.after {
			return true
		}
		seen++
		return seen <= p.given
	}
	if p.after > 0 && s.begunAnew(file, size, p.after) {
		p.after = 0
	}
	err = r.File(file, size, func(x Record) error {
		if n >= most {
			return errEnough
		}
		line, cut := x.Line, false
		if len(line) > reading.MaxLine {
			line, cut = reading.Whole(line[:reading.MaxLine]), true
		}
		if err := f(line); err != nil {
			return &refused{err}
		}
		n++
		p.given++
		p.top = max(p.top, x.ID)
		s.tally.Read(1)
		if cut {
			s.tally.Cut(1)
		}
		return nil
	})
	p.top = max(p.top, p.after)
	s.pos[name] = p.position()
	if errors.Is(err, errEnough) {
		s.lag += size
		return n, nil
	}
	var stop *refused
	if errors.As(err, &stop) {
		return n, err
	}
	s.ended[name+p.stamp] = true
	c := notes.Counters(0)
	for k, m := range c.Dropped {
		s.tally.Drop(k, m)
	}
	for k, m := range c.Notes {
		s.tally.Note(k, m)
	}
	return n, err
}

// begunAnew reports whether no record of the file is as young as one given
// before: the log was cleared and counts from one again.
func (s *Source) begunAnew(file *os.File, size int64, after uint64) bool {
	var ids []uint64
	r := Reader{Skip: func(id uint64) bool { ids = append(ids, id); return true }}
	if err := r.File(file, size, func(Record) error { return nil }); err != nil || len(ids) == 0 {
		return false
	}
	return slices.Max(ids) < after
}
