package history

import (
	"encoding/binary"
	"path/filepath"
	"time"

	"filo/internal/observable"
	"filo/internal/spool"
)

// table is what grows: one span in memory, with a journal from which it is made
// again after a crash. A frame of the journal holds records: 'L' names a log, 'N'
// counts lines of a log in an hour, 'E' is how one entry stands.
type table struct {
	stem    string
	span    span
	path    string
	journal *spool.Journal
	logs    []string
	numbers map[string]uint16
	entries map[entryKey]entry
	lines   map[hourLog]uint64
	dirty   []entryKey
	grown   map[hourLog]bool
	named   int       // logs that the journal names
	rest    time.Time // when Roll first found it no longer growing
	spare   []byte
}

// entryKey is one value in one log in one hour of the span.
type entryKey struct {
	key  observable.Key
	log  uint16
	hour uint16
}

type hourLog struct{ log, hour uint16 }

// entry counts in seconds from the beginning of its hour.
type entry struct {
	count       uint32
	first, last uint16
	dirty       bool
}

const (
	maxLogs = 1<<16 - 1
	// maxJournal is how long a journal may get before its table becomes a segment.
	maxJournal = 48 << 20
	// frame is about how large one frame gets: the journal refuses a very large one.
	frame = 8 << 20
)

func blank(dir, stem string, s span) *table {
	return &table{
		stem: stem, span: s, path: filepath.Join(dir, stem+".journal"), numbers: map[string]uint16{},
		entries: map[entryKey]entry{}, lines: map[hourLog]uint64{}, grown: map[hourLog]bool{},
	}
}

func newTable(dir, stem string, s span) (*table, error) {
	t := blank(dir, stem, s)
	var err error
	t.journal, err = spool.CreateJournal(t.path)
	return t, err
}

// openTable reads a journal as far as mark says; without one, as far as it is
// whole. A journal of which nothing counts is deleted and gives nil.
func openTable(dir, stem string, mark Mark) (*table, error) {
	s, ok := parseSpan(stem)
	if !ok {
		return nil, spool.ErrDamaged
	}
	t := blank(dir, stem, s)
	counted := spool.Whole
	if mark != nil {
		counted = mark[stem]
	}
	var err error
	if t.journal, err = spool.OpenJournal(t.path, counted, t.records); err != nil {
		return nil, err
	}
	t.named = len(t.logs)
	if t.journal.Size() == 0 {
		return nil, t.journal.Remove()
	}
	return t, nil
}

// records takes the records of a frame; it reports false when they make no sense.
func (t *table) records(b []byte) bool {
	bad := false
	num := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 && !bad {
		kind := b[0]
		b = b[1:]
		switch kind {
		case 'L':
			n := num()
			if bad || n > uint64(len(b)) {
				return false
			}
			t.log(string(b[:n]))
			b = b[n:]
		case 'N':
			k := hourLog{uint16(num()), uint16(num())}
			t.lines[k] = num()
			bad = bad || int(k.log) >= len(t.logs) || int64(k.hour) >= t.span.hours()
		case 'E':
			if len(b) < 8 {
				return false
			}
			k := entryKey{key: observable.Key(binary.LittleEndian.Uint64(b))}
			b = b[8:]
			k.log, k.hour = uint16(num()), uint16(num())
			e := entry{count: uint32(num()), first: uint16(num()), last: uint16(num())}
			bad = bad || int(k.log) >= len(t.logs) || int64(k.hour) >= t.span.hours()
			t.entries[k] = e
		default:
			return false
		}
	}
	return !bad
}

// log gives the number of a log's name. Beyond the limit all share the last.
func (t *table) log(name string) uint16 {
	n, ok := t.numbers[name]
	if !ok {
		if len(t.logs) >= maxLogs {
			return maxLogs - 1
		}
		n = uint16(len(t.logs))
		t.numbers[name] = n
		t.logs = append(t.logs, name)
	}
	return n
}

// line notes the keys of one line.
func (t *table) line(at time.Time, log string, keys []observable.Key) {
	sec := at.Unix()
	hour := uint16(sec/3600 - t.span.first)
	within := uint16(sec % 3600)
	n := t.log(log)
	where := hourLog{n, hour}
	t.lines[where]++
	t.grown[where] = true
	t.rest = time.Time{}
	for _, key := range keys {
		k := entryKey{key, n, hour}
		e, ok := t.entries[k]
		if !ok {
			e.first, e.last = within, within
		}
		if e.count < 1<<32-1 {
			e.count++
		}
		e.first, e.last = min(e.first, within), max(e.last, within)
		if !e.dirty {
			e.dirty = true
			t.dirty = append(t.dirty, k)
		}
		t.entries[k] = e
	}
}

// flush appends what changed to the journal, in as many frames as it takes: they
// say how things stand, and count together once the caller keeps the mark.
func (t *table) flush() error {
	if len(t.grown) == 0 {
		return nil
	}
	b := t.spare[:0]
	var err error
	full := func() bool {
		if len(b) >= frame {
			err = t.journal.Append(b)
			b = b[:0]
		}
		return err != nil
	}
	for _, name := range t.logs[t.named:] {
		b = binary.AppendUvarint(append(b, 'L'), uint64(len(name)))
		b = append(b, name...)
		if full() {
			return err
		}
	}
	for k := range t.grown {
		b = binary.AppendUvarint(append(b, 'N'), uint64(k.log))
		b = binary.AppendUvarint(b, uint64(k.hour))
		b = binary.AppendUvarint(b, t.lines[k])
		if full() {
			return err
		}
	}
	for _, k := range t.dirty {
		b = t.appendEntry(b, k)
		if full() {
			return err
		}
	}
	t.spare = b
	if len(b) > 0 {
		if err := t.journal.Append(b); err != nil {
			return err
		}
	}
	t.named = len(t.logs)
	for _, k := range t.dirty {
		e := t.entries[k]
		e.dirty = false
		t.entries[k] = e
	}
	t.dirty = t.dirty[:0]
	clear(t.grown)
	return nil
}

func (t *table) appendEntry(x []byte, k entryKey) []byte {
	e := t.entries[k]
	x = binary.LittleEndian.AppendUint64(append(x, 'E'), uint64(k.key))
	x = binary.AppendUvarint(x, uint64(k.log))
	x = binary.AppendUvarint(x, uint64(k.hour))
	x = binary.AppendUvarint(x, uint64(e.count))
	x = binary.AppendUvarint(x, uint64(e.first))
	return binary.AppendUvarint(x, uint64(e.last))
}
