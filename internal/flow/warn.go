package flow

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"filo/access"
	"filo/alert"
	"filo/indicator"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/observable"
	"filo/internal/wire"
	"filo/report"
)

// Propose writes the first text of a warning from a report: without the
// reporter, to everybody in the territory but the reporter, with the report's
// attacking values as indicators.
func (f *Flow) Propose(ctx context.Context, v access.Viewer, from ids.ID) (alert.Alert, []string, error) {
	r, err := f.Reports.Read(ctx, v, from)
	if err != nil {
		return alert.Alert{}, nil, err
	}
	a := alert.Alert{
		Report: r.ID, Title: r.Titled(), What: "", TLP: access.TLPAmber, Priority: r.Priority, Confidence: r.Confidence,
		Audience: alert.Audience{Except: []ids.ID{r.Body}}, Exercise: r.Exercise,
	}
	// The title of a person may name the place: the officer writes a new one.
	if r.How != report.ByAgent {
		a.Title = ""
	}
	var values []string
	for _, o := range r.Observables {
		if o.Role == "attaccante" || o.Role == "" {
			values = append(values, o.Value)
		}
	}
	return a, values, nil
}

// Watch turns what an officer typed, one value a line, into indicators. It
// fails with Invalid and the line when a value is none, or must never be watched.
func (f *Flow) Watch(a alert.Alert, values []string) ([]indicator.Indicator, error) {
	now := f.Clock.Now()
	var out []indicator.Indicator
	seen := map[string]bool{}
	for i, line := range values {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		o, err := observable.Guess(line)
		if err != nil {
			return nil, fault.Bad("values", "indicator.value.bad", i+1, cut(line, 80))
		}
		if key := o.Kind + " " + o.Value; seen[key] {
			continue
		} else {
			seen[key] = true
		}
		if harmless(o) {
			return nil, fault.Bad("values", "indicator.value.protected", i+1, cut(line, 80))
		}
		if len(out) == alert.MaxIndicators {
			return nil, fault.Bad("values", "indicator.many", alert.MaxIndicators)
		}
		out = append(out, indicator.Indicator{
			ID: ids.New(now), Alert: a.ID, Centre: a.Centre, Kind: o.Kind, Value: o.Value, TLP: a.TLP, Confidence: a.Confidence,
			State: indicator.Live, ValidFrom: now, ValidUntil: now.Add(indicator.Validity(o.Kind)), Exercise: a.Exercise,
		})
	}
	return out, nil
}

// harmless tells values that would hit everybody: private and loopback
// addresses, and networks wider than a /8 or /16.
func harmless(o observable.Value) bool {
	switch o.Kind {
	case "ipv4-addr", "ipv6-addr":
		a, err := netip.ParseAddr(o.Value)
		return err != nil || a.IsPrivate() || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast()
	case "network":
		p, err := netip.ParsePrefix(o.Value)
		return err != nil || p.Addr().IsPrivate() || p.Addr().IsLoopback() || p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16
	}
	return false
}

// Publish writes an alert with its indicators and sends it to those concerned,
// all or nothing. Agents are woken as soon as it is on disk.
func (f *Flow) Publish(ctx context.Context, v access.Viewer, a alert.Alert, values []string) (alert.Alert, error) {
	err := f.Tx.Do(ctx, func(ctx context.Context) error {
		var err error
		if a, err = f.Alerts.Write(ctx, v, a); err != nil {
			return err
		}
		list, err := f.Watch(a, values)
		if err != nil {
			return err
		}
		if err := f.Indicators.Insert(ctx, v, list); err != nil {
			return err
		}
		watch := make([]wire.Indicator, len(list))
		for i, x := range list {
			watch[i] = wire.Indicator{ID: x.ID, Kind: x.Kind, Value: x.Value, ValidUntil: x.ValidUntil}
		}
		if a, err = f.Alerts.Publish(ctx, v, a.ID, watch, networks(list)); err != nil {
			return err
		}
		if a.Report != "" {
			return f.Reports.Link(ctx, v, a.Report, a.Code)
		}
		return nil
	})
	return a, err
}

func networks(list []indicator.Indicator) []string {
	var out []string
	for _, x := range list {
		switch x.Kind {
		case "ipv4-addr", "ipv6-addr", "network":
			out = append(out, x.Value)
		}
	}
	return out
}

// Concerned counts and names those whom a warning would reach, for the preview.
func (f *Flow) Concerned(ctx context.Context, v access.Viewer, a alert.Audience, values []string) ([]alert.Recipient, error) {
	var nets []string
	for _, line := range values {
		if o, err := observable.Guess(strings.TrimSpace(line)); err == nil {
			switch o.Kind {
			case "ipv4-addr", "ipv6-addr", "network":
				nets = append(nets, o.Value)
			}
		}
	}
	return f.Alerts.Concerned(ctx, v, a, nets)
}

// Recall takes an alert and all its indicators back from everywhere.
func (f *Flow) Recall(ctx context.Context, v access.Viewer, id ids.ID, reason string) error {
	err := f.Tx.Do(ctx, func(ctx context.Context) error {
		if _, err := f.Alerts.Recall(ctx, v, id, reason); err != nil {
			return err
		}
		_, err := f.Indicators.Recall(ctx, v, id, "", f.Clock.Now(), reason)
		return err
	})
	if err == nil {
		f.Wake.Wake(ctx, "change") // everybody: a recall must not wait
	}
	return err
}

// Answer records the answer that a person of the body confirms. "Incident
// found" opens the body's own report, sent at once.
func (f *Flow) Answer(ctx context.Context, v access.Viewer, id, body ids.ID, ans alert.Answer, note string) (alert.Recipient, error) {
	var out alert.Recipient
	err := f.Tx.Do(ctx, func(ctx context.Context) error {
		r, err := f.Alerts.Recipient(ctx, v, id, body)
		if err != nil {
			return err
		}
		var opened ids.ID
		if ans == alert.Incident && r.Answer != alert.Incident {
			if opened, err = f.openFrom(ctx, v, r, note); err != nil {
				return err
			}
		}
		out, err = f.Alerts.Reply(ctx, v, id, body, ans, note, opened)
		return err
	})
	if err == nil {
		f.Wake.Wake(ctx, "alert", id, body)
	}
	return out, err
}

func (f *Flow) openFrom(ctx context.Context, v access.Viewer, r alert.Recipient, note string) (ids.ID, error) {
	a, err := f.Alerts.Read(ctx, v, r.Alert)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("Riscontro all'allerta %s: incidente trovato.\n%s", a.Code, strings.TrimSpace(note))
	rep, err := f.Reports.Submit(ctx, v, report.Report{
		Body: r.Body, Centre: r.Centre, How: report.ByAlert, Kind: report.Incident, Alert: a.ID, Exercise: a.Exercise,
		Title: cut("Trovato: "+a.Title, report.MaxTitle), Text: text, Known: f.Clock.Now(),
	}, nil)
	if err != nil {
		return "", err
	}
	seen, err := f.Indicators.List(ctx, v, indicator.Filter{Alert: a.ID})
	if err != nil {
		return "", err
	}
	for _, x := range seen {
		s, err := f.Indicators.Sightings(ctx, v, x.ID)
		if err != nil {
			return "", err
		}
		if len(s) == 0 {
			continue
		}
		if err := f.Reports.Observe(ctx, v, rep.ID, report.Observable{Kind: x.Kind, Value: x.Value, Role: "attaccante"}); err != nil {
			return "", err
		}
	}
	return rep.ID, nil
}

// Tick is the node's own clockwork: reminders and escalations.
func (f *Flow) Tick(ctx context.Context) {
	if n, err := f.Reports.Tick(ctx); err != nil {
		f.Log.Error("reminders", "err", err)
	} else if n > 0 {
		f.Log.Info("reminders and escalations", "count", n)
	}
}
