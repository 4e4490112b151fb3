package web

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"filo/access"
	"filo/agent"
	"filo/agreement"
	"filo/alert"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/report"
	"filo/territory"
)

type homePage struct {
	Base
	Body      territory.Body
	Centre    territory.Centre
	Waiting   []alert.Alert
	Open      []report.Report
	Drafts    []report.Report
	Agents    []agent.Agent
	Agreement agreement.Agreement
	Term      clock.Day
	Covered   bool
	Warn      int
}

func (s *Server) home(q *req) error {
	switch {
	case q.v.Police():
		return s.queue(q)
	case q.v.Kind == access.ANCI:
		return seeOther(q, "/protocolli")
	case q.v.Kind == access.Lab:
		return s.labHome(q)
	}
	if q.v.Kind == access.Operator {
		return s.operatorHome(q)
	}
	p := homePage{Base: q.with("home.title")}
	p.Live = true
	ctx, v := q.Context(), q.v
	var err error
	if p.Body, err = s.Territory.Body(ctx, v, v.Body); err != nil {
		return err
	}
	if p.Centre, err = s.Territory.Centre(ctx, v, p.Body.Centre); err != nil {
		return err
	}
	if p.Waiting, err = s.Alerts.Waiting(ctx, v); err != nil {
		return err
	}
	if p.Open, _, err = s.Reports.Queue(ctx, v, report.Filter{Limit: 20}); err != nil {
		return err
	}
	if p.Drafts, _, err = s.Reports.List(ctx, v, report.Filter{Drafts: true, Limit: 10}); err != nil {
		return err
	}
	if p.Agents, _, err = s.Agents.List(ctx, v, "", "", 20); err != nil {
		return err
	}
	p.Agreement, err = s.Agreements.Of(ctx, v, v.Body)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	today := clock.DayOf(p.At)
	_, p.Term = p.Agreement.Terms(today)
	p.Covered = p.Agreement.InForceOn(today)
	p.Warn, _ = p.Agreement.Warning(today)
	p.Title = p.Body.Name
	return s.render(q, "home", p)
}

type labPage struct {
	Base
	Own territory.Body
}

// labHome is the home of a laboratory: what was handed over to it, nothing else.
func (s *Server) labHome(q *req) error {
	p := labPage{Base: q.with("home.title")}
	var err error
	if p.Own, err = s.Territory.Body(q.Context(), q.v, q.v.Body); err != nil {
		return err
	}
	p.Title = p.Own.Name
	return s.render(q, "lab", p)
}

// tended is one body as its operator sees it: a home in one row.
type tended struct {
	territory.Body
	Post          territory.Centre
	Covered       bool
	Term          clock.Day
	Waiting, Open int
	Agents        []agent.Agent
}

type operatorPage struct {
	Base
	Own  territory.Body
	Rows []tended
}

// Watching says how an agent is, in words.
func (p operatorPage) Watching(a agent.Agent) string { return watching(p.Base, a) }

// operatorHome shows a delegated operator its bodies, those that need it first.
func (s *Server) operatorHome(q *req) error {
	p := operatorPage{Base: q.with("home.title")}
	p.Live = true
	ctx, v := q.Context(), q.v
	today := clock.DayOf(p.At)
	var err error
	if p.Own, err = s.Territory.Body(ctx, v, v.Body); err != nil {
		return err
	}
	p.Title = p.Own.Name
	for _, id := range v.Bodies {
		if id == v.Body {
			continue
		}
		// Everything of one body is asked from that body's place.
		one := access.OfBody(id)
		one.Person, one.Name, one.Role = v.Person, v.Name, v.Role
		t := tended{}
		if t.Body, t.Post, err = s.place(q, id); err != nil {
			return err
		}
		a, err := s.Agreements.Of(ctx, one, id)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		t.Covered = a.InForceOn(today)
		_, t.Term = a.Terms(today)
		waiting, err := s.Alerts.Waiting(ctx, one)
		if err != nil {
			return err
		}
		t.Waiting = len(waiting)
		if t.Open, _, err = s.Reports.Counts(ctx, one); err != nil {
			return err
		}
		if t.Agents, _, err = s.Agents.List(ctx, one, id, "", 5); err != nil {
			return err
		}
		p.Rows = append(p.Rows, t)
	}
	slices.SortStableFunc(p.Rows, func(a, b tended) int { return cmp.Compare(b.Waiting+b.Open, a.Waiting+a.Open) })
	return s.render(q, "operator", p)
}

// Watching says how an agent is, in words.
func (p homePage) Watching(a agent.Agent) string { return watching(p.Base, a) }

func watching(b Base, a agent.Agent) string {
	if !a.Revoked.IsZero() {
		return b.T("agent.word.revoked")
	}
	if a.Silent(b.At) {
		return b.T("agent.word.silent", b.Duration(b.At.Sub(a.LastSeen)))
	}
	var last time.Time
	for _, src := range a.Status.Sources {
		if src.LastLine.After(last) {
			last = src.LastLine
		}
	}
	if last.IsZero() {
		return b.N("agent.word.waiting", len(a.Status.Sources))
	}
	return b.N("agent.word.watching", len(a.Status.Sources), b.Duration(b.At.Sub(last)))
}

type queueRow struct {
	report.Report
	Body string
}

type queuePage struct {
	Base
	Rows          []queueRow
	Next          string
	Open, Waiting int
	Silent        []agent.Agent
	Alerts        []alert.Alert
}

// queue is the home of a centre: what first?
func (s *Server) queue(q *req) error {
	p := queuePage{Base: q.with("queue.title")}
	p.Live = true
	ctx, v := q.Context(), q.v
	list, next, err := s.Reports.Queue(ctx, v, report.Filter{After: q.URL.Query().Get("after"), Limit: 50})
	if err != nil {
		return err
	}
	p.Next = next
	if p.Rows, err = s.rows(q, list); err != nil {
		return err
	}
	if p.Open, p.Waiting, err = s.Reports.Counts(ctx, v); err != nil {
		return err
	}
	agents, _, err := s.Agents.List(ctx, v, "", "", 5)
	if err != nil {
		return err
	}
	for _, a := range agents {
		if a.Silent(p.At) {
			p.Silent = append(p.Silent, a)
		}
	}
	if p.Alerts, err = s.Alerts.List(ctx, v, alert.Filter{State: alert.Published, Limit: 5}); err != nil {
		return err
	}
	return s.render(q, "queue", p)
}

// rows adds the names of bodies.
func (s *Server) rows(q *req, list []report.Report) ([]queueRow, error) {
	var bodies []ids.ID
	for _, r := range list {
		if !slices.Contains(bodies, r.Body) {
			bodies = append(bodies, r.Body)
		}
	}
	names, err := s.Territory.Named(q.Context(), q.v, bodies)
	out := make([]queueRow, len(list))
	for i, r := range list {
		out[i] = queueRow{r, names[r.Body].Name}
	}
	return out, err
}

// liveStream tells an open page that there may be something new; it carries no
// content.
func (s *Server) liveStream(q *req) error {
	about := append([]ids.ID{}, q.v.Bodies...)
	switch q.v.Kind {
	case access.Centre:
		about = append(about, q.v.Centre)
	case access.National:
		about = nil // everything
	}
	sub := s.Hub.Subscribe(about...)
	defer sub.Close()
	h := q.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(q.w)
	_ = rc.SetWriteDeadline(time.Time{})
	tick := time.NewTicker(25 * time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		if _, err := io.WriteString(q.w, fmt.Sprintf("event: change\ndata: %d\n\n", n)); err != nil || rc.Flush() != nil {
			return nil
		}
	idle:
		select {
		case <-q.Context().Done():
			return nil
		case <-sub.C:
		case <-tick.C:
			if _, err := io.WriteString(q.w, ": \n\n"); err != nil || rc.Flush() != nil {
				return nil
			}
			goto idle
		}
	}
}
