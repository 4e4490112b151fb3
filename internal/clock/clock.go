// Package clock is where filo takes the time from, so that a test can move it,
// and the calendar rules that Go's own arithmetic gets wrong.
package clock

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // Europe/Rome on machines without zone files (Windows, small containers)
)

// Clock gives the present instant, always in UTC.
type Clock interface{ Now() time.Time }

// System is the clock of the machine.
type System struct{}

// Now gives the machine's instant, cut to the microsecond that both databases keep.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Fake is a clock that stands still until it is moved.
type Fake struct {
	mu sync.Mutex
	t  time.Time
}

// NewFake gives a clock that stands at t.
func NewFake(t time.Time) *Fake { return &Fake{t: t.UTC().Truncate(time.Microsecond)} }

// Now gives the instant at which the clock stands.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.t
}

// Advance moves the clock on by d, or back when d is negative.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.t = f.t.Add(d)
}

// Rome is the zone in which people of Italian bodies read times.
var Rome = mustRome()

func mustRome() *time.Location {
	l, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		panic(err) // the zone is embedded by time/tzdata
	}
	return l
}

// Day is a calendar day without zone, "2026-11-24"; the empty Day is "not set".
// Days compare as strings.
type Day string

// DayOf gives the day of t as people in Italy count it.
func DayOf(t time.Time) Day { return Day(t.In(Rome).Format(time.DateOnly)) }

// ParseDay reads "2026-11-24".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return "", fmt.Errorf("day %q is not written YYYY-MM-DD", s)
	}
	return Day(t.Format(time.DateOnly)), nil
}

// Start gives the first instant of the day in Italy, in UTC.
func (d Day) Start() time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), Rome)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func (d Day) utc() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// AddDays gives the day n days later.
func (d Day) AddDays(n int) Day { return Day(d.utc().AddDate(0, 0, n).Format(time.DateOnly)) }

// AddMonths gives the same day number n months later, or the last day of that
// month where it is shorter (the rule of art. 2963 c.c.: Go's AddDate runs over
// into the next month instead).
func (d Day) AddMonths(n int) Day {
	t := d.utc()
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Day(first.AddDate(0, 0, min(t.Day(), last)-1).Format(time.DateOnly))
}

// DaysUntil counts the days from d to e; negative when e is past.
func (d Day) DaysUntil(e Day) int {
	return int(e.utc().Sub(d.utc()) / (24 * time.Hour))
}
