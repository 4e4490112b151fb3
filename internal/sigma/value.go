package sigma

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"
)

// unit is the part of a date that an atom compares.
type unit uint8

const (
	unitNone unit = iota
	unitMinute
	unitHour
	unitDay
	unitWeek
	unitMonth
	unitYear
)

var units = map[string]unit{
	"minute": unitMinute, "hour": unitHour, "day": unitDay, "week": unitWeek, "month": unitMonth, "year": unitYear,
}

// value answers an atom about one value; folded is the same value folded.
// Exists and null are about the field, not about a value.
func (a *atom) value(f *Field, folded []byte) bool {
	if f.Kind == Null {
		return false
	}
	switch a.ask {
	case askLiteral:
		return placedAt(folded, a.text, a.start, a.end)
	case askGlob:
		if a.cased {
			return a.glob.match(f.Value)
		}
		return a.glob.match(folded)
	case askRegexp:
		return a.re.Match(f.Value)
	case askNet:
		addr, ok := address(f.Value)
		return ok && a.net.Contains(addr)
	case askCompare:
		n, ok := number(f.Value, a.unit)
		return ok && a.cmp.holds(n, a.num)
	}
	return false
}

func placedAt(v, text []byte, start, end bool) bool {
	switch {
	case start && end:
		return bytes.Equal(v, text)
	case start:
		return bytes.HasPrefix(v, text)
	case end:
		return bytes.HasSuffix(v, text)
	}
	return bytes.Contains(v, text)
}

func address(b []byte) (netip.Addr, bool) {
	if len(b) < 2 || len(b) > 64 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(string(b))
	return a.Unmap().WithZone(""), err == nil
}

// number reads a number, or the part of a date.
func number(b []byte, u unit) (float64, bool) {
	if len(b) == 0 || len(b) > 64 {
		return 0, false
	}
	if u == unitNone {
		n, err := strconv.ParseFloat(string(b), 64)
		return n, err == nil
	}
	t, ok := date(b)
	if !ok {
		return 0, false
	}
	switch u {
	case unitMinute:
		return float64(t.Minute()), true
	case unitHour:
		return float64(t.Hour()), true
	case unitDay:
		return float64(t.Day()), true
	case unitWeek:
		_, w := t.ISOWeek()
		return float64(w), true
	case unitMonth:
		return float64(t.Month()), true
	}
	return float64(t.Year()), true
}

// date reads year, month, day and, if they follow, hour, minute and second, as
// they are written: the zone is read and its digits are kept.
func date(b []byte) (time.Time, bool) {
	t, _, ok := instant(b, time.UTC)
	return t, ok
}

// instant reads "2026-11-25T09:30:00.5+01:00" and its kin: a blank for the T, a
// slash for the dash, a comma for the point, no seconds' fraction, no zone.
// named tells whether the text has a zone; without one it is taken in loc.
func instant(b []byte, loc *time.Location) (t time.Time, named, ok bool) {
	if len(b) < 10 || (b[4] != '-' && b[4] != '/') || b[7] != b[4] {
		return t, false, false
	}
	y, ok1 := digits(b[:4])
	mo, ok2 := digits(b[5:7])
	d, ok3 := digits(b[8:10])
	if !ok1 || !ok2 || !ok3 || mo < 1 || mo > 12 || d < 1 || d > 31 {
		return t, false, false
	}
	var h, mi, s, ns int
	rest := b[10:]
	if len(rest) >= 6 && (rest[0] == 'T' || rest[0] == ' ') && rest[3] == ':' {
		h, ok1 = digits(rest[1:3])
		mi, ok2 = digits(rest[4:6])
		rest = rest[6:]
		ok3 = true
		if len(rest) >= 3 && rest[0] == ':' {
			s, ok3 = digits(rest[1:3])
			rest = rest[3:]
			ns, rest = fraction(rest)
		}
		if !ok1 || !ok2 || !ok3 || h > 23 || mi > 59 || s > 60 {
			return t, false, false
		}
	}
	zone, named, ok := offset(bytes.TrimSpace(rest))
	if !ok {
		return t, false, false
	}
	if named {
		loc = zone
	}
	return time.Date(y, time.Month(mo), d, h, mi, s, ns, loc), named, true
}

func digits(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(b) > 0
}

func fraction(b []byte) (int, []byte) {
	if len(b) < 2 || (b[0] != '.' && b[0] != ',') {
		return 0, b
	}
	n, scale, i := 0, 100_000_000, 1
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		n += int(b[i]-'0') * scale
		scale /= 10
	}
	return n, b[i:]
}

// offset reads Z, +01:00, +0100 or nothing.
func offset(b []byte) (loc *time.Location, named, ok bool) {
	switch {
	case len(b) == 0:
		return nil, false, true
	case len(b) == 1 && (b[0] == 'Z' || b[0] == 'z'), string(b) == "UTC":
		return time.UTC, true, true
	case b[0] != '+' && b[0] != '-':
		return nil, false, false
	}
	d := bytes.ReplaceAll(b[1:], []byte(":"), nil)
	if len(d) != 4 {
		return nil, false, false
	}
	n, ok := digits(d)
	sec := (n/100)*3600 + n%100*60
	if b[0] == '-' {
		sec = -sec
	}
	if sec == 0 {
		return time.UTC, true, ok
	}
	return time.FixedZone("", sec), true, ok
}
