package file

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filo/internal/edge/source/reading"
)

const (
	lookEvery = 2 * time.Second // for new files
	maxFiles  = 4096            // of one set
	maxOpen   = 64              // of them at a time
)

// LostTooMany is the reason why files of a set are not read.
const LostTooMany = "more files than one source follows"

// Set follows all logs of a folder, or all that a pattern with * and ? names;
// new ones are read from their beginning. Files that a rotation left behind are
// read only as the past of the one whose name they bear.
type Set struct {
	pattern string // a folder or a pattern
	history bool
	files   map[string]*File
	order   []string
	from    int // where the next Read begins, so that none starves
	looked  time.Time
	kept    map[string]reading.Position // of files not open yet
	gone    reading.Counters            // of files that are no more
	over    uint64
	current string // whose lines were given last
	onHead  func(line []byte)
}

// IsSet reports whether a path names several logs.
func IsSet(path string) bool {
	if strings.ContainsAny(path, "*?[") {
		if _, err := os.Stat(path); err != nil {
			return true
		}
	}
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// NewSet follows what pattern names. With fromEnd, what is in the files that
// are there now is passed over.
func NewSet(pattern string, pos reading.Position, history, fromEnd bool) (*Set, error) {
	s := &Set{pattern: pattern, history: history, files: map[string]*File{}, kept: maps.Clone(pos.Files)}
	if s.kept == nil {
		s.kept = map[string]reading.Position{}
	}
	if pos.Zero() && fromEnd {
		names, err := s.names()
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if p, err := AtEnd(n); err == nil {
				s.kept[n] = p
			}
		}
	}
	return s, s.look()
}

func (s *Set) names() ([]string, error) {
	if strings.ContainsAny(s.pattern, "*?[") {
		return filepath.Glob(s.pattern)
	}
	entries, err := os.ReadDir(s.pattern)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			out = append(out, filepath.Join(s.pattern, e.Name()))
		}
	}
	return out, nil
}

// look finds files that are new and forgets those that are gone and read.
func (s *Set) look() error {
	names, err := s.names()
	if err != nil {
		return err
	}
	s.over = 0
	there := map[string]bool{}
	for _, n := range names {
		if st, err := os.Stat(n); err != nil || !st.Mode().IsRegular() || s.past(n) {
			continue
		}
		if len(there) >= maxFiles {
			s.over++
			continue
		}
		there[n] = true
		if s.files[n] == nil {
			s.files[n] = New(n, s.kept[n], s.history && s.kept[n].Zero())
			s.order = append(s.order, n)
			delete(s.kept, n)
		}
	}
	s.order = slices.DeleteFunc(s.order, func(n string) bool {
		f := s.files[n]
		if there[n] || f.f != nil && f.Counters().Lag > 0 || len(neighbours(n)) > 0 {
			return false
		}
		s.gone.Add(f.Counters())
		f.Close()
		delete(s.files, n)
		return true
	})
	s.looked = time.Now()
	return nil
}

// past reports whether a file is the past of another log, there or gone for a
// moment; a compressed or numbered one that stands alone is a log of its own.
func (s *Set) past(name string) bool {
	for _, p := range parents(name) {
		if _, err := os.Stat(p); err == nil || s.files[p] != nil {
			return true
		}
	}
	return false
}

// Read takes lines from all files in turn.
func (s *Set) Read(most int, f func(line []byte) error) (int, error) {
	if time.Since(s.looked) > lookEvery {
		if err := s.look(); err != nil {
			return 0, err
		}
	}
	n := 0
	var errs []error
	for range s.order {
		if n >= most {
			break
		}
		s.from = (s.from + 1) % len(s.order)
		name := s.order[s.from]
		file := s.files[name]
		var inner error
		k, err := file.Read(most-n, func(line []byte) error {
			s.turn(name)
			inner = f(line)
			return inner
		})
		n += k
		if inner != nil {
			return n, inner
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		if len(s.order) > maxOpen && k == 0 {
			file.Close()
		}
	}
	return n, errors.Join(errs...)
}

// Position holds the place in each file.
func (s *Set) Position() reading.Position {
	m := maps.Clone(s.kept)
	for n, f := range s.files {
		m[n] = f.Position()
	}
	return reading.Position{Files: m}
}

// Rewind goes back in every file.
func (s *Set) Rewind(p reading.Position) error {
	for n, f := range s.files {
		if err := f.Rewind(p.Files[n]); err != nil {
			return err
		}
	}
	for n, old := range p.Files {
		if s.files[n] == nil {
			s.kept[n] = old
		}
	}
	return nil
}

// Counters sums up all files.
func (s *Set) Counters() reading.Counters {
	var c reading.Counters
	c.Add(s.gone)
	for _, f := range s.files {
		c.Add(f.Counters())
	}
	if s.over > 0 {
		c.Add(reading.Counters{Dropped: map[string]uint64{LostTooMany: s.over}})
	}
	return c
}

// Close closes all files.
func (s *Set) Close() {
	for _, f := range s.files {
		f.Close()
	}
}
