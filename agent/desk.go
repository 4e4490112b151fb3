package agent

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

// Desk is what people do with agents, and what agents do with the node.
type Desk struct {
	store  Store
	clock  clock.Clock
	grants access.Grants
	signer Signer
	wake   access.Waker
}

// NewDesk makes the desk of agents.
func NewDesk(s Store, c clock.Clock, g access.Grants, sg Signer, w access.Waker) *Desk {
	return &Desk{store: s, clock: c, grants: g, signer: sg, wake: w}
}

// CodeLife is how long an enrolment code is good.
const CodeLife = 24 * time.Hour

// Invite makes a code with which one machine of body can enrol; the code is
// given once and only its hash is kept.
func (d *Desk) Invite(ctx context.Context, v access.Viewer, body, centre ids.ID) (string, error) {
	if !v.Sees(body, centre) {
		return "", fault.New(fault.Hidden, "fault.not_found")
	}
	if v.Police() || !v.May(access.Technician, access.Manager) {
		return "", fault.New(fault.Forbidden, "agent.only_body")
	}
	now := d.clock.Now()
	if err := d.grants.Covered(ctx, body, access.ClauseSharing, now); err != nil {
		return "", err
	}
	code := ids.Code(11)
	return code, d.store.AddEnrolment(ctx, v, Enrolment{
		ID: ids.New(now), Body: body, Hash: ids.Hash(code), By: v.Name, Created: now, Expires: now.Add(CodeLife),
	})
}

// Enrol turns a code into a certificate. Unknown, used and expired codes fail alike.
func (d *Desk) Enrol(ctx context.Context, req wire.EnrolRequest, centre func(context.Context, ids.ID) (ids.ID, error)) (Agent, string, error) {
	code, ok := ids.NormalCode(req.Code)
	if !ok {
		return Agent{}, "", fault.Bad("code", "agent.code.bad")
	}
	var a Agent
	var cert string
	err := d.store.Do(ctx, func(ctx context.Context) error {
		now := d.clock.Now()
		e, err := d.store.UseEnrolment(ctx, ids.Hash(code), now)
		if err != nil {
			return err
		}
		a = Agent{
			ID: ids.New(now), Body: e.Body, By: e.By, Enrolled: now, LastSeen: now,
			Host: cut(req.Host, 120), System: cut(req.System, 60), Version: cut(req.Version, 60),
		}
		if a.Centre, err = centre(ctx, e.Body); err != nil {
			return err
		}
		if cert, a.Serial, a.NotAfter, err = d.signer.Sign(req.CSR, a.ID, a.Body, now); err != nil {
			return err
		}
		return d.store.Insert(ctx, access.OfBody(e.Body), a)
	})
	if err == nil {
		d.wake.Wake(ctx, "agent", a.Body, a.Centre)
	}
	return a, cert, err
}

// Renew gives a known agent a new certificate for a new key.
func (d *Desk) Renew(ctx context.Context, v access.Viewer, csr string) (Agent, string, error) {
	a, err := d.Known(ctx, v)
	if err != nil {
		return a, "", err
	}
	cert, serial, until, err := d.signer.Sign(csr, a.ID, a.Body, d.clock.Now())
	if err != nil {
		return a, "", err
	}
	a.Serial, a.NotAfter = serial, until
	return a, cert, d.store.Update(ctx, v, a)
}

// Known gives the agent behind a link, unless it is revoked.
func (d *Desk) Known(ctx context.Context, v access.Viewer) (Agent, error) {
	a, err := d.store.Find(ctx, v, v.Agent)
	if err != nil {
		return a, err
	}
	if !a.Revoked.IsZero() {
		return a, fault.New(fault.Forbidden, "agent.revoked")
	}
	return a, nil
}

// Revoke shuts an agent out at once; its open stream is closed by the waker.
func (d *Desk) Revoke(ctx context.Context, v access.Viewer, id ids.ID) error {
	a, err := d.store.Find(ctx, v, id)
	if err != nil {
		return err
	}
	if !v.May(access.Technician, access.Manager, access.Head, access.Admin) {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	if !a.Revoked.IsZero() {
		return nil
	}
	a.Revoked, a.RevokedBy = d.clock.Now(), v.Name
	if err := d.store.Update(ctx, v, a); err != nil {
		return err
	}
	d.wake.Wake(ctx, "agent", a.Body, a.Centre, a.ID)
	return nil
}

// Find gives one agent.
func (d *Desk) Find(ctx context.Context, v access.Viewer, id ids.ID) (Agent, error) {
	return d.store.Find(ctx, v, id)
}

// List gives the agents of a body, or all that v may see, silent ones first.
func (d *Desk) List(ctx context.Context, v access.Viewer, body ids.ID, after string, limit int) ([]Agent, string, error) {
	return d.store.List(ctx, v, body, after, limit)
}

// Settings gives what the body chose for its agents.
func (d *Desk) Settings(ctx context.Context, v access.Viewer, body ids.ID) (wire.Settings, error) {
	return d.store.Settings(ctx, v, body)
}

// Choose changes what the body chose and tells its agents.
func (d *Desk) Choose(ctx context.Context, v access.Viewer, body ids.ID, s wire.Settings) error {
	if v.Police() || !v.May(access.Technician, access.Manager) {
		return fault.New(fault.Forbidden, "agent.only_body")
	}
	for _, a := range s.Allow {
		if _, err := netip.ParsePrefix(a); err != nil {
			if _, err := netip.ParseAddr(a); err != nil {
				return fault.Bad("allow", "agent.allow.bad", cut(a, 60))
			}
		}
	}
	return d.settle(ctx, v, body, func(old wire.Settings) wire.Settings {
		s.Own = old.Own // not chosen here: the networks that the body declared
		return s
	})
}

// Own keeps which networks are the body's own and tells its agents: an attack
// that comes from one of them leaves from us.
func (d *Desk) Own(ctx context.Context, body ids.ID, networks []string) error {
	return d.settle(ctx, access.AsSystem("reti dell'ente"), body, func(s wire.Settings) wire.Settings {
		s.Own = networks
		return s
	})
}

// settle changes the settings of a body and tells its agents, in one step.
func (d *Desk) settle(ctx context.Context, v access.Viewer, body ids.ID, f func(wire.Settings) wire.Settings) error {
	err := d.store.Do(ctx, func(ctx context.Context) error {
		s, err := d.store.Settings(ctx, v, body)
		if err != nil {
			return err
		}
		s = f(s)
		payload, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if err := d.store.PutSettings(ctx, v, body, s); err != nil {
			return err
		}
		_, err = d.store.AddChange(ctx, body, wire.ChangeSettings, payload)
		return err
	})
	if err == nil {
		d.wake.Wake(ctx, "change", body)
	}
	return err
}

// Changes gives what the agent must still be told. Without an agreement in
// force that shares information it is told recalls only: what was taken back
// must leave every machine, whatever became of the agreement. The cursor then
// stays, so that the rest is there when rights come back.
func (d *Desk) Changes(ctx context.Context, v access.Viewer, after int64) (wire.ChangesPage, error) {
	err := d.grants.Covered(ctx, v.Body, access.ClauseSharing, d.clock.Now())
	if err != nil && !fault.Is(err, fault.NotCovered) {
		return wire.ChangesPage{}, err
	}
	after = max(after, 0)
	if err != nil {
		list, err := d.store.Recalls(ctx, v.Body, after)
		return wire.ChangesPage{Changes: list, Next: uint64(after)}, err
	}
	const page = 500
	list, next, err := d.store.Changes(ctx, v.Body, after, page)
	return wire.ChangesPage{Changes: list, Next: uint64(next), More: len(list) == page}, err
}

func cut(s string, n int) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "")
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
