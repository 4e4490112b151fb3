package detection

import (
	"context"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

// State is what people did with a finding.
type State string

// The states of a finding.
const (
	Fresh    State = "nuova"
	Reported State = "segnalata"
	Ignored  State = "ignorata"
)

// Record is a finding as the node keeps it: what the agent said last, and what
// people made of it.
type Record struct {
	ID     ids.ID
	Body   ids.ID
	Centre ids.ID
	Agent  ids.ID
	wire.Finding
	State    State
	ReportID ids.ID // the report drafted from it
	Recorded time.Time
	Updated  time.Time

	Released   time.Time // when a person last let the lines around it go
	ReleasedBy string
	Sent       string // fingerprint of the lines that stand in the report
}

// Filter asks for records. Empty fields do not restrict.
type Filter struct {
	Body  ids.ID
	State State
	After string
	Limit int
}

// Store is what this package needs from the database.
type Store interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
	// Upsert keeps what an agent said: the same agent and key update the same
	// record, whose state and report stay. It gives the record as it is now.
	Upsert(ctx context.Context, v access.Viewer, r Record) (Record, error)
	// Find fails with NotFound also when v may not know it.
	Find(ctx context.Context, v access.Viewer, id ids.ID) (Record, error)
	// ByKey gives what an agent said under a key; NotFound also when v may not know it.
	ByKey(ctx context.Context, v access.Viewer, agent ids.ID, key string) (Record, error)
	// SetState changes what people did with it.
	SetState(ctx context.Context, v access.Viewer, id ids.ID, s State, report ids.ID) error
	// Release writes down who let the lines around it go.
	Release(ctx context.Context, v access.Viewer, id ids.ID, by string, at time.Time) error
	// SetSent keeps the fingerprint of the lines that stand in the report.
	SetSent(ctx context.Context, v access.Viewer, id ids.ID, sum string) error
	// List gives the latest changed first.
	List(ctx context.Context, v access.Viewer, f Filter) (list []Record, next string, err error)
}

// Desk is what people do with findings.
type Desk struct {
	store Store
	clock clock.Clock
	audit access.Audit
}

// NewDesk makes the desk of findings.
func NewDesk(s Store, c clock.Clock, a access.Audit) *Desk {
	return &Desk{store: s, clock: c, audit: a}
}

// List gives findings, the latest changed first.
func (d *Desk) List(ctx context.Context, v access.Viewer, f Filter) ([]Record, string, error) {
	return d.store.List(ctx, v, f)
}

// Find gives one finding and writes down who looked.
func (d *Desk) Find(ctx context.Context, v access.Viewer, id ids.ID) (Record, error) {
	r, err := d.store.Find(ctx, v, id)
	if err != nil {
		return r, err
	}
	return r, d.audit.Read(ctx, v, "finding", id)
}

// Ignore puts a finding aside.
func (d *Desk) Ignore(ctx context.Context, v access.Viewer, id ids.ID) error {
	if v.Police() || !v.Acts() {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	if _, err := d.store.Find(ctx, v, id); err != nil {
		return err
	}
	return d.store.SetState(ctx, v, id, Ignored, "")
}

// ByKey gives what an agent said under a key.
func (d *Desk) ByKey(ctx context.Context, v access.Viewer, agent ids.ID, key string) (Record, error) {
	return d.store.ByKey(ctx, v, agent, key)
}

// Keep stores what an agent said about one finding.
func (d *Desk) Keep(ctx context.Context, v access.Viewer, centre ids.ID, f wire.Finding) (Record, error) {
	now := d.clock.Now()
	return d.store.Upsert(ctx, v, Record{
		ID: ids.New(now), Body: v.Body, Centre: centre, Agent: v.Agent, Finding: bounded(f), State: Fresh, Recorded: now, Updated: now,
	})
}

// MarkReported ties a finding to the report drafted from it.
func (d *Desk) MarkReported(ctx context.Context, v access.Viewer, id, report ids.ID) error {
	return d.store.SetState(ctx, v, id, Reported, report)
}

// Release writes down who let the lines around a finding go: without it no agent
// brings any. A finding that grew may be let go again.
func (d *Desk) Release(ctx context.Context, v access.Viewer, id ids.ID) error {
	return d.store.Release(ctx, v, id, v.Name, d.clock.Now())
}

// MarkSent keeps the fingerprint of the lines that stand in the report, so that
// the same lines are not attached twice.
func (d *Desk) MarkSent(ctx context.Context, v access.Viewer, id ids.ID, sum string) error {
	return d.store.SetSent(ctx, v, id, sum)
}

// bounded cuts what an agent sent to the limits of package wire: the node does
// not trust its agents.
func bounded(f wire.Finding) wire.Finding {
	f.Samples = f.Samples[:min(len(f.Samples), 5)]
	for i, s := range f.Samples {
		if len(s) > 512 {
			f.Samples[i] = s[:512]
		}
	}
	for _, s := range []*string{&f.ACN, &f.Threat, &f.Author, &f.License, &f.RuleLink, &f.Title, &f.Technique, &f.Subject} {
		*s = strings.ToValidUTF8((*s)[:min(len(*s), 256)], "?")
	}
	f.Users = f.Users[:min(len(f.Users), 32)]
	f.SourcePorts = f.SourcePorts[:min(len(f.SourcePorts), 32)]
	f.Origins = f.Origins[:min(len(f.Origins), 32)]
	return f
}
