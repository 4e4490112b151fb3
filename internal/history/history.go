// Package history remembers which technical values a Comune's logs carried, when,
// how often, in which log: the look-back that answers "were we hit too?" without
// any line leaving the machine. It keeps 64-bit keys, never the values.
//
// What grows is in memory and in a journal; an hour that ended becomes an
// immutable segment, the hours of a day one segment, thirty days one. Retention
// deletes whole segments, by age and by room on the disk.
package history

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"filo/internal/observable"
	"filo/internal/spool"
)

// Keep is how long the look-back reaches when nothing else is asked for.
const Keep = 90 * 24 * time.Hour

// The limits of what is open at one time.
const (
	maxTables  = 32
	maxEntries = 300_000
	late       = 26 * time.Hour // an older line goes to the table of its day
)

// Options say how far the look-back reaches; zero values are the defaults.
type Options struct {
	Keep   time.Duration // Keep
	Budget int64         // bytes on disk; 0: no limit
}

// Mark says how much of each journal belongs to what the caller has kept. The
// caller keeps it together with the positions of its logs, and gives it to Open:
// then a crash counts no line twice.
type Mark map[string]int64

// History is an open look-back, safe for several goroutines.
type History struct {
	dir  string
	seed observable.Seed
	opt  Options

	mu      sync.RWMutex
	tables  map[string]*table // by span
	segs    []*segment        // oldest first
	next    int               // number of the next file
	entries int               // in all tables

	tidying sync.Mutex
	damaged []string // files set aside since Open
	tooOld  uint64   // lines not remembered: older than Keep
	evicted int      // segments deleted for lack of room
}

// Open opens the look-back in dir, whose keys were made with seed. A nil mark
// takes the journals whole.
func Open(dir string, seed observable.Seed, opt Options, mark Mark) (*History, error) {
	if opt.Keep == 0 {
		opt.Keep = Keep
	}
	h := &History{dir: dir, seed: seed, opt: opt, tables: map[string]*table{}, next: 1}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if err := h.load(mark); err != nil {
		h.Close()
		return nil, fmt.Errorf("history: %w", err)
	}
	return h, nil
}

func (h *History) load(mark Mark) error {
	list, err := os.ReadDir(h.dir)
	if err != nil {
		return err
	}
	var old []string
	journals := map[string]bool{}
	for _, f := range list {
		stem, ext, _ := strings.Cut(f.Name(), ".")
		h.next = max(h.next, number(stem)+1)
		switch {
		case strings.HasSuffix(f.Name(), ".new"): // what a crash left half written
			err = errors.Join(err, os.Remove(filepath.Join(h.dir, f.Name())))
		case ext == "seg":
			s, err := openSegment(filepath.Join(h.dir, f.Name()))
			if errors.Is(err, spool.ErrDamaged) {
				err = h.setAside(f.Name())
			} else if err == nil {
				h.segs = append(h.segs, s)
			}
			if err != nil {
				return err
			}
		case ext == "journal":
			journals[stem] = true
		case ext == "" && len(stem) == len(oldLayout):
			old = append(old, stem)
		}
	}
	if err != nil {
		return err
	}
	if old, err = h.dropReplaced(journals, old); err != nil {
		return err
	}
	for stem := range journals {
		t, err := openTable(h.dir, stem, mark)
		if errors.Is(err, spool.ErrDamaged) {
			err = h.setAside(stem + ".journal")
		}
		if err != nil {
			return err
		}
		if t != nil {
			name := t.span.name()
			if h.tables[name] != nil {
				name = stem // grows no more
			}
			h.tables[name] = t
			h.entries += len(t.entries)
		}
	}
	h.sort()
	return h.readOld(old)
}

// dropReplaced deletes what a segment took the place of, in case a crash came
// between the two; it gives the old files that are left.
func (h *History) dropReplaced(journals map[string]bool, old []string) ([]string, error) {
	gone := map[string]bool{}
	for _, s := range h.segs {
		if journals[s.stem()] {
			delete(journals, s.stem())
			if err := os.Remove(filepath.Join(h.dir, s.stem()+".journal")); err != nil {
				return nil, err
			}
		}
		for _, r := range s.meta.Replaces {
			gone[r] = true
		}
	}
	var err error
	h.segs = slices.DeleteFunc(h.segs, func(s *segment) bool {
		if gone[s.stem()] {
			err = errors.Join(err, s.remove())
		}
		return gone[s.stem()]
	})
	old = slices.DeleteFunc(old, func(name string) bool {
		if gone[name] {
			err = errors.Join(err, os.Remove(filepath.Join(h.dir, name)))
		}
		return gone[name]
	})
	return old, err
}

func (h *History) setAside(name string) error {
	h.damaged = append(h.damaged, name)
	return os.Rename(filepath.Join(h.dir, name), filepath.Join(h.dir, name+".damaged"))
}

func (h *History) sort() {
	slices.SortFunc(h.segs, func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.span.first, b.span.first), cmp.Compare(a.path, b.path))
	})
}

// Peek opens the look-back in dir to ask it, beside an agent that goes on writing
// it: nothing is changed, and nothing can be added.
func Peek(dir string, seed observable.Seed) (*History, error) {
	h := &History{dir: dir, seed: seed, tables: map[string]*table{}}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	rolled, gone := map[string]bool{}, map[string]bool{}
	for _, f := range list {
		if stem, ext, _ := strings.Cut(f.Name(), "."); ext == "seg" {
			s, err := openSegment(filepath.Join(dir, f.Name()))
			if errors.Is(err, os.ErrNotExist) {
				continue // merged meanwhile
			}
			if err != nil {
				h.Close()
				return nil, fmt.Errorf("history: %s: %w", f.Name(), err)
			}
			h.segs = append(h.segs, s)
			rolled[stem] = true
			for _, r := range s.meta.Replaces {
				gone[r] = true
			}
		}
	}
	h.segs = slices.DeleteFunc(h.segs, func(s *segment) bool {
		if gone[s.stem()] {
			s.close() // merged, and not deleted yet
		}
		return gone[s.stem()]
	})
	for _, f := range list {
		stem, ext, _ := strings.Cut(f.Name(), ".")
		s, ok := parseSpan(stem)
		if ext != "journal" || !ok || rolled[stem] || gone[stem] {
			continue
		}
		t := blank(dir, stem, s)
		if err := spool.ReadJournal(t.path, t.records); err == nil {
			h.tables[stem] = t
		}
	}
	h.sort()
	return h, nil
}

// Close closes the files. What was added since the last Flush is lost.
func (h *History) Close() {
	h.tidying.Lock()
	defer h.tidying.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.tables {
		if t.journal != nil {
			t.journal.Close()
		}
	}
	for _, s := range h.segs {
		s.close()
	}
	h.tables, h.segs = map[string]*table{}, nil
}

// Line notes that one line of a log was read at now, whose own time is at, with
// the keys of the values in it. A line of the future counts as of now.
func (h *History) Line(now, at time.Time, log string, keys []observable.Key) error {
	if at.After(now) {
		at = now
	}
	age := now.Sub(at)
	h.mu.Lock()
	defer h.mu.Unlock()
	if age > h.opt.Keep {
		h.tooOld++
		return nil
	}
	s := hourSpan(at)
	if age > late {
		s = daySpan(at)
	}
	t, err := h.table(s)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	before := len(t.entries)
	t.line(at, log, keys)
	h.entries += len(t.entries) - before
	return nil
}

// table gives the growing table of a span; the caller holds mu.
func (h *History) table(s span) (*table, error) {
	if t, ok := h.tables[s.name()]; ok {
		return t, nil
	}
	t, err := newTable(h.dir, fmt.Sprintf("%s-%06d", s.name(), h.next), s)
	if err != nil {
		return nil, err
	}
	h.next++
	h.tables[s.name()] = t
	return t, nil
}

// Flush brings what was added to disk and gives the mark up to which it counts.
func (h *History) Flush() (Mark, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := Mark{}
	for _, t := range h.tables {
		if err := t.flush(); err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		m[t.stem] = t.journal.Size()
	}
	return m, nil
}

// Full reports that so much is open that Roll should run before more is added.
func (h *History) Full() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.entries > maxEntries || len(h.tables) > maxTables
}

// Health says what was lost or set aside since Open.
type Health struct {
	Damaged  []string // files set aside because their checksum did not fit
	TooOld   uint64   // lines not remembered, older than the look-back reaches
	Evicted  int      // segments deleted for lack of room
	Bytes    int64    // on disk
	Segments int
	Entries  int // in memory
}

// Health says how the look-back is.
func (h *History) Health() Health {
	h.mu.RLock()
	defer h.mu.RUnlock()
	x := Health{Damaged: slices.Clone(h.damaged), TooOld: h.tooOld, Evicted: h.evicted, Segments: len(h.segs), Entries: h.entries}
	for _, s := range h.segs {
		x.Bytes += s.size
	}
	for _, t := range h.tables {
		if t.journal != nil { // one that peeks has none
			x.Bytes += t.journal.Size()
		}
	}
	return x
}
