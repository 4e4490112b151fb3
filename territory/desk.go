package territory

import (
	"context"
	"net/mail"
	"net/netip"
	"slices"
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
	if text = strings.TrimSpace(text); text == "" {
		return netip.Prefix{}, fault.Bad("network", "territory.network.missing")
	}
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

// Resolve finds the body that a person means: its codice catastale, its codice
// IPA, or its name, with the sigla of the province where several share it. It
// fails with Invalid on field, naming the homonyms when there are some.
func (d *Desk) Resolve(ctx context.Context, v access.Viewer, field, typed string) (Body, error) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return Body{}, fault.Bad(field, "territory.body.missing")
	}
	b, err := d.ByBelfiore(ctx, v, typed)
	if err == nil || !fault.Is(err, fault.NotFound) {
		return b, err
	}
	list, _, err := d.Bodies(ctx, v, Query{Text: typed, Limit: 20})
	if err != nil {
		return Body{}, err
	}
	key := SearchKey(typed)
	same := slices.DeleteFunc(slices.Clone(list), func(b Body) bool { return SearchKey(b.Name) != key && SearchKey(b.Name+" "+b.Province) != key })
	switch {
	case len(same) == 1:
		return same[0], nil
	case len(list) == 1:
		return list[0], nil
	case len(list) == 0:
		return Body{}, fault.Bad(field, "territory.body.unknown", cut(typed, 60))
	}
	names := make([]string, 0, 5)
	for _, b := range list[:min(len(list), 5)] {
		names = append(names, b.Name+" ("+b.Province+")")
	}
	return Body{}, fault.Bad(field, "territory.body.many", strings.Join(names, ", "))
}

// Enlist adds a body that is no Comune: an in-house company, a consortium, an
// association, a laboratory. Its territory is that of its province.
func (d *Desk) Enlist(ctx context.Context, v access.Viewer, b Body) (Body, error) {
	if !v.Police() && v.Kind != access.System || !v.Acts() {
		return b, fault.New(fault.Forbidden, "territory.only_centre")
	}
	if !slices.Contains(OtherKinds, b.Kind) {
		return b, fault.Bad("kind", "territory.kind.bad")
	}
	if b.Name = cut(strings.TrimSpace(b.Name), 120); b.Name == "" {
		return b, fault.Bad("name", "territory.holding.name")
	}
	provinces, err := d.Provinces(ctx, v)
	if err != nil {
		return b, err
	}
	i := slices.IndexFunc(provinces, func(p Province) bool { return strings.EqualFold(p.Sigla, strings.TrimSpace(b.Province)) })
	if i < 0 {
		return b, fault.Bad("province", "territory.province.bad", cut(b.Province, 20))
	}
	b.Province, b.Region, b.Centre = provinces[i].Sigla, provinces[i].Region, provinces[i].Centre
	if v.Kind == access.Centre && b.Centre != v.Centre {
		return b, fault.Bad("province", "territory.province.other", b.Province)
	}
	if b.PEC = strings.TrimSpace(b.PEC); b.PEC != "" {
		if _, err := mail.ParseAddress(b.PEC); err != nil {
			return b, fault.Bad("pec", "territory.contact.mail", cut(b.PEC, 60))
		}
	}
	same, _, err := d.Bodies(ctx, v, Query{Text: b.Name, Province: b.Province, Limit: 50})
	if err != nil {
		return b, err
	}
	if slices.ContainsFunc(same, func(o Body) bool { return o.Kind == b.Kind && SearchKey(o.Name) == SearchKey(b.Name) }) {
		return b, fault.Bad("name", "territory.body.twice", b.Name)
	}
	b.ID, b.IPA, b.Active = ids.New(d.clock.Now()), cut(strings.ToLower(strings.TrimSpace(b.IPA)), 20), true
	return b, d.PutBodies(ctx, v, []Body{b})
}

// OtherKinds are the kinds of bodies that no list of Comuni holds.
var OtherKinds = []BodyKind{InHouse, Consortium, Association, Laboratory}

// Delegate lets an operator act for a body from today. Only a manager of the
// body gives it, or the centre on the strength of a written act, named in scope.
func (d *Desk) Delegate(ctx context.Context, v access.Viewer, g Delegation) error {
	if err := d.mayDelegate(ctx, v, g.Body); err != nil {
		return err
	}
	op, err := d.Store.Body(ctx, v, g.Operator)
	if err != nil {
		return err
	}
	if op.Kind != InHouse && op.Kind != Consortium || g.Operator == g.Body {
		return fault.Bad("operator", "territory.delegate.kind", op.Name)
	}
	if g.Scope = cut(strings.TrimSpace(g.Scope), 200); g.Scope == "" {
		return fault.Bad("scope", "territory.delegate.scope")
	}
	now := d.clock.Now()
	g.ID, g.From = ids.New(now), clock.DayOf(now)
	if g.Until != "" {
		if _, err := clock.ParseDay(string(g.Until)); err != nil || g.Until < g.From {
			return fault.Bad("until", "territory.delegate.until")
		}
	}
	return d.PutDelegation(ctx, v, g)
}

// Undelegate takes a delegation back: it ended yesterday, and stays in the record.
func (d *Desk) Undelegate(ctx context.Context, v access.Viewer, body, id ids.ID) error {
	if err := d.mayDelegate(ctx, v, body); err != nil {
		return err
	}
	list, err := d.Delegations(ctx, v, body)
	if err != nil {
		return err
	}
	for _, g := range list {
		if g.ID == id && g.Body == body {
			g.Until = clock.DayOf(d.clock.Now()).AddDays(-1)
			return d.PutDelegation(ctx, v, g)
		}
	}
	return fault.New(fault.NotFound, "fault.not_found")
}

func (d *Desk) mayDelegate(ctx context.Context, v access.Viewer, body ids.ID) error {
	if err := d.mayEdit(ctx, v, body); err != nil {
		return err
	}
	if v.Kind == access.Body && v.May(access.Manager) || v.Police() || v.Kind == access.System {
		return nil
	}
	return fault.New(fault.Forbidden, "territory.delegate.only_manager")
}

// Present changes what a centre says of itself: the number to call. Only people
// of that centre may.
func (d *Desk) Present(ctx context.Context, v access.Viewer, id ids.ID, phone string) error {
	c, err := d.Store.Centre(ctx, v, id)
	if err != nil {
		return err
	}
	if !v.Police() || v.Kind == access.Centre && v.Centre != id {
		return fault.New(fault.Hidden, "fault.not_found")
	}
	if !v.May(access.Head, access.Admin, access.Officer) {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	phone = cut(strings.TrimSpace(phone), 60)
	if phone != "" && (strings.Trim(phone, "+0123456789 ./-") != "" || len(phone) < 3) {
		return fault.Bad("phone", "territory.contact.phone", phone)
	}
	c.Phone = phone
	return d.PutCentre(ctx, v, c)
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
