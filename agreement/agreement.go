// Package agreement keeps the protocolli d'intesa: who signed, from when to
// when, which clauses are switched on. Every flow of data in filo exists only
// while an agreement in force gives the body that clause.
package agreement

import (
	"cmp"
	"context"
	"slices"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/ids"
)

// Level is the place of an agreement in the chain.
type Level string

// The levels: framework State Police-ANCI, regional ANCI-COSC, municipal, in-house.
const (
	Framework Level = "quadro"
	Regional  Level = "regionale"
	Municipal Level = "comunale"
	InHouse   Level = "inhouse"
)

// rank orders the chain from the top.
func (l Level) rank() int { return slices.Index(Levels, l) }

// Levels lists them from the top.
var Levels = []Level{Framework, Regional, Municipal, InHouse}

// State is where an agreement stands. Expired and "in renewal" are computed
// from its dates, never set by hand.
type State string

// The states, in the order of life.
const (
	Draft      State = "bozza"
	InApproval State = "in_approvazione"
	Approved   State = "approvato" // Giunta resolution
	Signed     State = "firmato"
	InForce    State = "in_vigore"
	Notice     State = "disdetta_comunicata"
	Ended      State = "cessato"
	Suspended  State = "sospeso"
	Replaced   State = "sostituito"
)

// Renewal says what happens at the end of a term.
type Renewal string

// The kinds of renewal.
const (
	Tacit    Renewal = "tacito"
	Explicit Renewal = "espresso"
)

// Agreement is one protocollo d'intesa. Its id stays through all its terms.
type Agreement struct {
	ID         ids.ID
	Level      Level
	Parent     ids.ID // the agreement above it in the chain
	Body       ids.ID // the body, for municipal and in-house
	Region     string // for regional
	Centre     ids.ID // police side
	Title      string
	State      State
	Clauses    []access.Clause
	Renewal    Renewal
	Months     int // length of one term, usually 36
	NoticeDays int
	Office     string // the office that carries it out
	Person     string // who is responsible (RUP), as a role
	Resolution string // organ, number and day of the Giunta resolution
	Resolved   clock.Day
	Signed     clock.Day
	Start      clock.Day
	Term       int       // 1 for the first term
	TermEnd    clock.Day // the last day of the present term, included
	Withdrawn  clock.Day // the day on which a withdrawal takes effect
	NoticeOf   clock.Day // the day the notice was received
	Exercise   bool
	Version    int
	Created    time.Time
}

// Event is one dated step of an agreement; history is only ever added to.
type Event struct {
	ID        ids.ID
	Agreement ids.ID
	State     State
	Day       clock.Day // when it happened
	Recorded  time.Time // when filo was told
	Person    ids.ID
	By        string
	Note      string
}

// Document is a file of an agreement, known by its hash.
type Document struct {
	ID        ids.ID
	Agreement ids.ID
	Name      string
	Size      int64
	SHA256    string
	Added     time.Time
	By        string
}

// Has reports whether the clause is switched on.
func (a Agreement) Has(c access.Clause) bool { return slices.Contains(a.Clauses, c) }

// InForceOn reports whether the agreement gives rights on that day: it is
// signed, started, not suspended, and its term, renewed tacitly where that is
// agreed, is not over.
func (a Agreement) InForceOn(d clock.Day) bool {
	switch a.State {
	case InForce, Notice:
	default:
		return false
	}
	if a.Start == "" || d < a.Start {
		return false
	}
	if a.Withdrawn != "" && d >= a.Withdrawn {
		return false
	}
	if d <= a.TermEnd {
		return true
	}
	return a.Renewal == Tacit && a.State == InForce
}

// Cover gives the bodies to which the agreements of a list give a clause on a
// day. A body needs an agreement of its own; each agreement above it, up to the
// framework, must be in force and have the clause too. An agreement that names a
// parent outside the list gives nothing.
func Cover(list []Agreement, c access.Clause, day clock.Day) map[ids.ID]bool {
	gives := make(map[ids.ID]Agreement, len(list))
	for _, a := range list {
		if a.InForceOn(day) && a.Has(c) {
			gives[a.ID] = a
		}
	}
	out := map[ids.ID]bool{}
	for _, a := range gives {
		ok := a.Body != ""
		up := a
		for range len(Levels) {
			if !ok || up.Parent == "" {
				break
			}
			up, ok = gives[up.Parent]
		}
		if ok && up.Parent == "" {
			out[a.Body] = true
		}
	}
	return out
}

// FirstTermEnd gives the last day of a term that starts on start: the day
// before the same day number months later (art. 2963 c.c. end-of-month rule).
func FirstTermEnd(start clock.Day, months int) clock.Day {
	return start.AddMonths(months).AddDays(-1)
}

// Terms gives the present term on day d, counting tacit renewals as successor
// terms of the same agreement. Ends are always counted from the first start, so
// that a short month does not shorten all later terms.
func (a Agreement) Terms(d clock.Day) (term int, end clock.Day) {
	term, end = max(a.Term, 1), a.TermEnd
	if a.Start == "" || a.Months <= 0 || end == "" {
		return term, end
	}
	for a.Renewal == Tacit && a.State == InForce && end < d && term < 100 {
		term++
		end = FirstTermEnd(a.Start, term*a.Months)
	}
	return term, end
}

// NoticeBy gives the last day on which a notice stops the next tacit renewal.
func (a Agreement) NoticeBy(d clock.Day) clock.Day {
	_, end := a.Terms(d)
	if end == "" {
		return ""
	}
	return end.AddDays(-a.NoticeDays)
}

// warnDays are the days before the end of a term at which people are told.
var warnDays = []int{30, 60, 90, 180}

// Warning gives the narrowest window of 180, 90, 60, 30 days into which the end
// of the present term falls on day d, and how many days are left; window is 0
// when the end is further away.
func (a Agreement) Warning(d clock.Day) (window, left int) {
	_, end := a.Terms(d)
	if end == "" || !a.InForceOn(d) {
		return 0, 0
	}
	left = d.DaysUntil(end)
	for _, w := range warnDays {
		if left <= w {
			return w, left
		}
	}
	return 0, left
}

// Seen gives the state as people see it: over when the dates say so, whatever is recorded.
func (a Agreement) Seen(d clock.Day) State {
	if (a.State == InForce || a.State == Notice) && a.Start != "" && d >= a.Start && !a.InForceOn(d) {
		return Ended
	}
	return a.State
}

// next says which state may follow which.
var next = map[State][]State{
	Draft:      {InApproval, Approved, Signed},
	InApproval: {Approved, Draft},
	Approved:   {Signed},
	Signed:     {InForce},
	InForce:    {Notice, Suspended, Replaced, Ended},
	Notice:     {Ended, InForce},
	Suspended:  {InForce, Ended},
}

// MayFollow reports whether an agreement in state s may go to state t.
func (s State) MayFollow(t State) bool { return slices.Contains(next[s], t) }

// Next lists the states that may follow s.
func (s State) Next() []State { return slices.Clone(next[s]) }

// byStart orders agreements, newest start first.
func byStart(a, b Agreement) int { return cmp.Compare(b.Start, a.Start) }

// Filter asks for agreements. Empty fields do not restrict.
type Filter struct {
	Body   ids.ID
	Centre ids.ID
	Level  Level
	// Running asks for those whose recorded state gives rights.
	Running bool
	Title   string // a piece of it
	After   ids.ID
	Limit   int
}

// Store is what this package needs from the database.
type Store interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
	// Insert fails with Conflict when the id exists.
	Insert(ctx context.Context, v access.Viewer, a Agreement) error
	// Find fails with NotFound also when v may not know it.
	Find(ctx context.Context, v access.Viewer, id ids.ID) (Agreement, error)
	// Update fails with Conflict when the version is not the stored one.
	Update(ctx context.Context, v access.Viewer, a Agreement) error
	List(ctx context.Context, v access.Viewer, f Filter) ([]Agreement, error)
	// OfBody gives every agreement that can cover the body: its own, and the
	// regional and framework ones above it. It is not scoped to a viewer's
	// content: cover is a fact of the map.
	OfBody(ctx context.Context, v access.Viewer, body ids.ID) ([]Agreement, error)
	AddEvent(ctx context.Context, v access.Viewer, e Event) error
	Events(ctx context.Context, v access.Viewer, id ids.ID) ([]Event, error)
	// AddDocument keeps content, sealed.
	AddDocument(ctx context.Context, v access.Viewer, d Document, content []byte) error
	Documents(ctx context.Context, v access.Viewer, id ids.ID) ([]Document, error)
	DocumentContent(ctx context.Context, v access.Viewer, agreement, id ids.ID) (Document, []byte, error)
	// Delegated gives the bodies that operator may act for on day d.
	Delegated(ctx context.Context, v access.Viewer, operator ids.ID, d clock.Day) ([]ids.ID, error)
}
