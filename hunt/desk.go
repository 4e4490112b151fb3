package hunt

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

// Desk is what people and agents do with hunts.
type Desk struct {
	store Store
	clock clock.Clock
	audit access.Audit
	wake  access.Waker
}

// NewDesk makes the desk of hunts.
func NewDesk(s Store, c clock.Clock, a access.Audit, w access.Waker) *Desk {
	return &Desk{store: s, clock: c, audit: a, wake: w}
}

// Open puts a question to bodies. Their agents that are away find it when they
// come back, until it ends.
func (d *Desk) Open(ctx context.Context, v access.Viewer, h Hunt, asks []Ask) (Hunt, error) {
	if !v.Police() || !v.Acts() {
		return h, fault.New(fault.Forbidden, "hunt.only_police")
	}
	if err := h.check(); err != nil {
		return h, err
	}
	if len(asks) == 0 {
		return h, fault.Bad("audience", "hunt.nobody")
	}
	now := d.clock.Now()
	h.ID, h.Code, h.Created, h.Until = ids.New(now), ids.Code(6), now, now.Add(Life)
	h.Centre, h.ByName = v.Centre, v.Name
	payload, err := json.Marshal(wire.Hunt{ID: h.ID, Values: h.Values, Rule: h.Rule, Until: h.Until, Exercise: h.Exercise})
	if err != nil {
		return h, err
	}
	for i := range asks {
		asks[i].Hunt = h.ID
	}
	if err := d.store.Insert(ctx, v, h, asks, payload); err != nil {
		return h, err
	}
	d.wake.Wake(ctx, "change") // agents everywhere look whether it is for them
	return h, nil
}

// Read gives a hunt and writes down who looked.
func (d *Desk) Read(ctx context.Context, v access.Viewer, id ids.ID) (Hunt, error) {
	h, err := d.store.Find(ctx, v, id)
	if err != nil {
		return h, err
	}
	h.shown(v)
	return h, d.audit.Read(ctx, v, "hunt", id)
}

// shown takes out the reason for whom it is not: bodies, and centres that did
// not ask, though their territory was asked.
func (h *Hunt) shown(v access.Viewer) {
	if v.Kind != access.System && v.Kind != access.National && (v.Kind != access.Centre || v.Centre != h.Centre) {
		h.Why = ""
	}
}

// List gives the latest first.
func (d *Desk) List(ctx context.Context, v access.Viewer, f Filter) ([]Hunt, error) {
	list, err := d.store.List(ctx, v, f)
	for i := range list {
		list[i].shown(v)
	}
	return list, err
}

// Asks gives what came back, hits first.
func (d *Desk) Asks(ctx context.Context, v access.Viewer, hunt ids.ID) ([]Ask, error) {
	return d.store.Asks(ctx, v, hunt, 500)
}

// Tally counts what came back.
func (d *Desk) Tally(ctx context.Context, v access.Viewer, hunt ids.ID) (Tally, error) {
	return d.store.Tally(ctx, v, hunt)
}

// Answer keeps what an agent found. It fails with NotFound when its body was not
// asked; an answer that comes after the end is passed over.
func (d *Desk) Answer(ctx context.Context, v access.Viewer, x wire.HuntAnswer) error {
	h, err := d.store.Find(ctx, v, x.Hunt)
	if err != nil {
		return err
	}
	now := d.clock.Now()
	if now.After(h.Until) {
		return nil
	}
	x.Clip()
	return d.store.Do(ctx, func(ctx context.Context) error {
		a, err := d.store.Hold(ctx, v, x.Hunt, v.Body)
		if err != nil {
			return err
		}
		if a.Answers == nil {
			a.Answers = map[ids.ID]wire.HuntAnswer{}
		}
		if len(a.Answers) < 100 || a.Answers[v.Agent].Hunt != "" {
			a.Answers[v.Agent] = x
		}
		a.Outcome, a.Answered = h.outcome(a.Answers), now
		if err := d.store.PutAnswers(ctx, v, a); err != nil {
			return err
		}
		d.wake.Wake(ctx, "hunt", x.Hunt, v.Body)
		return nil
	})
}

func (h Hunt) outcome(answers map[ids.ID]wire.HuntAnswer) Outcome {
	out := Clean
	for _, y := range answers {
		switch {
		case len(y.Found) > 0 || y.RuleCount > 0:
			return Seen
		case !h.looked(y):
			out = Unable
		}
	}
	return out
}

// looked reports that an agent could put the question to what it remembers and
// to its logs. "Not seen" is said of nothing else.
func (h Hunt) looked(y wire.HuntAnswer) bool {
	return (len(h.Values) == 0 || y.Asked > 0 && !y.From.IsZero()) && (h.Rule == "" || y.RuleError == "")
}

// Release lets the body's agents send the lines in which what was asked for
// stands: an act of a person of the body, written down.
func (d *Desk) Release(ctx context.Context, v access.Viewer, hunt, body ids.ID) error {
	if v.Police() || !v.May(access.Technician, access.Manager) {
		return fault.New(fault.Forbidden, "hunt.only_body")
	}
	a, err := d.store.Ask(ctx, v, hunt, body)
	if err != nil {
		return err
	}
	if a.Outcome != Seen {
		return fault.New(fault.Conflict, "hunt.nothing_seen")
	}
	payload, err := json.Marshal(wire.Release{Hunt: hunt, Most: MaxLines})
	if err != nil {
		return err
	}
	if err := d.store.Release(ctx, v, hunt, body, v.Name, d.clock.Now(), payload); err != nil {
		return err
	}
	d.wake.Wake(ctx, "change", body)
	return nil
}

// Lines keeps the lines that an agent sent after somebody let them go; without
// that they are refused.
func (d *Desk) Lines(ctx context.Context, v access.Viewer, x wire.Lines) error {
	return d.store.Do(ctx, func(ctx context.Context) error {
		a, err := d.store.Hold(ctx, v, x.Hunt, v.Body)
		if err != nil {
			return err
		}
		if a.Released.IsZero() {
			return fault.New(fault.Forbidden, "hunt.not_released")
		}
		delete(a.Lines, v.Agent) // the same change told twice brings the same lines twice
		var lines []string
		for _, l := range x.Lines[:min(len(x.Lines), max(0, MaxLines-len(a.Lines.All())))] {
			lines = append(lines, clip(l, 2000))
		}
		if len(lines) == 0 {
			return nil
		}
		if a.Lines == nil {
			a.Lines = Lines{}
		}
		a.Lines[v.Agent] = lines
		if err := d.store.PutLines(ctx, v, a); err != nil {
			return err
		}
		d.wake.Wake(ctx, "hunt", x.Hunt, v.Body)
		return nil
	})
}

func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// Open reports whether answers are still taken.
func (h Hunt) Open(now time.Time) bool { return now.Before(h.Until) }
