package territory

import (
	"context"
	"net/mail"
	"net/netip"
	"strings"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Desk is what people do with the map.
type Desk struct {
	Store
	clock clock.Clock
}

// NewDesk makes the desk of the territory.
func NewDesk(s Store, c clock.Clock) *Desk { return &Desk{Store: s, clock: c} }

// maxProfile limits how many rows of one kind a body may declare.
const maxProfile = 500

// room fails with Invalid once a body declared as many rows as it may.
func room[T any](list []T, err error) error {
	if err == nil && len(list) >= maxProfile {
		return fault.Bad("name", "territory.many", maxProfile)
	}
	return err
}

// mayEdit lets the people of a body, its operator and the head of its centre
// change what the body declared.
func (d *Desk) mayEdit(ctx context.Context, v access.Viewer, body ids.ID) error {
	b, err := d.Store.Body(ctx, v, body)
	if err != nil {
		return err
	}
	if !v.Sees(body, b.Centre) {
		return fault.New(fault.Hidden, "fault.not_found")
	}
	if !v.Acts() {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	return nil
}

// DeclareNetwork registers a network of body. It fails with Invalid when the
// text is no address or prefix, or is wider than a body can own (v4 /8, v6 /16).
func (d *Desk) DeclareNetwork(ctx context.Context, v access.Viewer, body ids.ID, text, note string) error {
	if err := d.mayEdit(ctx, v, body); err != nil {
		return err
	}
	if err := room(d.Networks(ctx, v, body)); err != nil {
		return err
	}
	p, err := ParsePrefix(text)
	if err != nil {
		return err
	}
	now := d.clock.Now()
	return d.AddNetwork(ctx, v, Network{ID: ids.New(now), Body: body, Prefix: p, Note: cut(note, 200), Added: now})
}

// ParsePrefix reads "192.0.2.0/24", "192.0.2.7" or the same in IPv6; host bits are cleared.
func ParsePrefix(text string) (netip.Prefix, error) {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, fault.Bad("network", "territory.network.bad", cut(text, 60))
		}
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fault.Bad("network", "territory.network.bad", cut(text, 60))
	}
	p = p.Masked()
	if p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16 {
		return netip.Prefix{}, fault.Bad("network", "territory.network.wide", p.String())
	}
	return p, nil
}

// DeclareDomain registers a name of body.
func (d *Desk) DeclareDomain(ctx context.Context, v access.Viewer, body ids.ID, name string) error {
	if err := d.mayEdit(ctx, v, body); err != nil {
		return err
	}
	if err := room(d.Domains(ctx, v, body)); err != nil {
		return err
	}
	name = strings.ToLower(strings.Trim(strings.TrimSpace(name), "."))
	if !plausibleName(name) {
		return fault.Bad("domain", "territory.domain.bad", cut(name, 60))
	}
	now := d.clock.Now()
	return d.AddDomain(ctx, v, Domain{ID: ids.New(now), Body: body, Name: name, Added: now})
}

func plausibleName(name string) bool {
	if len(name) > 253 || !strings.Contains(name, ".") {
		return false
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// DeclareContact registers how to reach somebody.
func (d *Desk) DeclareContact(ctx context.Context, v access.Viewer, c Contact) error {
	if err := d.mayEdit(ctx, v, c.Body); err != nil {
		return err
	}
	if err := room(d.Contacts(ctx, v, c.Body)); err != nil {
		return err
	}
	c.Person, c.Value = cut(strings.TrimSpace(c.Person), 120), cut(strings.TrimSpace(c.Value), 200)
	if c.Person == "" {
		return fault.Bad("person", "territory.contact.person")
	}
	switch c.Channel {
	case "mail", "pec":
		if _, err := mail.ParseAddress(c.Value); err != nil {
			return fault.Bad("value", "territory.contact.mail", c.Value)
		}
	case "telefono", "fisso":
		if strings.Trim(c.Value, "+0123456789 ./-") != "" || len(c.Value) < 3 {
			return fault.Bad("value", "territory.contact.phone", c.Value)
		}
	default:
		return fault.Bad("channel", "territory.contact.channel")
	}
	if c.ID == "" {
		c.ID = ids.New(d.clock.Now())
	}
	return d.PutContact(ctx, v, c)
}

// DeclareHolding registers a product, supplier or service of body.
func (d *Desk) DeclareHolding(ctx context.Context, v access.Viewer, body ids.ID, kind HoldingKind, name string) error {
	if err := d.mayEdit(ctx, v, body); err != nil {
		return err
	}
	if err := room(d.Holdings(ctx, v, body)); err != nil {
		return err
	}
	name = cut(strings.TrimSpace(name), 120)
	if name == "" || kind != Product && kind != Supplier && kind != Service {
		return fault.Bad("name", "territory.holding.name")
	}
	return d.AddHolding(ctx, v, Holding{ID: ids.New(d.clock.Now()), Body: body, Kind: kind, Name: name})
}

// Forget removes a declared network, domain, contact or holding.
func (d *Desk) Forget(ctx context.Context, v access.Viewer, noun string, body, id ids.ID) error {
	if err := d.mayEdit(ctx, v, body); err != nil {
		return err
	}
	return d.Remove(ctx, v, noun, body, id)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
