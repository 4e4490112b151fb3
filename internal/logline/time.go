package logline

import "time"

// stamp is a point in time as a line writes it, before its zone is known.
type stamp struct {
	year, day, hour, min, sec int
	month                     time.Month
	nano                      int
	slack                     time.Duration
	offset                    int // seconds east of Greenwich
	zoned                     bool
}

func (s *stamp) valid() bool {
	return s.month >= 1 && s.month <= 12 && s.day >= 1 && s.day <= 31 && s.hour < 24 && s.min < 60 && s.sec <= 60
}

// hourCache remembers which instant the last hour of the clock on the wall was:
// the next line is mostly of the same hour.
type hourCache struct {
	year, day, hour int
	month           time.Month
	unix            int64
	twice           bool
	ok              bool
}

// set gives the event the time of a stamp.
func (r *Reader) set(s *stamp) {
	e := &r.ev
	e.Slack = s.slack
	if s.zoned {
		e.Zone = ZoneLine
		sec := days(s.year, s.month, s.day)*86400 + int64(s.hour*3600+s.min*60+s.sec-s.offset)
		e.Time = time.Unix(sec, int64(s.nano)).UTC()
		return
	}
	e.Zone = ZoneMachine
	c := &r.hour
	if !c.ok || c.hour != s.hour || c.day != s.day || c.month != s.month || c.year != s.year {
		r.newHour(s)
	}
	if c.twice {
		e.Slack = time.Hour
	}
	e.Time = time.Unix(c.unix+int64(s.min*60+s.sec), int64(s.nano)).UTC()
}

func (r *Reader) newHour(s *stamp) {
	zone := r.Zone
	if zone == nil {
		zone = time.UTC
	}
	y := s.year
	if y == 0 {
		y = r.year(s, zone)
	}
	t := time.Date(y, s.month, s.day, s.hour, 0, 0, 0, zone)
	// In the night when summer ends an hour comes twice.
	twice := t.Add(time.Hour).Hour() == t.Hour() || t.Add(-time.Hour).Hour() == t.Hour()
	r.hour = hourCache{s.year, s.day, s.hour, s.month, t.Unix(), twice, true}
}

// year finds the year that a stamp does not name: the latest one that does not
// put the line more than a day into the future.
func (r *Reader) year(s *stamp, zone *time.Location) int {
	now := time.Unix(0, 0)
	if r.Now != nil {
		now = r.Now()
	}
	limit := now.Add(24 * time.Hour)
	this := now.In(zone).Year()
	for y := this + 1; y >= this-8; y-- { // 29 February comes at least every eighth year
		t := time.Date(y, s.month, s.day, s.hour, s.min, s.sec, 0, zone)
		if t.Month() == s.month && !t.After(limit) {
			return y
		}
	}
	return this
}

// shift moves the time of an event that was read as local to an offset that
// another field of the record names.
func (r *Reader) shift(offset int) {
	e := &r.ev
	if e.Zone != ZoneMachine || e.Time.IsZero() {
		return
	}
	zone := r.Zone
	if zone == nil {
		zone = time.UTC
	}
	_, assumed := e.Time.In(zone).Zone()
	e.Time = e.Time.Add(time.Duration(assumed-offset) * time.Second)
	e.Zone = ZoneProduct
	if e.Slack == time.Hour {
		e.Slack = time.Second
	}
}

// shiftNamed is shift for "+0100", "CET", "UTC+1" and the like.
func (r *Reader) shiftNamed(b []byte) {
	b = unquote(trim(b))
	off, n, ok := zoneName(b)
	if !ok || n == 0 {
		return
	}
	r.shift(off)
	// A clock that says winter time in summer may or may not mean it.
	if m := r.ev.Time.Month(); string(b) == "CET" && m >= time.April && m <= time.September || string(b) == "CEST" && (m >= time.November || m <= time.February) {
		r.ev.Slack = time.Hour
	}
}

// epoch sets the time from seconds, milliseconds, microseconds or nanoseconds
// since 1970, told apart by their size; a fraction may follow.
func (r *Reader) epoch(b []byte) bool {
	n := digits(b)
	if n < 9 || n > 19 {
		return false
	}
	var v int64
	for _, c := range b[:n] {
		v = v*10 + int64(c-'0')
	}
	if v < 0 {
		return false
	}
	e := &r.ev
	switch {
	case n <= 11:
		nano, slack := fraction(b[n:])
		e.Time, e.Slack = time.Unix(v, int64(nano)).UTC(), slack
	case n <= 14:
		e.Time, e.Slack = time.UnixMilli(v).UTC(), time.Millisecond
	case n <= 17:
		e.Time, e.Slack = time.UnixMicro(v).UTC(), time.Microsecond
	default:
		e.Time, e.Slack = time.Unix(0, v).UTC(), time.Microsecond
	}
	e.Zone = ZoneLine
	return true
}

// fraction reads ".123" or ",123".
func fraction(b []byte) (nano int, slack time.Duration) {
	nano, slack, _ = fractionLen(b)
	return nano, slack
}

func fractionLen(b []byte) (nano int, slack time.Duration, n int) {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' {
		return 0, time.Second, 0
	}
	n = digits(b[1:])
	if n == 0 {
		return 0, time.Second, 0
	}
	unit := 100_000_000
	for _, c := range b[1 : 1+min(n, 9)] {
		nano += int(c-'0') * unit
		unit /= 10
	}
	slack = time.Second
	for range min(n, 6) {
		slack /= 10
	}
	return nano, slack, n + 1
}

// days counts the days from 1970-01-01 to a date.
func days(y int, m time.Month, d int) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	mp := (int(m) + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// month reads three letters, English or Italian, of either case.
func month(b []byte) time.Month {
	if len(b) < 3 {
		return 0
	}
	switch uint32(b[0]|0x20)<<16 | uint32(b[1]|0x20)<<8 | uint32(b[2]|0x20) {
	case 'j'<<16 | 'a'<<8 | 'n', 'g'<<16 | 'e'<<8 | 'n':
		return 1
	case 'f'<<16 | 'e'<<8 | 'b':
		return 2
	case 'm'<<16 | 'a'<<8 | 'r':
		return 3
	case 'a'<<16 | 'p'<<8 | 'r':
		return 4
	case 'm'<<16 | 'a'<<8 | 'y', 'm'<<16 | 'a'<<8 | 'g':
		return 5
	case 'j'<<16 | 'u'<<8 | 'n', 'g'<<16 | 'i'<<8 | 'u':
		return 6
	case 'j'<<16 | 'u'<<8 | 'l', 'l'<<16 | 'u'<<8 | 'g':
		return 7
	case 'a'<<16 | 'u'<<8 | 'g', 'a'<<16 | 'g'<<8 | 'o':
		return 8
	case 's'<<16 | 'e'<<8 | 'p', 's'<<16 | 'e'<<8 | 't':
		return 9
	case 'o'<<16 | 'c'<<8 | 't', 'o'<<16 | 't'<<8 | 't':
		return 10
	case 'n'<<16 | 'o'<<8 | 'v':
		return 11
	case 'd'<<16 | 'e'<<8 | 'c', 'd'<<16 | 'i'<<8 | 'c':
		return 12
	}
	return 0
}

func weekday(b []byte) bool {
	if len(b) < 4 || b[3] != ' ' && b[3] != ',' {
		return false
	}
	switch string(b[:3]) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "lun", "mar", "mer", "gio", "ven", "sab", "dom":
		return true
	}
	return false
}

// two reads the two digits at b[i]; a blank may stand for the first one.
func two(b []byte, i int) (int, bool) {
	a, c := b[i], b[i+1]
	if a == ' ' {
		a = '0'
	}
	return int(a-'0')*10 + int(c-'0'), a >= '0' && a <= '9' && c >= '0' && c <= '9'
}

// clock reads hh:mm:ss with or without a fraction, and gives its length.
func (s *stamp) clock(b []byte) (int, bool) {
	n := 0
	if len(b) > 1 && b[1] == ':' { // 8:55:46
		if b[0] < '0' || b[0] > '9' {
			return 0, false
		}
		s.hour, n = int(b[0]-'0'), 1
	} else if len(b) > 2 && b[2] == ':' {
		h, ok := two(b, 0)
		if !ok {
			return 0, false
		}
		s.hour, n = h, 2
	} else {
		return 0, false
	}
	if len(b) < n+6 || b[n+3] != ':' {
		return 0, false
	}
	m, ok1 := two(b, n+1)
	sec, ok2 := two(b, n+4)
	if !ok1 || !ok2 {
		return 0, false
	}
	if m < 60 && sec > 60 {
		sec = 59 // some products count on
	}
	s.min, s.sec = m, sec
	n += 6
	nano, slack, k := fractionLen(b[n:])
	s.nano, s.slack = nano, slack
	return n + k, true
}

// half reads " AM" and " PM".
func (s *stamp) half(b []byte) int {
	if len(b) < 3 || b[0] != ' ' || b[2] != 'M' || b[1] != 'A' && b[1] != 'P' {
		return 0
	}
	if s.hour %= 12; b[1] == 'P' {
		s.hour += 12
	}
	return 3
}

// zone reads Z, +01:00, +0100, +01, each right behind or after one blank, and
// gives its length.
func (s *stamp) zone(b []byte) int {
	at := 0
	if len(b) > 1 && b[0] == ' ' {
		at = 1
	}
	if at >= len(b) {
		return 0
	}
	off, n, ok := zoneName(b[at:])
	if !ok || n == 0 {
		return 0
	}
	s.offset, s.zoned = off, true
	return at + n
}

// zoneName reads an offset or a name that is only one zone, at the start of b.
func zoneName(b []byte) (offset, n int, ok bool) {
	if len(b) == 0 {
		return 0, 0, false
	}
	switch c := b[0]; {
	case c == '+' || c == '-':
		return zoneOffset(b)
	case c < 'A' || c > 'Z':
		return 0, 0, false
	}
	for n < len(b) && b[n] >= 'A' && b[n] <= 'Z' {
		n++
	}
	if n < len(b) && (b[n] >= '0' && b[n] <= '9' || b[n] >= 'a' && b[n] <= 'z' || b[n] == '_' || b[n] == '.') {
		return 0, 0, false // the name of a machine
	}
	switch string(b[:n]) {
	case "Z", "UTC", "GMT", "WET":
		if n < len(b) && (b[n] == '+' || b[n] == '-') {
			o, k, ok := zoneOffset(b[n:])
			return o, n + k, ok
		}
		return 0, n, true
	case "CET", "MET", "BST", "WEST":
		return 3600, n, true
	case "CEST", "MEST", "EET":
		return 7200, n, true
	case "EEST", "MSK":
		return 3 * 3600, n, true
	case "EST", "CDT":
		return -5 * 3600, n, true
	case "EDT":
		return -4 * 3600, n, true
	case "CST", "MDT":
		return -6 * 3600, n, true
	case "PST":
		return -8 * 3600, n, true
	case "PDT", "MST":
		return -7 * 3600, n, true
	}
	return 0, 0, false
}

func zoneOffset(b []byte) (offset, n int, ok bool) {
	d := digits(b[1:])
	h, m := 0, 0
	n = 1 + d
	switch d {
	case 1, 2:
		h = count(b[1:n])
		if len(b) >= n+3 && b[n] == ':' && digits(b[n+1:]) == 2 {
			m = count(b[n+1 : n+3])
			n += 3
		}
	case 4:
		h, m = count(b[1:3]), count(b[3:5])
	default:
		return 0, 0, false
	}
	if h > 15 || m > 59 {
		return 0, 0, false
	}
	offset = h*3600 + m*60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, n, true
}

func monthOf(n int) time.Month { return time.Month(n) }
