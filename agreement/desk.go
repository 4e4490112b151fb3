package agreement

import (
	"cmp"
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
	audit access.Audit
}

// NewDesk makes the desk of agreements.
func NewDesk(s Store, c clock.Clock, a access.Audit) *Desk {
	return &Desk{store: s, clock: c, audit: a}
}

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
	if Cover(list, c, clock.DayOf(at))[body] {
		return nil
	}
	return fault.New(fault.NotCovered, "agreement.not_covered."+string(c))
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
	if err := lengths(a.Months, a.NoticeDays); err != nil {
		return a, err
	}
	switch a.Level {
	case Municipal, InHouse:
	case Framework, Regional:
		if v.Kind == access.Centre && a.Level == Framework {
			return a, fault.Bad("level", "agreement.level.national")
		}
		if a.Level == Regional && a.Region == "" {
			return a, fault.Bad("region", "agreement.region.missing")
		}
	default:
		return a, fault.Bad("level", "agreement.level.bad")
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
	withdraws := s.To == Notice && v.Kind == access.Body && v.May(access.Manager) && v.Sees(a.Body, a.Centre)
	if err := a.mayChange(v); err != nil && !withdraws {
		return a, err
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
		if err := a.mayChange(v); err != nil {
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

// Terms is what the text of an agreement says beside its clauses. Dates and
// lengths stand once it is signed; office and person may change.
type Terms struct {
	Title      string
	Office     string
	Person     string
	Months     int
	Renewal    Renewal
	NoticeDays int
	Parent     ids.ID
}

// mayChange lets the police side of an agreement change it: a centre its own,
// the national centre all. Framework and regional agreements are read by
// everybody, and changed by their own side only.
func (a Agreement) mayChange(v access.Viewer) error {
	switch {
	case v.Kind == access.System:
		return nil
	case !v.Police() || !v.Acts():
		return fault.New(fault.Forbidden, "agreement.only_centre")
	case v.Kind == access.Centre && a.Centre != v.Centre:
		return fault.New(fault.Forbidden, "agreement.other_centre")
	}
	return nil
}

// Amend changes the terms. It fails with Conflict when a signed agreement would
// get another length, renewal, notice or parent.
func (d *Desk) Amend(ctx context.Context, v access.Viewer, id ids.ID, t Terms) error {
	if err := lengths(t.Months, t.NoticeDays); err != nil {
		return err
	}
	if t.Renewal != Tacit && t.Renewal != Explicit {
		return fault.Bad("renewal", "agreement.renewal.bad")
	}
	if t.Title = strings.TrimSpace(t.Title); t.Title == "" {
		return fault.Bad("title", "agreement.title.missing")
	}
	return d.store.Do(ctx, func(ctx context.Context) error {
		a, err := d.store.Find(ctx, v, id)
		if err != nil {
			return err
		}
		if err := a.mayChange(v); err != nil {
			return err
		}
		open := a.State == Draft || a.State == InApproval || a.State == Approved
		if !open && (t.Months != a.Months || t.Renewal != a.Renewal || t.NoticeDays != a.NoticeDays || t.Parent != a.Parent) {
			return fault.New(fault.Conflict, "agreement.signed")
		}
		if t.Parent != "" && t.Parent != a.Parent {
			p, err := d.store.Find(ctx, v, t.Parent)
			if err != nil {
				return err
			}
			if p.Level.rank() >= a.Level.rank() {
				return fault.Bad("parent", "agreement.parent.bad")
			}
		}
		a.Title, a.Office, a.Person = t.Title, strings.TrimSpace(t.Office), strings.TrimSpace(t.Person)
		a.Months, a.Renewal, a.NoticeDays, a.Parent = t.Months, t.Renewal, t.NoticeDays, t.Parent
		if err := d.store.Update(ctx, v, a); err != nil {
			return err
		}
		return d.event(ctx, v, a, clock.DayOf(d.clock.Now()), "condizioni modificate")
	})
}

func lengths(months, notice int) error {
	if months < 1 || months > 240 {
		return fault.Bad("months", "agreement.months.bad")
	}
	if notice < 0 || notice > 730 {
		return fault.Bad("notice", "agreement.notice.bad")
	}
	return nil
}

// Covering gives the bodies of a viewer's reach that have the clause today.
func (d *Desk) Covering(ctx context.Context, v access.Viewer, c access.Clause) (map[ids.ID]bool, error) {
	list, err := d.store.List(ctx, v, Filter{Running: true, Limit: maxRunning})
	return Cover(list, c, clock.DayOf(d.clock.Now())), err
}

// Date is one day of the calendar of agreements.
type Date struct {
	Agreement Agreement
	Day       clock.Day
	Notice    bool // the last day for a notice; else the end of the term
	Left      int  // days from today
	Window    int  // 30, 60, 90 or 180
}

// maxRunning is more agreements than there are Comuni.
const maxRunning = 20_000

// Calendar gives the days of the next 180 on which somebody must have acted:
// ends of terms, and last days for a notice where renewal is tacit.
func (d *Desk) Calendar(ctx context.Context, v access.Viewer) ([]Date, error) {
	list, err := d.store.List(ctx, v, Filter{Running: true, Limit: maxRunning})
	if err != nil {
		return nil, err
	}
	today := clock.DayOf(d.clock.Now())
	var out []Date
	add := func(a Agreement, day clock.Day, notice bool) {
		left := today.DaysUntil(day)
		if left < 0 {
			return
		}
		for _, w := range warnDays {
			if left <= w {
				out = append(out, Date{a, day, notice, left, w})
				return
			}
		}
	}
	for _, a := range list {
		if !a.InForceOn(today) {
			continue
		}
		_, end := a.Terms(today)
		add(a, end, false)
		if a.Renewal == Tacit && a.State == InForce {
			add(a, a.NoticeBy(today), true)
		}
	}
	slices.SortStableFunc(out, func(a, b Date) int { return cmp.Compare(a.Day, b.Day) })
	return out, nil
}

// Attach keeps a document of an agreement and its hash.
func (d *Desk) Attach(ctx context.Context, v access.Viewer, id ids.ID, name string, content []byte) (Document, error) {
	if name = strings.TrimSpace(name); name == "" || len(content) == 0 {
		return Document{}, fault.Bad("file", "agreement.document.missing")
	}
	if len(content) > MaxDocument {
		return Document{}, fault.New(fault.TooLarge, "agreement.document.large", MaxDocument>>20)
	}
	a, err := d.store.Find(ctx, v, id)
	if err != nil {
		return Document{}, err
	}
	if own := v.Kind == access.Body && v.May(access.Manager) && v.Sees(a.Body, a.Centre); !own {
		if err := a.mayChange(v); err != nil {
			return Document{}, err
		}
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

// Read gives one agreement with its history and documents, and writes down who looked.
func (d *Desk) Read(ctx context.Context, v access.Viewer, id ids.ID) (File, error) {
	a, err := d.store.Find(ctx, v, id)
	if err != nil {
		return File{}, err
	}
	f := File{Agreement: a}
	if f.Events, err = d.store.Events(ctx, v, id); err != nil {
		return f, err
	}
	if f.Documents, err = d.store.Documents(ctx, v, id); err != nil {
		return f, err
	}
	return f, d.audit.Read(ctx, v, "agreement", id)
}

// Document gives the content of one document and writes down who took it.
func (d *Desk) Document(ctx context.Context, v access.Viewer, agreement, id ids.ID) (Document, []byte, error) {
	doc, content, err := d.store.DocumentContent(ctx, v, agreement, id)
	if err != nil {
		return doc, nil, err
	}
	return doc, content, d.audit.Read(ctx, v, "document", id)
}

// List gives the agreements that v may see, newest first; next is the cursor of
// the following page.
func (d *Desk) List(ctx context.Context, v access.Viewer, f Filter) (list []Agreement, next ids.ID, err error) {
	if f.Limit <= 0 || f.Limit > 200 {
		f.Limit = 200
	}
	f.Limit++
	list, err = d.store.List(ctx, v, f)
	if len(list) == f.Limit {
		list = list[:f.Limit-1]
		next = list[len(list)-1].ID
	}
	return list, next, err
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
