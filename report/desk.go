package report

import (
	"context"
	"errors"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Desk is what people do with reports.
type Desk struct {
	store  Store
	clock  clock.Clock
	grants access.Grants
	audit  access.Audit
	wake   access.Waker
	times  Times
}

// NewDesk makes the desk of reports. A nil times means DefaultTimes.
func NewDesk(s Store, c clock.Clock, g access.Grants, a access.Audit, w access.Waker, t Times) *Desk {
	if t == nil {
		t = DefaultTimes
	}
	return &Desk{store: s, clock: c, grants: g, audit: a, wake: w, times: t}
}

// Begin opens a draft: the guided form of a body, a phone call typed by an
// officer, a report of the police towards a body, or what an agent proposes.
// Body and Centre must be set. It fails with NotCovered when no agreement in
// force lets this body and its centre report to each other.
func (d *Desk) Begin(ctx context.Context, v access.Viewer, r Report) (Report, error) {
	if !v.Acts() {
		return r, fault.New(fault.Forbidden, "fault.forbidden")
	}
	if !v.Sees(r.Body, r.Centre) {
		return r, fault.New(fault.Hidden, "fault.not_found")
	}
	now := d.clock.Now()
	if err := d.grants.Covered(ctx, r.Body, access.ClauseReport, now); err != nil {
		return r, err
	}
	if r.How == "" {
		r.How = ByForm
	}
	if r.Direction == "" {
		r.Direction = Up
	}
	if v.Police() && r.How != ByPhone {
		r.Direction = Down
	}
	if err := r.checkShape(); err != nil {
		return r, err
	}
	r.ID, r.State, r.Version, r.Created = ids.New(now), Draft, 1, now
	if r.TLP == "" {
		r.TLP = access.TLPAmber
	}
	r.Author, r.AuthorName = v.Person, v.Name
	r.Code = newCode()
	err := d.store.Do(ctx, func(ctx context.Context) error {
		if err := d.store.Insert(ctx, v, r); err != nil {
			return err
		}
		return d.event(ctx, v, r, Event{Kind: EvCreated})
	})
	return r, err
}

// Save keeps what was typed so far. Only the fields of the form are taken over.
func (d *Desk) Save(ctx context.Context, v access.Viewer, r Report) (Report, error) {
	old, err := d.store.Find(ctx, v, r.ID)
	if err != nil {
		return r, err
	}
	if old.State != Draft {
		return old, fault.New(fault.Conflict, "report.sent.already", old.Code)
	}
	if !v.Acts() {
		return old, fault.New(fault.Forbidden, "fault.forbidden")
	}
	old.Kind, old.Signs, old.Now, old.Title, old.Text = r.Kind, r.Signs, r.Now, strings.TrimSpace(r.Title), r.Text
	old.Services, old.Deeds = cleanLines(r.Services, MaxServices), r.Deeds
	old.Began, old.Known, old.Caller, old.Step = r.Began, r.Known, r.Caller, r.Step
	if err := old.checkShape(); err != nil {
		return old, err
	}
	if err := d.store.Update(ctx, v, old); err != nil {
		return old, err
	}
	old.Version++
	return old, nil
}

// Send hands a draft to the other side. From here on it is never lost: the
// receipt may be shown as soon as Send returns.
func (d *Desk) Send(ctx context.Context, v access.Viewer, id ids.ID) (Report, error) {
	r, err := d.store.Find(ctx, v, id)
	if err != nil {
		return r, err
	}
	if r.State != Draft {
		return r, nil // pressed twice: the first time counts
	}
	if !v.Acts() {
		return r, fault.New(fault.Forbidden, "fault.forbidden")
	}
	now := d.clock.Now()
	if err := d.grants.Covered(ctx, r.Body, access.ClauseReport, now); err != nil {
		return r, err
	}
	if err := r.Check(now); err != nil {
		return r, err
	}
	r = r.sent(now, d.times)
	err = d.store.Do(ctx, func(ctx context.Context) error {
		if err := d.store.Update(ctx, v, r); err != nil {
			return err
		}
		return d.event(ctx, v, r, Event{Kind: EvSent})
	})
	if err != nil {
		return r, err
	}
	r.Version++
	d.wake.Wake(ctx, "report", r.Body, r.Centre)
	return r, nil
}

// Submit begins and sends in one step, for agents and the API.
func (d *Desk) Submit(ctx context.Context, v access.Viewer, r Report, values []Observable) (Report, error) {
	err := d.store.Do(ctx, func(ctx context.Context) error {
		var err error
		if r, err = d.Begin(ctx, v, r); err != nil {
			return err
		}
		for _, o := range values {
			if err := d.Observe(ctx, v, r.ID, o); err != nil {
				return err
			}
		}
		r, err = d.Send(ctx, v, r.ID)
		return err
	})
	return r, err
}

// Drop throws a draft away.
func (d *Desk) Drop(ctx context.Context, v access.Viewer, id ids.ID) error {
	return d.change(ctx, v, id, Event{Kind: EvState}, func(r *Report) error {
		if r.State != Draft {
			return fault.New(fault.Conflict, "report.sent.already", r.Code)
		}
		r.State = Dropped
		return nil
	})
}

// Acknowledge records who took the report in charge and stops the first clock.
func (d *Desk) Acknowledge(ctx context.Context, v access.Viewer, id ids.ID) (Report, error) {
	var out Report
	err := d.change(ctx, v, id, Event{Kind: EvTaken, Text: v.Name}, func(r *Report) (err error) {
		if err = r.mayHandle(v); err != nil {
			return err
		}
		*r, err = r.acknowledged(v, d.clock.Now())
		out = *r
		return err
	})
	return out, err
}

// Class is an officer's judgement.
type Class struct {
	Kind       Kind
	Priority   access.Priority
	Severity   access.Severity
	Level      int
	TLP        access.TLP
	Confidence access.Confidence
	Taxonomy   []string
}

// Classify records an officer's judgement.
func (d *Desk) Classify(ctx context.Context, v access.Viewer, id ids.ID, c Class) error {
	switch {
	case !c.Priority.Valid():
		return fault.Bad("priority", "report.priority.bad")
	case !c.TLP.Valid():
		return fault.Bad("tlp", "report.tlp.bad")
	case c.Severity != "" && !c.Severity.Valid():
		return fault.Bad("severity", "report.severity.bad")
	case c.Level < 0 || c.Level > 3:
		return fault.Bad("level", "report.level.bad")
	case !c.Confidence.Valid():
		return fault.Bad("confidence", "report.confidence.bad")
	case !known(Kinds, c.Kind):
		return fault.Bad("kind", "report.kind.bad", string(c.Kind))
	}
	ev := Event{Kind: EvClassified, Text: strings.Join([]string{string(c.Kind), string(c.Priority), string(c.Severity)}, " ")}
	return d.change(ctx, v, id, ev, func(r *Report) error {
		if !v.Police() {
			return fault.New(fault.Forbidden, "report.only_police")
		}
		if r.State == Received && c.Priority != r.Priority {
			r.Due = r.Sent.Add(d.times.of(c.Priority))
		}
		r.Kind, r.Priority, r.Severity, r.Level = c.Kind, c.Priority, c.Severity, c.Level
		r.TLP, r.Confidence, r.Taxonomy = c.TLP, c.Confidence, cleanLines(c.Taxonomy, 40)
		return nil
	})
}

// Move takes the report to another state of its handling.
func (d *Desk) Move(ctx context.Context, v access.Viewer, id ids.ID, to State, text string) error {
	kind := EvState
	switch to {
	case Closed:
		kind = EvClosed
	case Returned:
		kind = EvReturned
	case Progress, Stable:
	default:
		return fault.New(fault.Conflict, "report.step.bad")
	}
	text = strings.TrimSpace(text)
	if (to == Closed || to == Returned) && text == "" {
		return fault.Bad("result", "report.result.missing")
	}
	return d.change(ctx, v, id, Event{Kind: kind, Text: text}, func(r *Report) error {
		if err := r.mayHandle(v); err != nil {
			return err
		}
		if !r.State.MayFollow(to) {
			return fault.New(fault.Conflict, "report.step.bad")
		}
		r.State = to
		if to == Closed || to == Returned {
			r.ClosedAt, r.Result = d.clock.Now(), text
		} else {
			r.ClosedAt, r.Result = time.Time{}, ""
		}
		return nil
	})
}

// change runs one step in a transaction: find, change, write, tell.
func (d *Desk) change(ctx context.Context, v access.Viewer, id ids.ID, ev Event, f func(*Report) error) error {
	if !v.Acts() {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	var r Report
	err := d.store.Do(ctx, func(ctx context.Context) error {
		var err error
		if r, err = d.store.Find(ctx, v, id); err != nil {
			return err
		}
		if err = f(&r); err != nil {
			return err
		}
		if err := d.store.Update(ctx, v, r); err != nil {
			return err
		}
		if ev.Kind == EvState && ev.Text == "" {
			ev.Text = string(r.State)
		}
		return d.event(ctx, v, r, ev)
	})
	if err == nil {
		d.wake.Wake(ctx, "report", r.Body, r.Centre)
	}
	return err
}

func (d *Desk) event(ctx context.Context, v access.Viewer, r Report, e Event) error {
	now := d.clock.Now()
	e.ID, e.Report, e.Recorded = ids.New(now), r.ID, now
	if e.At.IsZero() {
		e.At = now
	}
	e.Person, e.By, e.Police = v.Person, v.Name, v.Police()
	return d.store.AddEvent(ctx, v, e)
}

// Tick reminds and escalates what nobody took in charge in time. It returns how
// many reports it moved and is safe to run on several nodes: each step is
// written at most once, under the report's version.
func (d *Desk) Tick(ctx context.Context) (int, error) {
	v, now := access.AsSystem("tempi di presa in carico"), d.clock.Now()
	// Half the time of the slowest priority still to come: Overdue looks at Due,
	// reminders come earlier, so ask a little ahead.
	list, err := d.store.Overdue(ctx, v, now.Add(d.times.of(access.Low)), 500)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range list {
		half := r.Due.Add(-r.Due.Sub(r.Sent) / 2)
		var ev Event
		switch {
		case !now.Before(r.Due) && r.Escalated.IsZero():
			ev = Event{Kind: EvEscalated}
		case !now.Before(half) && r.Reminded.IsZero() && now.Before(r.Due):
			ev = Event{Kind: EvReminded}
		default:
			continue
		}
		err := d.change(ctx, v, r.ID, ev, func(r *Report) error {
			if r.State != Received {
				return fault.New(fault.Conflict, "report.taken.already", r.TakenName)
			}
			if ev.Kind == EvEscalated {
				r.Escalated = now
			} else {
				r.Reminded = now
			}
			return nil
		})
		switch {
		case err == nil:
			n++
		case !fault.Is(err, fault.Conflict): // somebody took it meanwhile: well
			return n, errors.Join(err)
		}
	}
	return n, nil
}
