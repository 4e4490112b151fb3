// Package history remembers which technical values a Comune's logs carried, in
// which hour, how often, in which log: the look-back that answers "were we hit
// too?" without any line leaving the machine. It is a folder of one file per
// hour; retention deletes whole files.
package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"filo/internal/observable"
	"filo/internal/spool"
)

// Keep is how long the look-back reaches.
const Keep = 30 * 24 * time.Hour

// maxHour bounds how many distinct values one hour holds in memory.
const maxHour = 200_000

const layout = "2006010215"

// Entry is one value in one hour of one log.
type Entry struct {
	Kind  string    `json:"k"`
	Value string    `json:"v"`
	Log   string    `json:"l"`
	Count int       `json:"n"`
	First time.Time `json:"f"`
	Last  time.Time `json:"t"`
}

// hour is the content of one file.
type hour struct {
	Entries []Entry           `json:"entries"`
	Lines   map[string]uint64 `json:"lines"`
	Dropped int               `json:"dropped,omitempty"`
}

type mem struct {
	entries map[[3]string]*Entry
	lines   map[string]uint64
	dropped int
	dirty   bool
}

// History is an open look-back. It is not safe for several goroutines.
type History struct {
	dir     string
	hours   map[string]*mem // those that still grow
	Damaged []string        // files set aside because their checksum did not fit
	Dropped int             // values not remembered for lack of room
}

// Open opens the look-back in dir.
func Open(dir string) (*History, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return &History{dir: dir, hours: map[string]*mem{}}, nil
}

func (h *History) at(t time.Time) (*mem, error) {
	name := t.UTC().Format(layout)
	if m, ok := h.hours[name]; ok {
		return m, nil
	}
	m := &mem{entries: map[[3]string]*Entry{}, lines: map[string]uint64{}}
	old, err := h.read(filepath.Join(h.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for i := range old.Entries {
		e := old.Entries[i]
		m.entries[[3]string{e.Kind, e.Value, e.Log}] = &e
	}
	for l, n := range old.Lines {
		m.lines[l] = n
	}
	m.dropped = old.Dropped
	h.hours[name] = m
	return m, nil
}

// Line notes that one line of a log was read at t, with the values in it.
func (h *History) Line(t time.Time, log string, values []observable.Value) error {
	m, err := h.at(t)
	if err != nil {
		return err
	}
	m.lines[log]++
	m.dirty = true
	for _, v := range values {
		k := [3]string{v.Kind, v.Value, log}
		e := m.entries[k]
		if e == nil {
			if len(m.entries) >= maxHour {
				m.dropped++
				h.Dropped++
				continue
			}
			e = &Entry{Kind: v.Kind, Value: v.Value, Log: log, First: t, Last: t}
			m.entries[k] = e
		}
		e.Count++
		if t.After(e.Last) {
			e.Last = t
		}
		if t.Before(e.First) {
			e.First = t
		}
	}
	return nil
}

// Flush writes what grew since the last time. Hours that ended before "now"
// leave the memory.
func (h *History) Flush(now time.Time) error {
	for name, m := range h.hours {
		if m.dirty {
			if err := h.write(name, m); err != nil {
				return err
			}
			m.dirty = false
		}
		if t, err := time.Parse(layout, name); err == nil && now.Sub(t) > 2*time.Hour {
			delete(h.hours, name)
		}
	}
	return nil
}

// A file is its checksum in hex, a line break, and the hour as JSON.
func (h *History) write(name string, m *mem) error {
	x := hour{Lines: m.lines, Dropped: m.dropped}
	for _, e := range m.entries {
		x.Entries = append(x.Entries, *e)
	}
	sort.Slice(x.Entries, func(i, j int) bool {
		a, b := x.Entries[i], x.Entries[j]
		return a.Kind+a.Value+a.Log < b.Kind+b.Value+b.Log
	})
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return spool.WriteFile(filepath.Join(h.dir, name), fmt.Appendf(nil, "%08x\n%s", crc32.ChecksumIEEE(b), b))
}

func (h *History) read(path string) (x hour, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return x, err
	}
	if x, err = decode(b); err == nil {
		return x, nil
	}
	aside := path + ".damaged"
	h.Damaged = append(h.Damaged, aside)
	return hour{}, os.Rename(path, aside)
}

func decode(b []byte) (x hour, err error) {
	sum, body, ok := strings.Cut(string(b), "\n")
	if !ok || sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) {
		return x, errors.New("the checksum does not fit")
	}
	return x, json.NewDecoder(bufio.NewReader(strings.NewReader(body))).Decode(&x)
}

// Retain deletes what is older than Keep.
func (h *History) Retain(now time.Time) error {
	names, err := h.files()
	if err != nil {
		return err
	}
	for _, n := range names {
		if t, err := time.Parse(layout, n); err == nil && now.Sub(t) > Keep+time.Hour {
			if err := os.Remove(filepath.Join(h.dir, n)); err != nil {
				return fmt.Errorf("history: %w", err)
			}
			delete(h.hours, n)
		}
	}
	return nil
}

func (h *History) files() ([]string, error) {
	list, err := os.ReadDir(h.dir)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	var out []string
	for _, f := range list {
		if len(f.Name()) == len(layout) {
			out = append(out, f.Name())
		}
	}
	sort.Strings(out)
	return out, nil
}

// Seen is where and when a value of a question was seen.
type Seen struct {
	Count int
	First time.Time
	Last  time.Time
	Log   string // the one with most of them
	most  int
}

// Coverage says what an answer is worth: from when to when, which logs, how many lines.
type Coverage struct {
	From  time.Time
	Until time.Time
	Logs  []string
	Lines uint64
}

// Look asks for everything that set watches for; the answer names the keys
// under which it does.
func (h *History) Look(set *observable.Set, now time.Time) (map[string]*Seen, Coverage, error) {
	if err := h.Flush(now); err != nil {
		return nil, Coverage{}, err
	}
	out, logs := map[string]*Seen{}, map[string]bool{}
	c := Coverage{Until: now}
	names, err := h.files()
	if err != nil {
		return nil, c, err
	}
	for _, n := range names {
		x, err := h.read(filepath.Join(h.dir, n))
		if err != nil {
			return nil, c, err
		}
		if t, err := time.Parse(layout, n); err == nil && (c.From.IsZero() || t.Before(c.From)) {
			c.From = t
		}
		for l, k := range x.Lines {
			logs[l] = true
			c.Lines += k
		}
		for _, e := range x.Entries {
			for _, key := range set.Match(observable.Value{Kind: e.Kind, Value: e.Value}) {
				out[key] = out[key].add(e)
			}
		}
	}
	for l := range logs {
		c.Logs = append(c.Logs, l)
	}
	sort.Strings(c.Logs)
	return out, c, nil
}

func (s *Seen) add(e Entry) *Seen {
	if s == nil {
		s = &Seen{First: e.First, Last: e.Last}
	}
	s.Count += e.Count
	if e.First.Before(s.First) {
		s.First = e.First
	}
	if e.Last.After(s.Last) {
		s.Last = e.Last
	}
	if e.Count > s.most {
		s.most, s.Log = e.Count, e.Log
	}
	return s
}
