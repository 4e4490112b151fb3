package history

import (
	"strconv"
	"strings"
	"time"
)

// span is a stretch of time: an hour, a day, or thirty days. Hours are counted
// from 1970.
type span struct {
	level byte // 'h', 'd', 'm'
	first int64
}

const (
	dayHours   = 24
	monthHours = 30 * dayHours
)

func hourSpan(t time.Time) span { return span{'h', t.Unix() / 3600} }

func daySpan(t time.Time) span { return span{'d', t.Unix() / 3600 / dayHours * dayHours} }

func (s span) day() span { return span{'d', s.first / dayHours * dayHours} }

func (s span) month() span { return span{'m', s.first / monthHours * monthHours} }

func (s span) hours() int64 {
	switch s.level {
	case 'h':
		return 1
	case 'd':
		return dayHours
	}
	return monthHours
}

func (s span) start() time.Time { return time.Unix(s.first*3600, 0).UTC() }

func (s span) end() time.Time { return time.Unix((s.first+s.hours())*3600, 0).UTC() }

const spanLayout = "2006010215"

// name gives "h2026112409".
func (s span) name() string { return string(s.level) + s.start().Format(spanLayout) }

// parseSpan reads the stem of a file: "h2026112409-000123".
func parseSpan(stem string) (s span, ok bool) {
	name, _, ok := strings.Cut(stem, "-")
	if !ok || len(name) != 1+len(spanLayout) || strings.IndexByte("hdm", name[0]) < 0 {
		return s, false
	}
	t, err := time.Parse(spanLayout, name[1:])
	return span{name[0], t.Unix() / 3600}, err == nil
}

// number gives the number at the end of a stem, or 0.
func number(stem string) int {
	_, n, _ := strings.Cut(stem, "-")
	i, _ := strconv.Atoi(n)
	return max(i, 0)
}
