package flow

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"filo/access"
	"filo/agent"
	"filo/detection"
	"filo/indicator"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
	"filo/report"
)

// TakeBatch keeps what an agent sent, in one transaction with the number of its
// last event: a batch that comes twice changes nothing. The batch must name the
// agent and the body of the certificate, else it fails with Forbidden.
func (f *Flow) TakeBatch(ctx context.Context, v access.Viewer, b wire.Batch) (wire.BatchAck, error) {
	if b.Agent != v.Agent || b.Body != v.Body {
		return wire.BatchAck{}, fault.New(fault.Forbidden, "agent.not_yours")
	}
	now := f.Clock.Now()
	ack := wire.BatchAck{Now: now}
	err := f.Tx.Do(ctx, func(ctx context.Context) error {
		a, err := f.Agents.Known(ctx, v)
		if err != nil {
			return err
		}
		ack.Through = a.Seq
		for _, e := range b.Events {
			if e.Seq <= ack.Through {
				continue
			}
			if e.Seq != ack.Through+1 {
				// A gap would lose what lies in it for ever: the agent sends again from here.
				break
			}
			if err := f.takeEvent(ctx, v, a, e); err != nil {
				return fmt.Errorf("event %d of agent %s: %w", e.Seq, v.Agent, err)
			}
			ack.Through = e.Seq
		}
		return f.AgentStore.Advance(ctx, v.Agent, a.Seq, ack.Through, now, b.Sent.Sub(now))
	})
	if err == nil {
		f.Wake.Wake(ctx, "agent", v.Body)
	}
	return ack, err
}

// takeEvent keeps one event. An event that cannot be understood is logged and
// passed over: one bad event must not stop those behind it.
func (f *Flow) takeEvent(ctx context.Context, v access.Viewer, a agent.Agent, e wire.Event) error {
	var err error
	switch e.Kind {
	case wire.EventFinding:
		var x wire.Finding
		if err = decode(e, &x); err == nil {
			return f.takeFinding(ctx, v, a, x)
		}
	case wire.EventAnswer:
		var x wire.Answer
		if err = decode(e, &x); err == nil {
			return f.takeAnswer(ctx, v, x)
		}
	case wire.EventStatus:
		var x wire.Status
		if err = decode(e, &x); err == nil {
			if err := f.AgentStore.SetStatus(ctx, v.Agent, x, f.Clock.Now()); err != nil {
				return err
			}
			// Networks that were declared before there was an agent, or that came
			// in by another way than the page, reach it here.
			return f.TellNetworks(ctx, v.Body)
		}
	case wire.EventMatch:
		var x wire.Match
		if err = decode(e, &x); err == nil {
			return f.Indicators.Sighted(ctx, v, indicator.Sighting{
				Indicator: x.Indicator, Body: v.Body, Agent: v.Agent, Count: 1, First: x.At, Last: x.At, Log: x.Log,
			})
		}
	case wire.EventApplied:
		var x wire.Applied
		if err = decode(e, &x); err == nil {
			return f.AgentStore.SetApplied(ctx, v.Agent, int64(x.Seq), f.Clock.Now())
		}
	case wire.EventHunt:
		var x wire.HuntAnswer
		if err = decode(e, &x); err == nil {
			// An agent cannot ask what exists: what its body was not asked is passed over.
			if err = f.Hunts.Answer(ctx, v, x); fault.Is(err, fault.NotFound) {
				return nil
			}
			return err
		}
	case wire.EventLines:
		var x wire.Lines
		if err = decode(e, &x); err == nil {
			return f.takeLines(ctx, v, a.Host, x)
		}
	case wire.EventEvicted:
		f.Log.Warn("agent dropped something", "agent", v.Agent, "what", string(e.Payload))
		return nil
	default:
		err = fmt.Errorf("kind %q is unknown", e.Kind)
	}
	f.Log.Warn("event not understood", "agent", v.Agent, "seq", e.Seq, "err", err)
	return nil
}

func decode(e wire.Event, x any) error {
	if err := json.Unmarshal(e.Payload, x); err != nil {
		return fmt.Errorf("%s: %w", e.Kind, err)
	}
	return nil
}

// takeFinding keeps a finding and, once it passes the threshold of its rule,
// drafts a report from it: a person sends it, unless the body chose otherwise.
func (f *Flow) takeFinding(ctx context.Context, v access.Viewer, a agent.Agent, x wire.Finding) error {
	if x.Key == "" || x.Rule == "" {
		f.Log.Warn("finding without key or rule", "agent", v.Agent)
		return nil
	}
	r, err := f.Detections.Keep(ctx, v, a.Centre, x)
	if err != nil {
		return err
	}
	if !x.Report || r.State != detection.Fresh {
		return nil
	}
	by := v
	by.Name = "Agente " + a.Host
	by.Role = access.Technician
	rep, err := f.draft(ctx, by, r)
	if fault.Is(err, fault.NotCovered) {
		return nil // the finding stays; without the clause nothing may leave
	}
	if err != nil {
		return err
	}
	s, err := f.AgentStore.Settings(ctx, v, v.Body)
	if err != nil || !s.SendReports {
		return err
	}
	_, err = f.Reports.Send(ctx, by, rep.ID)
	return err
}

// Draft makes a report draft from a finding, at the wish of a person.
func (f *Flow) Draft(ctx context.Context, v access.Viewer, finding ids.ID) (report.Report, error) {
	r, err := f.Detections.Find(ctx, v, finding)
	if err != nil {
		return report.Report{}, err
	}
	if !v.Acts() {
		return report.Report{}, fault.New(fault.Forbidden, "fault.forbidden")
	}
	if r.ReportID != "" {
		return f.Reports.Find(ctx, v, r.ReportID)
	}
	return f.draft(ctx, v, r)
}

func (f *Flow) draft(ctx context.Context, v access.Viewer, r detection.Record) (rep report.Report, err error) {
	kind, title := report.Attempt, r.Title
	var signs []report.Sign
	switch {
	case r.Leaves: // our machine is no attacker that others should watch for, and its address names us
		kind = report.Incident
	case r.Outcome == "success":
		kind, signs = report.Incident, []report.Sign{report.SignLogin}
	}
	if r.SourceIP != "" && !r.Leaves {
		title += " da " + r.SourceIP
	}
	err = f.Tx.Do(ctx, func(ctx context.Context) error {
		rep, err = f.Reports.Begin(ctx, v, report.Report{
			Body: r.Body, Centre: r.Centre, How: report.ByAgent, Kind: kind, Signs: signs, Finding: r.ID,
			Title: cut(title, report.MaxTitle), Text: describe(r), Began: r.First, Known: f.Clock.Now(),
			Now: r.Outcome == "success",
		})
		if err != nil {
			return err
		}
		for _, o := range values(r) {
			if err := f.Reports.Observe(ctx, v, rep.ID, o); err != nil {
				return err
			}
		}
		return f.Detections.MarkReported(ctx, v, r.ID, rep.ID)
	})
	return rep, err
}

// values gives the addresses of a finding with the part each of them plays.
func values(r detection.Record) []report.Observable {
	source, target := "attaccante", ""
	if r.Leaves {
		source, target = "nostro", "vittima"
	}
	var out []report.Observable
	if r.SourceIP != "" {
		out = append(out, report.Observable{Kind: ipKind(r.SourceIP), Value: r.SourceIP, Role: source})
	}
	if r.DestIP != "" && target != "" {
		out = append(out, report.Observable{Kind: ipKind(r.DestIP), Value: r.DestIP, Role: target})
	}
	return out
}

// describe writes what an officer needs to find the subscriber: address, port,
// instant, zone, for each of the first tuples.
func describe(r detection.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nRegistro: %s. Eventi: %d, dal %s al %s (UTC).\n", r.Title, r.Log, r.Count,
		r.First.UTC().Format("2006-01-02 15:04:05"), r.Last.UTC().Format("2006-01-02 15:04:05"))
	if r.Leaves {
		fmt.Fprintf(&b, "L'attacco parte da noi: computer %s", cmp.Or(r.SourceIP, "non noto"))
		if r.DestIP != "" {
			fmt.Fprintf(&b, ", verso %s", r.DestIP)
		}
		b.WriteString(".\n")
	}
	if r.Threat != "" {
		fmt.Fprintf(&b, "Minaccia: %s.\n", r.Threat)
	}
	if len(r.Users) > 0 {
		fmt.Fprintf(&b, "Utenti provati: %s.\n", strings.Join(r.Users, ", "))
	}
	if len(r.Origins) > 0 {
		b.WriteString("Origine (indirizzo, porta, istante UTC):\n")
	}
	for i, o := range r.Origins {
		if i == 10 {
			fmt.Fprintf(&b, "… e altre %d.\n", len(r.Origins)-10)
			break
		}
		b.WriteString(o.SourceIP)
		if o.SourcePort > 0 {
			fmt.Fprintf(&b, " porta %d", o.SourcePort)
		}
		if o.DestIP != "" {
			fmt.Fprintf(&b, " verso %s", o.DestIP)
		}
		if o.DestPort > 0 {
			fmt.Fprintf(&b, " porta %d", o.DestPort)
		}
		fmt.Fprintf(&b, " alle %s\n", o.At.UTC().Format(time.RFC3339))
	}
	if r.Author != "" {
		fmt.Fprintf(&b, "Regola %s di %s, licenza %s.\n", r.Rule, r.Author, cmp.Or(r.License, "non indicata"))
	}
	return cut(b.String(), report.MaxText)
}

func ipKind(s string) string {
	if a, err := netip.ParseAddr(s); err == nil && a.Unmap().Is6() {
		return "ipv6-addr"
	}
	return "ipv4-addr"
}

func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	for len(s) > n {
		r := []rune(s)
		s = string(r[:len(r)*n/len(s)])
	}
	return s
}

// takeAnswer keeps what the look-back of an agent says about an alert. An alert
// that was not published to the body is passed over: an agent cannot ask what exists.
func (f *Flow) takeAnswer(ctx context.Context, v access.Viewer, x wire.Answer) error {
	if err := f.Alerts.PreReply(ctx, v, v.Body, x); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}
	for _, s := range x.Seen[:min(len(x.Seen), 1000)] {
		err := f.Indicators.Sighted(ctx, v, indicator.Sighting{
			Indicator: s.Indicator, Body: v.Body, Agent: v.Agent, Count: s.Count, First: s.First, Last: s.Last, Log: s.Log, Back: true,
		})
		if err != nil {
			return err
		}
	}
	f.Wake.Wake(ctx, "alert", x.Alert, v.Body)
	return nil
}
