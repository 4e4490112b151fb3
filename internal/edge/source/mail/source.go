package mail

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filo/internal/edge/source/reading"
)

const (
	settle    = 2 * time.Second // a file younger than that may still be written
	lookEvery = 2 * time.Second
	maxKept   = 20_000
)

// LostTooMany is the reason why messages of a folder are not read.
const LostTooMany = "more messages than one folder may hold"

// Source reads the messages of a folder and all in it, each once.
type Source struct {
	dir    string
	o      Options
	tally  reading.Tally
	done   map[string]reading.Position // by path: size and time
	looked time.Time
	queue  []string
	over   uint64
}

// Open reads the messages of dir that pos does not name.
func Open(dir string, pos reading.Position, o Options) (*Source, error) {
	st, err := os.Stat(dir)
	if err == nil && !st.IsDir() {
		err = errors.New("not a folder")
	}
	if err != nil {
		return nil, fmt.Errorf("mail messages in %s: %w", dir, err)
	}
	s := &Source{dir: dir, o: o}
	s.o.Tally = &s.tally
	return s, s.Rewind(pos)
}

// Rewind goes back to a position kept before.
func (s *Source) Rewind(p reading.Position) error {
	s.done = maps.Clone(p.Files)
	if s.done == nil {
		s.done = map[string]reading.Position{}
	}
	s.queue, s.looked = nil, time.Time{}
	return nil
}

// Position names the messages that were read and are still there.
func (s *Source) Position() reading.Position { return reading.Position{Files: maps.Clone(s.done)} }

// Counters gives the account; the lag is in messages.
func (s *Source) Counters() reading.Counters {
	c := s.tally.Counters(int64(len(s.queue)))
	if s.over > 0 {
		c.Add(reading.Counters{Dropped: map[string]uint64{LostTooMany: s.over}})
	}
	return c
}

// Close does nothing: files are open only while they are read.
func (s *Source) Close() {}

func (s *Source) look() error {
	there := map[string]bool{}
	s.queue, s.over = s.queue[:0], 0
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.EqualFold(filepath.Ext(path), ".eml") {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		if len(there) >= maxKept {
			s.over++
			return nil
		}
		there[path] = true
		if p, ok := s.done[path]; (!ok || p.Offset != i.Size() || p.Cursor != same(i).Cursor) && time.Since(i.ModTime()) > settle {
			s.queue = append(s.queue, path)
		}
		return nil
	})
	maps.DeleteFunc(s.done, func(path string, _ reading.Position) bool { return !there[path] })
	s.looked = time.Now()
	return err
}

func same(i fs.FileInfo) reading.Position {
	return reading.Position{Offset: i.Size(), Cursor: i.ModTime().UTC().Format(time.RFC3339Nano)}
}

// Read gives one line for each message that is new.
func (s *Source) Read(most int, f func(line []byte) error) (int, error) {
	if len(s.queue) == 0 && time.Since(s.looked) > lookEvery {
		if err := s.look(); err != nil {
			return 0, err
		}
	}
	n := 0
	for ; n < most && len(s.queue) > 0; s.queue = s.queue[1:] {
		path := s.queue[0]
		line, now, err := s.message(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			s.tally.Drop("message cannot be read", 1)
			s.done[path] = now
			continue
		}
		if err := f(line); err != nil {
			return n, err
		}
		s.done[path] = now
		s.tally.Read(1)
		n++
	}
	return n, nil
}

func (s *Source) message(path string) ([]byte, reading.Position, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, reading.Position{}, err
	}
	defer file.Close()
	i, err := file.Stat()
	if err != nil {
		return nil, reading.Position{}, err
	}
	line, err := Line(file, s.o)
	return line, same(i), err
}
