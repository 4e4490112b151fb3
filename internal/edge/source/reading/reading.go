// Package reading is what all ways share by which logs reach the agent: what a
// line is, where reading stopped, and the account of what was read and what
// was not. A Comune that asks "did you see everything?" is answered from here.
package reading

import "sync"

// MaxLine is the longest line given, in bytes; the rest of a longer one is
// passed over and counted.
const MaxLine = 64 << 10

// Position is where reading stopped. In a file it is the offset behind the last
// whole line, with the checksum of the first HeadLen bytes, which tells the file
// from another that took its name; where something else keeps the place (the
// journal, the event log of Windows) Cursor is its word for it. Files holds the
// places of a source that consists of several files.
type Position struct {
	Offset  int64               `json:"offset"`
	Head    uint32              `json:"head"`
	HeadLen int                 `json:"head_len"`
	Cursor  string              `json:"cursor,omitempty"`
	Files   map[string]Position `json:"files,omitempty"`
}

// Zero reports whether nothing was ever read.
func (p Position) Zero() bool {
	return p.Offset == 0 && p.HeadLen == 0 && p.Cursor == "" && len(p.Files) == 0
}

// Counters is what became of everything that a source offered. What is not in
// Read is in Dropped under its reason; nothing is missing from both.
type Counters struct {
	Read    uint64            // lines given
	Cut     uint64            // of these, longer than MaxLine
	Dropped map[string]uint64 // by reason
	Lag     int64             // bytes, or records where there are no bytes, that wait
	Notes   map[string]uint64 // by kind; what a technician should know and is no loss
}

// Tally keeps counters that several goroutines touch. Its zero value is ready.
type Tally struct {
	mu sync.Mutex
	c  Counters
}

// Read counts lines that were given.
func (t *Tally) Read(n int) { t.mu.Lock(); t.c.Read += uint64(n); t.mu.Unlock() }

// Cut counts lines that were longer than the limit.
func (t *Tally) Cut(n uint64) { t.mu.Lock(); t.c.Cut += n; t.mu.Unlock() }

// Drop counts what could not be given, and why.
func (t *Tally) Drop(reason string, n uint64) {
	if n == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	add(&t.c.Dropped, reason, n)
}

// Note counts what is no loss but should be told.
func (t *Tally) Note(kind string, n uint64) {
	if n == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	add(&t.c.Notes, kind, n)
}

func add(m *map[string]uint64, k string, n uint64) {
	if *m == nil {
		*m = map[string]uint64{}
	}
	(*m)[k] += n
}

// Counters gives a copy with the lag that the caller knows.
func (t *Tally) Counters(lag int64) Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.c
	c.Lag = lag
	c.Dropped, c.Notes = nil, nil
	for k, n := range t.c.Dropped {
		add(&c.Dropped, k, n)
	}
	for k, n := range t.c.Notes {
		add(&c.Notes, k, n)
	}
	return c
}

// Add makes one account of two.
func (c *Counters) Add(o Counters) {
	c.Read += o.Read
	c.Cut += o.Cut
	c.Lag += o.Lag
	for k, n := range o.Dropped {
		add(&c.Dropped, k, n)
	}
	for k, n := range o.Notes {
		add(&c.Notes, k, n)
	}
}
