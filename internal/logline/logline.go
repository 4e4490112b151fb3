// Package logline reads one line of a log: which product wrote it, when, who
// did what from where, and with what outcome. The parsers are written by hand
// and work on the bytes; a line that nobody knows keeps its text and its time.
package logline

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"
)

// Event is what one line says. Zero values are unknown.
type Event struct {
	Time     time.Time
	Zone     string // where the offset of Time comes from: line, machine
	Product  string // sshd, pam, sudo, web, syslog
	Source   netip.Addr
	SrcPort  int
	Dest     netip.Addr
	DestPort int
	User     string
	Action   string // login, sudo, request, probe
	Outcome  string // attempt, success, or empty
	Repeat   int    // how many times the line says it happened; at least 1
	Method   string // of a request
	Path     string
	Status   int
	Agent    string
	Process  string
}

// Outcomes.
const (
	Attempt = "attempt"
	Success = "success"
)

// Reader reads the lines of one log. It is not safe for several goroutines.
type Reader struct {
	Zone *time.Location // of lines that name none
	Now  func() time.Time
	last time.Time // of the previous line, to tell the year of lines that name none
}

// Read reads one line. ok is false when no product is recognised; the event
// then has a time at most.
func (r *Reader) Read(line []byte) (e Event, ok bool) {
	e.Repeat = 1
	if web(line, &e) {
		return e, true
	}
	rest, found := r.syslog(line, &e)
	if !found {
		return e, false
	}
	prog, msg := program(rest)
	e.Process = prog
	msg, e.Repeat = repeated(msg)
	switch {
	case prog == "sshd" || hasPrefix(prog, "sshd-"):
		e.Product = "sshd"
		if pam(msg, &e) {
			e.Product = "sshd"
			return e, true
		}
		sshd(msg, &e)
		return e, true
	case prog == "sudo":
		e.Product = "sudo"
		sudo(msg, &e)
		return e, true
	case pam(msg, &e):
		e.Product = "pam"
		return e, true
	}
	e.Product = "syslog"
	return e, prog != ""
}

func hasPrefix(s, p string) bool { return len(s) >= len(p) && s[:len(p)] == p }

var months = map[string]time.Month{
	"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}

// syslog reads the time and the host of RFC 3164 and of ISO 8601 stamps (rsyslog
// and journald since Debian 12), with or without the number in angles, and
// gives what follows the host.
func (r *Reader) syslog(line []byte, e *Event) ([]byte, bool) {
	if len(line) > 0 && line[0] == '<' {
		if i := bytes.IndexByte(line[:min(len(line), 6)], '>'); i > 0 {
			line = line[i+1:]
		}
	}
	rest, ok := r.stampRFC3164(line, e)
	if !ok {
		if rest, ok = stampISO(line, e); !ok {
			return nil, false
		}
	}
	i := bytes.IndexByte(rest, ' ') // the host
	if i < 0 {
		return nil, false
	}
	r.last = e.Time
	return rest[i+1:], true
}

func (r *Reader) stampRFC3164(line []byte, e *Event) ([]byte, bool) {
	if len(line) < 16 || line[3] != ' ' || line[15] != ' ' {
		return nil, false
	}
	m, ok := months[string(line[:3])]
	day, ok1 := number(bytes.TrimLeft(line[4:6], " "))
	h, ok2 := number(line[7:9])
	mi, ok3 := number(line[10:12])
	s, ok4 := number(line[13:15])
	if !ok || !ok1 || !ok2 || !ok3 || !ok4 || day < 1 || day > 31 || h > 23 || mi > 59 || s > 60 {
		return nil, false
	}
	zone := r.Zone
	if zone == nil {
		zone = time.UTC
	}
	e.Time, e.Zone = r.year(m, day, h, mi, s, zone), "machine"
	return line[16:], true
}

// year finds the year that a line does not name: the latest one that does not
// put the line more than a day into the future.
func (r *Reader) year(m time.Month, day, h, mi, s int, zone *time.Location) time.Time {
	now := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	if r.Now != nil {
		now = r.Now()
	}
	for y := now.In(zone).Year() + 1; ; y-- {
		t := time.Date(y, m, day, h, mi, s, 0, zone)
		if t.Month() == m && !t.After(now.Add(24*time.Hour)) {
			return t.UTC()
		}
		if y < now.Year()-8 { // 29 February comes at least every eighth year
			return t.UTC()
		}
	}
}

func stampISO(line []byte, e *Event) ([]byte, bool) {
	i := bytes.IndexByte(line[:min(len(line), 40)], ' ')
	if i < 19 || line[4] != '-' || line[10] != 'T' {
		return nil, false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700"} {
		if t, err := time.Parse(layout, string(line[:i])); err == nil {
			e.Time, e.Zone = t.UTC(), "line"
			return line[i+1:], true
		}
	}
	return nil, false
}

// program splits "sshd[24200]: text" and "kernel: text".
func program(b []byte) (string, []byte) {
	i := bytes.Index(b, []byte(": "))
	if i < 0 || i > 64 {
		return "", b
	}
	name := b[:i]
	if j := bytes.IndexByte(name, '['); j > 0 {
		name = name[:j]
	}
	if j := bytes.IndexByte(name, '('); j > 0 { // sshd(pam_unix)[123]
		name = name[:j]
	}
	if bytes.IndexByte(name, ' ') >= 0 {
		return "", b
	}
	return string(name), b[i+2:]
}

// repeated undoes "message repeated 5 times: [ text ]".
func repeated(msg []byte) ([]byte, int) {
	rest, ok := bytes.CutPrefix(msg, []byte("message repeated "))
	if !ok {
		return msg, 1
	}
	i := bytes.Index(rest, []byte(" times: [ "))
	if i < 0 {
		return msg, 1
	}
	n, ok := number(rest[:i])
	if !ok || n < 1 || n > 1_000_000 {
		return msg, 1
	}
	return bytes.TrimSuffix(bytes.TrimSpace(rest[i+len(" times: [ "):]), []byte("]")), n
}

func number(b []byte) (int, bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// ip reads an address that stands alone.
func ip(b []byte) (netip.Addr, bool) {
	if len(b) < 2 || len(b) > 45 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(string(b))
	if err != nil {
		return a, false
	}
	return a.Unmap().WithZone(""), true
}

func port(b []byte) int {
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 0 || n > 65535 {
		return 0
	}
	return n
}
