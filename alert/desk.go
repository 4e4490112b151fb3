package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

// Desk is what people and agents do with alerts. What needs indicators or
// reports as well lives in flow.
type Desk struct {
	store Store
	clock clock.Clock
	audit access.Audit
	wake  access.Waker
}

// NewDesk makes the desk of alerts.
func NewDesk(s Store, c clock.Clock, a access.Audit, w access.Waker) *Desk {
	return &Desk{store: s, clock: c, audit: a, wake: w}
}

// Limits of an alert's fields, in bytes, and of its lists.
const (
	MaxTitle      = 160
	MaxText       = 10_000
	MaxAdvice     = 20
	MaxIndicators = 5_000
)

// AnswerWithin says within how long an answer is due when nobody says otherwise.
func AnswerWithin(p access.Priority) time.Duration {
	switch p {
	case access.Urgent:
		return 4 * time.Hour
	case access.High:
		return 12 * time.Hour
	case access.Normal:
		return 24 * time.Hour
	default:
		return 72 * time.Hour
	}
}

// Write begins an alert, or changes a draft when a.ID is set.
func (d *Desk) Write(ctx context.Context, v access.Viewer, a Alert) (Alert, error) {
	if !v.Police() || !v.Acts() {
		return a, fault.New(fault.Forbidden, "alert.only_police")
	}
	if err := a.check(); err != nil {
		return a, err
	}
	now := d.clock.Now()
	if a.ID == "" {
		a.ID, a.Code, a.State, a.Created, a.Version = ids.New(now), ids.Code(6), Draft, now, 1
		a.Author, a.AuthorName, a.Centre = v.Person, v.Name, v.Centre
		return a, d.store.Insert(ctx, v, a)
	}
	old, err := d.store.Find(ctx, v, a.ID)
	if err != nil {
		return a, err
	}
	if old.State != Draft {
		return old, fault.New(fault.Conflict, "alert.published.already", old.Code)
	}
	old.Title, old.What, old.Advice, old.TLP, old.Priority = a.Title, a.What, a.Advice, a.TLP, a.Priority
	old.Confidence, old.Audience, old.Deadline = a.Confidence, a.Audience, a.Deadline
	return old, d.store.Update(ctx, v, old)
}

func (a *Alert) check() error {
	a.Title, a.What = strings.TrimSpace(a.Title), strings.TrimSpace(a.What)
	switch {
	case a.Title == "":
		return fault.Bad("title", "alert.title.missing")
	case len(a.Title) > MaxTitle:
		return fault.Bad("title", "alert.title.long", MaxTitle)
	case a.What == "":
		return fault.Bad("what", "alert.what.missing")
	case len(a.What) > MaxText:
		return fault.Bad("what", "alert.what.long", MaxText)
	case len(a.Advice) > MaxAdvice:
		return fault.Bad("advice", "alert.advice.many", MaxAdvice)
	case !a.TLP.Valid():
		return fault.Bad("tlp", "alert.tlp.bad")
	case !a.Priority.Valid():
		return fault.Bad("priority", "alert.priority.bad")
	case !a.Confidence.Valid():
		return fault.Bad("confidence", "alert.confidence.bad")
	}
	return nil
}

// Concerned gives the bodies that the audience means now, for the live count
// and the preview.
func (d *Desk) Concerned(ctx context.Context, v access.Viewer, a Audience, networks []string) ([]Recipient, error) {
	if !v.Police() {
		return nil, fault.New(fault.Forbidden, "alert.only_police")
	}
	return d.store.Concerned(ctx, v, a, v.Centre, networks, d.clock.Now())
}

// Publish sends a draft to those concerned: recipients, and one row of the log
// of changes that wakes every agent of theirs. It runs inside the caller's
// transaction, together with the indicators.
func (d *Desk) Publish(ctx context.Context, v access.Viewer, id ids.ID, watch []wire.Indicator, networks []string) (Alert, error) {
	a, err := d.store.Find(ctx, v, id)
	if err != nil {
		return a, err
	}
	if !v.Police() || !v.Acts() {
		return a, fault.New(fault.Forbidden, "alert.only_police")
	}
	if a.State != Draft {
		return a, fault.New(fault.Conflict, "alert.published.already", a.Code)
	}
	now := d.clock.Now()
	list, err := d.store.Concerned(ctx, v, a.Audience, a.Centre, networks, now)
	if err != nil {
		return a, err
	}
	if len(list) == 0 {
		return a, fault.Bad("audience", "alert.audience.empty")
	}
	for i := range list {
		list[i].Alert, list[i].Sent = a.ID, now
	}
	a.State, a.Published = Published, now
	if a.Deadline.IsZero() {
		a.Deadline = now.Add(AnswerWithin(a.Priority))
	}
	if err := d.store.Update(ctx, v, a); err != nil {
		return a, err
	}
	if err := d.store.AddRecipients(ctx, v, list); err != nil {
		return a, err
	}
	payload, err := json.Marshal(wire.Alert{
		ID: a.ID, Code: a.Code, Title: a.Title, TLP: string(a.TLP), Exercise: a.Exercise,
		Published: now, Indicators: watch,
	})
	if err != nil {
		return a, fmt.Errorf("publish alert %s: %w", a.Code, err)
	}
	if _, err = d.store.Publish(ctx, a.ID, wire.ChangeAlert, payload); err != nil {
		return a, err
	}
	bodies := make([]ids.ID, len(list))
	for i, r := range list {
		bodies[i] = r.Body
	}
	d.wake.Wake(ctx, "change", bodies...)
	return a, nil
}

// Recall takes an alert back; its indicators are recalled by flow in the same
// transaction.
func (d *Desk) Recall(ctx context.Context, v access.Viewer, id ids.ID, reason string) (Alert, error) {
	a, err := d.store.Find(ctx, v, id)
	if err != nil {
		return a, err
	}
	if err := mayEnd(v, a); err != nil {
		return a, err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return a, fault.Bad("reason", "alert.reason.missing")
	}
	a.State, a.Ended, a.Reason = Recalled, d.clock.Now(), reason
	if err := d.store.Update(ctx, v, a); err != nil {
		return a, err
	}
	payload, err := json.Marshal(wire.Recall{Alert: a.ID})
	if err != nil {
		return a, fmt.Errorf("recall alert %s: %w", a.Code, err)
	}
	_, err = d.store.Publish(ctx, a.ID, wire.ChangeRecall, payload)
	return a, err
}

func mayEnd(v access.Viewer, a Alert) error {
	switch {
	case !v.Police() || !v.Acts(), v.Kind == access.Centre && v.Centre != a.Centre:
		return fault.New(fault.Forbidden, "alert.only_issuer")
	case a.State != Published:
		return fault.New(fault.Conflict, "alert.not_published")
	}
	return nil
}

// Reply records the answer that a person of the body confirms. The report that
// "incident found" opens is made by flow, which passes its id.
func (d *Desk) Reply(ctx context.Context, v access.Viewer, alert, body ids.ID, ans Answer, note string, report ids.ID) (Recipient, error) {
	r, err := d.store.Recipient(ctx, v, alert, body)
	if err != nil {
		return r, err
	}
	if v.Police() || !v.Acts() {
		return r, fault.New(fault.Forbidden, "alert.only_body")
	}
	if ans != NotUs && ans != NoTrace && ans != Incident {
		return r, fault.Bad("answer", "alert.answer.missing")
	}
	if r.Answer == Incident {
		return r, fault.New(fault.Conflict, "alert.answered.incident")
	}
	r.Answer, r.Answered, r.By, r.Note = ans, d.clock.Now(), v.Name, strings.TrimSpace(note)
	if report != "" {
		r.Report = report
	}
	return r, d.store.UpdateRecipient(ctx, v, r)
}

// PreReply records what the agent of a body found. A second agent of the same
// body only ever adds: seen stays seen.
func (d *Desk) PreReply(ctx context.Context, v access.Viewer, body ids.ID, a wire.Answer) error {
	r, err := d.store.Recipient(ctx, v, a.Alert, body)
	if err != nil {
		return err
	}
	r.PreAt = d.clock.Now()
	if len(a.Seen) > 0 {
		r.Pre = PreSeen
	} else if r.Pre == PreWaiting {
		r.Pre = PreClean
	}
	r.PreSeen = max(r.PreSeen, len(a.Seen))
	if r.PreFrom.IsZero() || a.From.Before(r.PreFrom) {
		r.PreFrom = a.From
	}
	r.PreLogs = max(r.PreLogs, len(a.Logs))
	return d.store.UpdateRecipient(ctx, v, r)
}

// Read gives an alert, marks it as opened when its body looks, and writes down
// who looked.
func (d *Desk) Read(ctx context.Context, v access.Viewer, id ids.ID) (Alert, error) {
	a, err := d.store.Find(ctx, v, id)
	if err != nil {
		return a, err
	}
	if v.Kind == access.Body || v.Kind == access.Operator {
		r, err := d.store.Recipient(ctx, v, id, v.Body)
		if err == nil && r.Opened.IsZero() {
			r.Opened = d.clock.Now()
			err = d.store.UpdateRecipient(ctx, v, r)
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return a, err
		}
	}
	return a, d.audit.Read(ctx, v, "alert", id)
}

// Remind marks everybody who still owes an answer as reminded, at most once an
// hour, and gives how many.
func (d *Desk) Remind(ctx context.Context, v access.Viewer, id ids.ID) (int, error) {
	a, err := d.store.Find(ctx, v, id)
	if err != nil {
		return 0, err
	}
	if err := mayEnd(v, a); err != nil {
		return 0, err
	}
	n, now := 0, d.clock.Now()
	err = d.store.Do(ctx, func(ctx context.Context) error {
		for after, more := "", true; more; {
			list, next, err := d.store.Recipients(ctx, v, id, after, 200)
			if err != nil {
				return err
			}
			for _, r := range list {
				if !r.Waiting() || now.Sub(r.Reminded) < time.Hour {
					continue
				}
				r.Reminded = now
				if err := d.store.UpdateRecipient(ctx, v, r); err != nil {
					return err
				}
				n++
			}
			after, more = next, next != ""
		}
		return nil
	})
	d.wake.Wake(ctx, "alert", id)
	return n, err
}

// Recipient gives what one body was told and answered.
func (d *Desk) Recipient(ctx context.Context, v access.Viewer, alert, body ids.ID) (Recipient, error) {
	return d.store.Recipient(ctx, v, alert, body)
}

// Recipients gives the bodies that v may see, those who owe an answer first.
func (d *Desk) Recipients(ctx context.Context, v access.Viewer, alert ids.ID, after string, limit int) ([]Recipient, string, error) {
	return d.store.Recipients(ctx, v, alert, after, limit)
}

// Tally counts the answers, as far as v may know.
func (d *Desk) Tally(ctx context.Context, v access.Viewer, id ids.ID) (Tally, error) {
	return d.store.Tally(ctx, v, id)
}

// List gives alerts, newest first.
func (d *Desk) List(ctx context.Context, v access.Viewer, f Filter) ([]Alert, error) {
	return d.store.List(ctx, v, f)
}

// Waiting gives what waits for the answer of the viewer's bodies.
func (d *Desk) Waiting(ctx context.Context, v access.Viewer) ([]Alert, error) {
	return d.store.Waiting(ctx, v, 50)
}
