package agreement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Desk is what people do with agreements, and where every flow of filo asks
// whether it is allowed: Desk implements access.Grants.
type Desk struct {
	store Store
	clock clock.Clock
}

// NewDesk makes the desk of agreements.
func NewDesk(s Store, c clock.Clock) *Desk { return &Desk{store: s, clock: c} }

// MaxDocument is the largest document of an agreement, in bytes.
const MaxDocument = 20 << 20

// Covered fails with NotCovered when no agreement in force gives body the
// clause. A body needs an agreement of its own level: the framework and the
// regional agreements above it switch clauses off, they do not replace it.
func (d *Desk) Covered(ctx context.Context, body ids.ID, c access.Clause, at time.Time) error {
	list, err := d.store.OfBody(ctx, access.AsSystem("copertura"), body)
	if err != nil {
		return fmt.Errorf("cover of %s: %w", body, err)
	}
	day := clock.DayOf(at)
	for _, a := range list {
		if a.Body == body && a.InForceOn(day) && a.Has(c) && chainAllows(list, a, c, day) {
			return nil
		}
	}
	return fault.New(fault.NotCovered, "agreement.not_covered."+string(c))
}

// chainAllows walks from an agreement to its parents: each one that exists must
// be in force and have the clause on.
func chainAllows(list []Agreement, a Agreement, c access.Clause, day clock.Day) bool {
	for range 4 { // framework, regional, municipal: the chain is short
		if a.Parent == "" {
			return true
		}
		i := slices.IndexFunc(list, func(p Agreement) bool { return p.ID == a.Parent })
		if i < 0 {
			return false // it names a parent that is gone: nothing is given on a guess
		}
		a = list[i]
		if !a.InForceOn(day) || !a.Has(c) {
			return false
		}
	}
	return false
}

// Open begins an agreement as a draft. Only people of the centre may.
func (d *Desk) Open(ctx context.Context, v access.Viewer, a Agreement) (Agreement, error) {
	if !v.Police() && v.Kind != access.System || !v.Acts() {
		return a, fault.New(fault.Forbidden, "agreement.only_centre")
	}
	if v.Kind == access.Centre {
		a.Centre = v.Centre
	}
	if a.Months == 0 {
		a.Months = 36
	}
	if a.Months < 1 || a.Months > 240 {
		return a, fault.Bad("months", "agreement.months.bad")
	}
	if a.NoticeDays < 0 || a.NoticeDays > 730 {
		return a, fault.Bad("notice", "agreement.notice.bad")
	}
	if (a.Level == Municipal || a.Level == InHouse) && a.Body == "" {
		return a, fault.Bad("body", "agreement.body.missing")
	}
	if a.Renewal == "" {
		a.Renewal = Tacit
	}
	now := d.clock.Now()
	a.ID, a.State, a.Term, a.Version, a.Created = ids.New(now), Draft, 1, 1, now
	err := d.store.Do(ctx, func(ctx context.Context) error {
		if err := d.store.Insert(ctx, v, a); err != nil {
			return err
		}
		return d.event(ctx, v, a, clock.DayOf(now), "")
	})
	return a, err
}

// Step is one dated move of an agreement from state to state.
type Step struct {
	To   State
	Day  clock.Day // when it happened, not when it is typed
	Note string    // resolution number, protocol number, reason
}

// Move takes an agreement one step on and writes the step into its history.
func (d *Desk) Move(ctx context.Context, v access.Viewer, id ids.ID, s Step) (Agreement, error) {
	var a Agreement
	err := d.store.Do(ctx, func(ctx context.Context) error {
		var err error
		if a, err = d.store.Find(ctx, v, id); err != nil {
			return err
		}
		if a, err = a.moved(v, s, clock.DayOf(d.clock.Now())); err != nil {
			return err
		}
		if err := d.store.Update(ctx, v, a); err != nil {
			return err
		}
		return d.event(ctx, v, a, s.Day, s.Note)
	})
	return a, err
}

func (a Agreement) moved(v access.Viewer, s Step, today clock.Day) (Agreement, error) {
	withdraws := s.To == Notice && v.Kind == access.Body && v.May(access.Manager)
	if !withdraws && (!v.Police() && v.Kind != access.System || !v.Acts()) {
		return a, fault.New(fault.Forbidden, "agreement.only_centre")
	}
	if !a.State.MayFollow(s.To) {
		return a, fault.New(fault.Conflict, "agreement.step.bad", string(a.State), string(s.To))
	}
	if _, err := clock.ParseDay(string(s.Day)); err != nil {
		return a, fault.Bad("day", "agreement.day.bad")
	}
	if s.Day > today && s.To != InForce {
		return a, fault.Bad("day", "agreement.day.future")
	}
	switch s.To {
	case Approved:
		a.Resolved, a.Resolution = s.Day, s.Note
	case Signed:
		a.Signed = s.Day
	case InForce:
		if a.Start == "" {
			a.Start, a.Term = s.Day, 1
			a.TermEnd = FirstTermEnd(s.Day, a.Months)
		}
		a.NoticeOf, a.Withdrawn = "", ""
	case Notice:
		// The present term is the one that tacit renewals have reached.
		a.Term, a.TermEnd = a.Terms(s.Day)
		a.NoticeOf, a.Withdrawn = s.Day, s.Day.AddDays(a.NoticeDays)
	case Ended, Replaced:
		a.Withdrawn = s.Day
	}
	a.State = s.To
	return a, nil
}

func (d *Desk) event(ctx context.Context, v access.Viewer, a Agreement, day clock.Day, note string) error {
	now := d.clock.Now()
	return d.store.AddEvent(ctx, v, Event{
		ID: ids.New(now), Agreement: a.ID, State: a.State, Day: day, Recorded: now,
		Person: v.Person, By: v.Name, Note: strings.TrimSpace(note),
	})
}

// SetClauses switches clauses on and off; the change is part of the history.
func (d *Desk) SetClauses(ctx context.Context, v access.Viewer, id ids.ID, on []access.Clause) error {
	if !v.Police() && v.Kind != access.System || !v.Acts() {
		return fault.New(fault.Forbidden, "agreement.only_centre")
	}
	for _, c := range on {
		if !slices.Contains(access.Clauses, c) {
			return fault.Bad("clauses", "agreement.clause.bad", string(c))
		}
	}
	return d.store.Do(ctx, func(ctx context.Context) error {
		a, err := d.store.Find(ctx, v, id)
		if err != nil {
			return err
		}
		a.Clauses = on
		if err := d.store.Update(ctx, v, a); err != nil {
			return err
		}
		words := make([]string, len(on))
		for i, c := range on {
			words[i] = string(c)
		}
		return d.event(ctx, v, a, clock.DayOf(d.clock.Now()), "clausole: "+strings.Join(words, ", "))
	})
}

// Attach keeps a document of an agreement and its hash.
func (d *Desk) Attach(ctx context.Context, v access.Viewer, id ids.ID, name string, content []byte) (Document, error) {
	if !v.Acts() {
		return Document{}, fault.New(fault.Forbidden, "fault.forbidden")
	}
	if len(content) > MaxDocument {
		return Document{}, fault.New(fault.TooLarge, "agreement.document.large", MaxDocument>>20)
	}
	if _, err := d.store.Find(ctx, v, id); err != nil {
		return Document{}, err
	}
	now, sum := d.clock.Now(), sha256.Sum256(content)
	doc := Document{
		ID: ids.New(now), Agreement: id, Name: name, Size: int64(len(content)),
		SHA256: hex.EncodeToString(sum[:]), Added: now, By: v.Name,
	}
	return doc, d.store.AddDocument(ctx, v, doc, content)
}

// File is one agreement with all that hangs on it.
type File struct {
	Agreement
	Events    []Event
	Documents []Document
}

// Read gives one agreement with its history and documents.
func (d *Desk) Read(ctx context.Context, v access.Viewer, id ids.ID) (File, error) {
	a, err := d.store.Find(ctx, v, id)
	if err != nil {
		return File{}, err
	}
	f := File{Agreement: a}
	if f.Events, err = d.store.Events(ctx, v, id); err != nil {
		return f, err
	}
	f.Documents, err = d.store.Documents(ctx, v, id)
	return f, err
}

// Document gives the content of one document.
func (d *Desk) Document(ctx context.Context, v access.Viewer, agreement, id ids.ID) (Document, []byte, error) {
	return d.store.DocumentContent(ctx, v, agreement, id)
}

// List gives the agreements that v may see, newest start first.
func (d *Desk) List(ctx context.Context, v access.Viewer, f Filter) ([]Agreement, error) {
	list, err := d.store.List(ctx, v, f)
	slices.SortStableFunc(list, byStart)
	return list, err
}

// Of gives the agreement of a body that counts today: in force if there is one,
// else the newest. It fails with NotFound when the body has none.
func (d *Desk) Of(ctx context.Context, v access.Viewer, body ids.ID) (Agreement, error) {
	list, err := d.store.List(ctx, v, Filter{Body: body})
	if err != nil {
		return Agreement{}, err
	}
	slices.SortStableFunc(list, byStart)
	today := clock.DayOf(d.clock.Now())
	for _, a := range list {
		if a.InForceOn(today) {
			return a, nil
		}
	}
	if len(list) == 0 {
		return Agreement{}, fault.New(fault.NotFound, "agreement.none")
	}
	return list[0], nil
}

// Delegated gives the bodies for which operator may act today.
func (d *Desk) Delegated(ctx context.Context, operator ids.ID) ([]ids.ID, error) {
	return d.store.Delegated(ctx, access.AsSystem("deleghe"), operator, clock.DayOf(d.clock.Now()))
}
