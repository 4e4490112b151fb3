package logline

import "time"

// Reader reads the lines of one log. It is not safe for several goroutines.
type Reader struct {
	Zone *time.Location   // of lines that name none
	Now  func() time.Time // tells the year of lines that name none

	ev     Event
	hour   hourCache
	fields []Field
	roles  []role // of the fields, in the same order
	buf    []byte // what had to be decoded
	cells  [][]byte
	level  []byte // what the record says of how bad it is
	names  names
	prev   previous
	heads  heads
	joins  joins
}

// maxBuf is how much decoded text is kept for the next line.
const maxBuf = 1 << 20

// maxDepth bounds how often a line is found inside another one (a log in a
// container inside a message of syslog).
const maxDepth = 4

// Read reads one line. ok is false when no product is recognised; the event
// then has a time at most.
func (r *Reader) Read(line []byte) (e Event, ok bool) {
	p, ok := r.Parse(line)
	return *p, ok
}

// Parse is Read for those who count millions of lines: the event itself is good
// only until the next one is read.
func (r *Reader) Parse(line []byte) (e *Event, ok bool) {
	r.ev = Event{Repeat: 1}
	r.level = nil
	if cap(r.buf) > maxBuf {
		r.buf = nil
	}
	r.fields, r.roles, r.buf = r.fields[:0], r.roles[:0], r.buf[:0]
	ok = r.line(clean(line), 0)
	if !ok {
		r.ev = Event{Time: r.ev.Time, Zone: r.ev.Zone, Slack: r.ev.Slack, Repeat: 1}
		return &r.ev, false
	}
	r.ev.Fields = r.fields
	if r.ev.Process != nil {
		r.prev.keep(&r.ev)
	}
	if r.ev.Action != Alert {
		r.ev.Level = "" // of a message, not a verdict
	} else if r.ev.Level == "" && r.level != nil {
		r.ev.Level = level(r.level)
	}
	return &r.ev, ok
}

// clean takes away what is not part of the line: its end, a byte order mark.
func clean(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r' || b[len(b)-1] == ' ') {
		b = b[:len(b)-1]
	}
	if starts(b, "\xef\xbb\xbf") {
		b = b[3:]
	}
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}
