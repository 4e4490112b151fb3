// Package spool is the agent's durable queue of events: numbered without gaps,
// on disk before they count as taken, and kept until the node says that it has
// them. A queue that cannot be written says so; it never drops silently.
package spool

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"

	"filo/internal/wire"
)

// A segment is a file named after its first number; a record is its length and
// CRC-32C, 4 bytes each, then the event as JSON.
const (
	segmentSize = 4 << 20
	maxRecord   = 1 << 20
	suffix      = ".spool"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Spool is an open queue.
type Spool struct {
	mu    sync.Mutex
	dir   string
	limit int64 // bytes on disk
	segs  []segment
	out   *os.File
	next  uint64 // number of the next event
	acked uint64
	Torn  string // what was cut off at opening, for the log; empty: nothing
}

type segment struct {
	first uint64
	path  string
	size  int64
	count int
}

// ErrFull says that the queue has reached its limit: what is new is refused,
// what is old is kept.
var ErrFull = errors.New("the queue of unsent events has reached its limit")

// Open opens the queue in dir, which may take up to limit bytes. A record that
// a crash left half written is cut off and named in Torn.
func Open(dir string, limit int64) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{dir: dir, limit: limit, next: 1}
	if b, err := os.ReadFile(filepath.Join(dir, "acked")); err == nil {
		s.acked, _ = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		s.next = s.acked + 1
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	for i, name := range names {
		if err := s.load(name, i == len(names)-1); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Spool) load(name string, last bool) error {
	first, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(name), suffix), 10, 64)
	if err != nil {
		return nil //nolint:nilerr // not ours
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	defer f.Close()
	g := segment{first: first, path: name}
	r := bufio.NewReader(f)
	for {
		e, n, err := readRecord(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.Torn = fmt.Sprintf("%s: cut at byte %d: %v", filepath.Base(name), g.size, err)
			if !last {
				return fmt.Errorf("spool: %s is damaged at byte %d; set it aside to go on: %w", name, g.size, err)
			}
			if err := errors.Join(f.Truncate(g.size), f.Sync()); err != nil {
				return fmt.Errorf("spool: %w", err)
			}
			break
		}
		g.size += n
		g.count++
		s.next = max(s.next, e.Seq+1)
	}
	s.segs = append(s.segs, g)
	return nil
}

// readRecord reads one record; io.EOF means a clean end.
func readRecord(r io.Reader) (e wire.Event, n int64, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return e, 0, err
	}
	size := binary.LittleEndian.Uint32(head[:4])
	if size > maxRecord {
		return e, 0, fmt.Errorf("a record of %d bytes", size)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return e, 0, io.ErrUnexpectedEOF
	}
	if crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return e, 0, errors.New("a record whose checksum does not fit")
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, 0, fmt.Errorf("a record that is no event: %w", err)
	}
	return e, int64(size) + 8, nil
}

// Append takes events: they are numbered, written and synced before it returns.
// On an error none of them counts as taken.
func (s *Spool) Append(events ...wire.Event) error {
	if len(events) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var buf bytes.Buffer
	for i := range events {
		events[i].Seq = s.next + uint64(i)
		b, err := json.Marshal(events[i])
		if err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		if len(b) > maxRecord {
			return fmt.Errorf("spool: an event of %d bytes, limit %d", len(b), maxRecord)
		}
		var head [8]byte
		binary.LittleEndian.PutUint32(head[:4], uint32(len(b)))
		binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(b, castagnoli))
		buf.Write(head[:])
		buf.Write(b)
	}
	if s.size()+int64(buf.Len()) > s.limit {
		return ErrFull
	}
	return s.write(buf.Bytes(), len(events))
}

func (s *Spool) size() (n int64) {
	for _, g := range s.segs {
		n += g.size
	}
	return n
}

func (s *Spool) write(b []byte, count int) error {
	if err := s.roll(); err != nil {
		return err
	}
	g := &s.segs[len(s.segs)-1]
	_, err := s.out.WriteAt(b, g.size)
	if err == nil {
		err = s.out.Sync()
	}
	if err != nil {
		// Whatever was written half is cut off again, here or at the next opening.
		_ = s.out.Truncate(g.size)
		return fmt.Errorf("spool: %w", err)
	}
	g.size += int64(len(b))
	g.count += count
	s.next += uint64(count)
	return nil
}

// roll opens the segment that is written to, a new one when the last is full.
func (s *Spool) roll() error {
	if n := len(s.segs); n > 0 && s.segs[n-1].size < segmentSize {
		if s.out != nil {
			return nil
		}
		f, err := os.OpenFile(s.segs[n-1].path, os.O_RDWR, 0o600)
		s.out = f
		return err
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%020d%s", s.next, suffix))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if s.out != nil {
		s.out.Close()
	}
	s.out = f
	s.segs = append(s.segs, segment{first: s.next, path: path})
	return SyncDir(s.dir)
}

// Pending gives up to n events that the node does not have yet, oldest first.
func (s *Spool) Pending(n int) ([]wire.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []wire.Event
	for _, g := range s.segs {
		if g.first+uint64(g.count) <= s.acked+1 {
			continue
		}
		f, err := os.Open(g.path)
		if err != nil {
			return out, fmt.Errorf("spool: %w", err)
		}
		r := bufio.NewReader(io.LimitReader(f, g.size))
		for len(out) < n {
			e, _, err := readRecord(r)
			if err != nil {
				break
			}
			if e.Seq > s.acked {
				out = append(out, e)
			}
		}
		f.Close()
		if len(out) >= n {
			break
		}
	}
	return out, nil
}

// Len counts the events that the node does not have yet.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.next - 1 - s.acked)
}

// Ack says that the node has every event up to through; segments of which all
// is acknowledged are deleted.
func (s *Spool) Ack(through uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if through <= s.acked {
		return nil
	}
	if through >= s.next {
		return fmt.Errorf("spool: the node acknowledges event %d, of %d ever made", through, s.next-1)
	}
	if err := WriteFile(filepath.Join(s.dir, "acked"), []byte(strconv.FormatUint(through, 10)+"\n")); err != nil {
		return err
	}
	s.acked = through
	for len(s.segs) > 0 && s.segs[0].first+uint64(s.segs[0].count) <= through+1 {
		if len(s.segs) == 1 {
			if s.segs[0].size < segmentSize {
				break // still written to
			}
			if s.out != nil {
				s.out.Close()
				s.out = nil
			}
		}
		if err := os.Remove(s.segs[0].path); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		s.segs = s.segs[1:]
	}
	return nil
}

// Close closes the queue.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return nil
	}
	return s.out.Close()
}

// WriteFile replaces a file so that a crash leaves the old or the new one, whole.
func WriteFile(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}
