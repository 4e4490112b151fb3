package logline

import (
	"bytes"
	"time"
)

// rfc3164 reads "Nov 24 08:55:46", with a year behind the day or the clock as
// Cisco writes it, and gives what follows.
func (r *Reader) rfc3164(b []byte) ([]byte, bool) {
	var s stamp
	if len(b) < 14 || b[3] != ' ' {
		return nil, false
	}
	if s.month = month(b); s.month == 0 {
		return nil, false
	}
	at := 4
	if b[at] == ' ' {
		at++
	}
	n := digits(b[at:])
	if n == 0 || n > 2 || at+n >= len(b) {
		return nil, false
	}
	s.day = count(b[at : at+n])
	at += n
	if b[at] == ',' {
		at++
	}
	if at >= len(b) || b[at] != ' ' {
		return nil, false
	}
	at++
	if at+5 < len(b) && b[at+4] == ' ' && digits(b[at:]) == 4 {
		s.year = count(b[at : at+4])
		at += 5
	}
	n, ok := s.clock(b[at:])
	if !ok {
		return nil, false
	}
	at += n
	at += s.half(b[at:])
	if s.year == 0 && at+5 <= len(b) && b[at] == ' ' && digits(b[at+1:]) == 4 && (at+5 == len(b) || b[at+5] == ' ' || b[at+5] == ']') {
		if y := count(b[at+1 : at+5]); y > 1990 && y < 2100 {
			s.year = y
			at += 5
		}
	}
	if s.year != 0 || at < len(b) && b[at] != ' ' || s.slack < time.Second {
		at += s.zone(b[at:])
	} else if at+1 < len(b) { // "CET: ", as Cisco writes it
		if _, n, ok := zoneName(b[at+1:]); ok && at+1+n < len(b) && b[at+1+n] == ':' {
			at += s.zone(b[at:])
		}
	}
	if !s.valid() || s.year == 0 && s.zoned {
		if !s.valid() {
			return nil, false
		}
		s.year = r.year(&s, time.UTC)
	}
	r.set(&s)
	return b[at:], true
}

// iso reads 2026-11-24T08:55:46, also with a blank or " - " before the clock,
// slashes in the date, a comma before the fraction, and with all sorts of
// zones.
func (r *Reader) iso(b []byte) ([]byte, bool) {
	var s stamp
	if len(b) < 16 || b[4] != b[7] || b[4] != '-' && b[4] != '/' && b[4] != ':' || digits(b) != 4 {
		return nil, false
	}
	m, ok1 := two(b, 5)
	d, ok2 := two(b, 8)
	if !ok1 || !ok2 {
		return nil, false
	}
	s.year, s.month, s.day = count(b[:4]), time.Month(m), d
	at := 10
	switch {
	case b[at] == 'T' || b[at] == 't' || b[at] == ' ' || b[at] == ',' || b[at] == '_':
		at++
	case b[at] == '-' && b[4] != '-':
		at++
	default:
		return nil, false
	}
	if bytes.HasPrefix(b[at:], []byte("- ")) {
		at += 2
	}
	if b[at] == ' ' && at+1 < len(b) { // MariaDB writes two blanks before a short hour
		at++
	}
	n, ok := s.clock(b[at:])
	if !ok {
		return nil, false
	}
	at += n
	at += s.half(b[at:])
	at += s.zone(b[at:])
	if !s.valid() {
		return nil, false
	}
	r.set(&s)
	return b[at:], true
}

// clf reads 24/Nov/2026:08:55:46 +0100, and 24-Nov-2026 08:55:46.123.
func (r *Reader) clf(b []byte) ([]byte, bool) {
	var s stamp
	n := digits(b)
	if n == 0 || n > 2 || len(b) < n+14 || b[n] != '/' && b[n] != '-' || b[n] != b[n+4] {
		return nil, false
	}
	if s.month = month(b[n+1:]); s.month == 0 || digits(b[n+5:]) != 4 {
		return nil, false
	}
	s.day, s.year = count(b[:n]), count(b[n+5:n+9])
	at := n + 9
	if b[at] != ':' && b[at] != ' ' && b[at] != 'T' {
		return nil, false
	}
	at++
	n, ok := s.clock(b[at:])
	if !ok || !s.valid() {
		return nil, false
	}
	at += n
	at += s.zone(b[at:])
	r.set(&s)
	return b[at:], true
}

// civil reads dates in numbers with the year last: 24.11.2026 08:55:46,
// 11/24/2026, 8:55:46 AM, 01/25/22 16:08:02. Which of two small numbers is the
// month is told by the half of the day, which only Americans write, or by
// american.
func (r *Reader) civil(b []byte, american bool) ([]byte, bool) {
	var s stamp
	n := digits(b)
	if n == 0 || n > 2 || n >= len(b) || b[n] != '/' && b[n] != '.' && b[n] != '-' {
		return nil, false
	}
	sep := b[n]
	first := count(b[:n])
	b = b[n+1:]
	n = digits(b)
	if n == 0 || n > 2 || n >= len(b) || b[n] != sep {
		return nil, false
	}
	second := count(b[:n])
	b = b[n+1:]
	n = digits(b)
	if n != 2 && n != 4 || n >= len(b) {
		return nil, false
	}
	if s.year = count(b[:n]); n == 2 {
		s.year += 2000
		american = american || sep == '/'
	}
	b = b[n:]
	if b[0] == ',' && len(b) > 1 {
		b = b[1:]
	}
	if b[0] != ' ' && b[0] != '-' && b[0] != 'T' {
		return nil, false
	}
	n, ok := s.clock(b[1:])
	if !ok {
		return nil, false
	}
	b = b[1+n:]
	n = s.half(b)
	b = b[n:]
	b = b[s.zone(b):]
	s.day, s.month = first, time.Month(second)
	if second > 12 || sep == '/' && first <= 12 && (american || n > 0) {
		s.day, s.month = second, time.Month(first)
	}
	if !s.valid() {
		return nil, false
	}
	r.set(&s)
	return b, true
}

// when reads a stamp of any kind at the start of b and gives what follows.
func (r *Reader) when(b []byte) ([]byte, bool) {
	if len(b) < 9 {
		return nil, false
	}
	if c := b[0]; c >= '0' && c <= '9' {
		switch n := digits(b); {
		case n == 4 && len(b) > 7:
			return r.iso(b)
		case n <= 2:
			if rest, ok := r.clf(b); ok {
				return rest, true
			}
			return r.civil(b, false)
		case n == 6: // 261124 8:55:46, as old MySQL wrote it
			return r.short(b)
		case n >= 10 && n <= 19:
			if r.epoch(b) {
				_, _, k := fractionLen(b[n:])
				return b[n+k:], true
			}
		}
		return nil, false
	}
	if weekday(b) {
		if b[3] == ',' && b[4] == ' ' && len(b) > 25 { // Tue, 24 Nov 2026 08:55:46 UTC
			return r.mailDate(b[5:])
		}
		b = b[4:]
		for len(b) > 0 && b[0] == ' ' {
			b = b[1:]
		}
	}
	return r.rfc3164(b)
}

// mailDate reads "24 Nov 2026 08:55:46 +0100".
func (r *Reader) mailDate(b []byte) ([]byte, bool) {
	var s stamp
	n := digits(b)
	if n == 0 || n > 2 || len(b) < n+16 || b[n] != ' ' || b[n+4] != ' ' || digits(b[n+5:]) != 4 {
		return nil, false
	}
	s.day, s.month, s.year = count(b[:n]), month(b[n+1:]), count(b[n+5:n+9])
	b = b[n+10:]
	n, ok := s.clock(b)
	if !ok || !s.valid() {
		return nil, false
	}
	b = b[n:]
	b = b[s.zone(b):]
	r.set(&s)
	return b, true
}

// whenFrom sets the time from a field and says whether it could.
func (r *Reader) whenField(b []byte) bool {
	b = unquote(trim(b))
	_, ok := r.when(b)
	return ok
}

// short reads 261124  8:55:46.
func (r *Reader) short(b []byte) ([]byte, bool) {
	var s stamp
	s.year, s.month, s.day = 2000+count(b[:2]), time.Month(count(b[2:4])), count(b[4:6])
	b = b[6:]
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	n, ok := s.clock(b)
	if !ok || !s.valid() {
		return nil, false
	}
	r.set(&s)
	return b[n:], true
}
