package report

import (
	"context"
	"io"
	"strings"
	"time"

	"filo/access"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Ask puts a question to the other side; it stays on top until answered.
func (d *Desk) Ask(ctx context.Context, v access.Viewer, id ids.ID, text string) error {
	return d.say(ctx, v, id, Event{Kind: EvQuestion, Text: text, Open: true})
}

// Say adds a message; answers names the question it answers, or is empty.
func (d *Desk) Say(ctx context.Context, v access.Viewer, id, answers ids.ID, text string) error {
	return d.say(ctx, v, id, Event{Kind: EvMessage, Text: text, Answers: answers})
}

// Note writes something only the police will read.
func (d *Desk) Note(ctx context.Context, v access.Viewer, id ids.ID, text string) error {
	if !v.Police() {
		return fault.New(fault.Forbidden, "report.only_police")
	}
	return d.say(ctx, v, id, Event{Kind: EvNote, Text: text, Private: true})
}

func (d *Desk) say(ctx context.Context, v access.Viewer, id ids.ID, e Event) error {
	e.Text = strings.TrimSpace(e.Text)
	switch {
	case !v.Acts():
		return fault.New(fault.Forbidden, "fault.forbidden")
	case e.Text == "":
		return fault.Bad("text", "report.message.empty")
	case len(e.Text) > MaxText:
		return fault.Bad("text", "report.text.long", MaxText)
	}
	var r Report
	err := d.store.Do(ctx, func(ctx context.Context) error {
		var err error
		if r, err = d.store.Find(ctx, v, id); err != nil {
			return err
		}
		if r.State == Draft || r.State == Dropped {
			return fault.New(fault.Conflict, "report.not_sent")
		}
		if e.Answers != "" {
			if err := d.store.Answered(ctx, v, id, e.Answers); err != nil {
				return err
			}
		}
		return d.event(ctx, v, r, e)
	})
	if err == nil {
		d.wake.Wake(ctx, "report", r.Body, r.Centre)
	}
	return err
}

// Observe adds a technical value to a report.
func (d *Desk) Observe(ctx context.Context, v access.Viewer, id ids.ID, o Observable) error {
	if !v.Acts() {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	o.Value = strings.TrimSpace(o.Value)
	if o.Value == "" || len(o.Value) > 2048 {
		return fault.Bad("value", "report.value.bad")
	}
	return d.store.Do(ctx, func(ctx context.Context) error {
		if _, err := d.store.Find(ctx, v, id); err != nil {
			return err
		}
		all, err := d.store.Observables(ctx, v, id)
		if err != nil {
			return err
		}
		if len(all) >= MaxValues {
			return fault.Bad("value", "report.values.many", MaxValues)
		}
		for _, x := range all {
			if x.Kind == o.Kind && x.Value == o.Value {
				return nil
			}
		}
		now := d.clock.Now()
		o.ID, o.Report, o.Added = ids.New(now), id, now
		return d.store.AddObservable(ctx, v, o)
	})
}

// Attach seals a file into a report. Content is never looked into.
func (d *Desk) Attach(ctx context.Context, v access.Viewer, id ids.ID, name string, content io.Reader) (Attachment, error) {
	if !v.Acts() {
		return Attachment{}, fault.New(fault.Forbidden, "fault.forbidden")
	}
	r, err := d.store.Find(ctx, v, id)
	if err != nil {
		return Attachment{}, err
	}
	have, err := d.store.Files(ctx, v, id)
	if err != nil {
		return Attachment{}, err
	}
	if len(have) >= MaxFiles {
		return Attachment{}, fault.Bad("file", "report.files.many", MaxFiles)
	}
	now := d.clock.Now()
	a := Attachment{ID: ids.New(now), Report: id, Name: fileName(name), By: v.Name, Added: now}
	// Sealed before the transaction: a slow upload must not hold the database.
	if a.Size, a.SHA256, err = d.store.Seal(ctx, a.ID, content, MaxFile); err != nil {
		return a, err
	}
	err = d.store.Do(ctx, func(ctx context.Context) error {
		if err := d.store.AddFile(ctx, v, a); err != nil {
			return err
		}
		if r.State == Draft {
			return nil
		}
		return d.event(ctx, v, r, Event{Kind: EvFile, Text: a.Name + " sha256:" + a.SHA256})
	})
	if err == nil && r.State != Draft {
		d.wake.Wake(ctx, "report", r.Body, r.Centre)
	}
	return a, err
}

// fileName keeps the last part of a name, without control characters or signs
// that turn writing direction around.
func fileName(s string) string {
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		if r < 32 || r == 127 || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == '"' {
			return -1
		}
		return r
	}, s)
	if s = strings.TrimSpace(s); s == "" || s == "." || s == ".." {
		return "senza-nome"
	}
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120])
	}
	return s
}

// File is one report with all that hangs on it, as one viewer may see it.
type File struct {
	Report
	Events      []Event
	Observables []Observable
	Files       []Attachment
	Elsewhere   map[string]int // value -> how many other bodies named it; bodies see it from 3 up
}

// seenFrom is the count from which a body may know that others saw a value.
const seenFrom = 3

// Read gives one report with all that hangs on it, and writes down who looked.
func (d *Desk) Read(ctx context.Context, v access.Viewer, id ids.ID) (File, error) {
	r, err := d.store.Find(ctx, v, id)
	if err != nil {
		return File{}, err
	}
	f := File{Report: r}
	if f.Events, err = d.store.Events(ctx, v, id); err != nil {
		return f, err
	}
	if f.Observables, err = d.store.Observables(ctx, v, id); err != nil {
		return f, err
	}
	if f.Files, err = d.store.Files(ctx, v, id); err != nil {
		return f, err
	}
	if f.Elsewhere, err = d.store.SeenElsewhere(ctx, v, id); err != nil {
		return f, err
	}
	if !v.Police() {
		for value, n := range f.Elsewhere {
			if n < seenFrom {
				delete(f.Elsewhere, value)
			}
		}
	}
	return f, d.audit.Read(ctx, v, "report", id)
}

// Content opens an attachment; the caller must encrypt what it hands out.
func (d *Desk) Content(ctx context.Context, v access.Viewer, report, id ids.ID) (Attachment, io.ReadCloser, error) {
	if _, err := d.store.Find(ctx, v, report); err != nil {
		return Attachment{}, nil, err
	}
	if err := d.audit.Read(ctx, v, "attachment", id); err != nil {
		return Attachment{}, nil, err
	}
	return d.store.FileContent(ctx, v, report, id)
}

// Find gives one report alone.
func (d *Desk) Find(ctx context.Context, v access.Viewer, id ids.ID) (Report, error) {
	return d.store.Find(ctx, v, id)
}

// ByCode gives the report with that code, as typed by a person.
func (d *Desk) ByCode(ctx context.Context, v access.Viewer, typed string) (Report, error) {
	code, ok := ids.NormalCode(typed)
	if !ok {
		return Report{}, fault.Bad("code", "report.code.bad")
	}
	return d.store.ByCode(ctx, v, code)
}

// Queue gives what waits for the viewer's side, most pressing first.
func (d *Desk) Queue(ctx context.Context, v access.Viewer, f Filter) ([]Report, string, error) {
	return d.store.Queue(ctx, v, f)
}

// List gives reports, newest first.
func (d *Desk) List(ctx context.Context, v access.Viewer, f Filter) ([]Report, string, error) {
	return d.store.List(ctx, v, f)
}

// Counts gives how many reports are open and how many of them nobody took.
func (d *Desk) Counts(ctx context.Context, v access.Viewer) (open, waiting int, err error) {
	return d.store.Counts(ctx, v)
}

// Link records that an alert was made from this report.
func (d *Desk) Link(ctx context.Context, v access.Viewer, id ids.ID, text string) error {
	r, err := d.store.Find(ctx, v, id)
	if err != nil {
		return err
	}
	return d.event(ctx, v, r, Event{Kind: EvAlert, Text: text, Private: true})
}

// Late tells whether nobody took the report in charge in time.
func (r Report) Late(now time.Time) bool { return r.State == Received && now.After(r.Due) }
