package store

import (
	"context"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"filo/access"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/territory"
)

// Territories is the store of the map.
type Territories struct{ *DB }

// Territories gives the store of the map.
func (d *DB) Territories() Territories { return Territories{d} }

const centreCols = "id, name, seat, seat_seen, phone, regions"

func centreFields(c *territory.Centre) []any {
	return []any{&c.ID, &c.Name, &c.Seat, &c.SeatSeen, &c.Phone, doc(&c.Regions)}
}

// Centres gives all centres, the national one first.
func (s Territories) Centres(ctx context.Context, v access.Viewer) ([]territory.Centre, error) {
	list, err := each(ctx, s.DB, "SELECT "+centreCols+" FROM centre ORDER BY id <> 'CNAIPIC', name", nil, centreFields)
	if err != nil {
		return nil, err
	}
	provinces, err := s.Provinces(ctx, v)
	for i := range list {
		for _, p := range provinces {
			if p.Centre == list[i].ID {
				list[i].Provincial = append(list[i].Provincial, p.Sigla)
			}
		}
	}
	return list, err
}

// Centre fails with NotFound.
func (s Territories) Centre(ctx context.Context, _ access.Viewer, id ids.ID) (c territory.Centre, err error) {
	err = s.one(ctx, "SELECT "+centreCols+" FROM centre WHERE id = $1", []any{string(id)}, centreFields(&c)...)
	return c, err
}

// PutCentre inserts or replaces.
func (s Territories) PutCentre(ctx context.Context, _ access.Viewer, c territory.Centre) error {
	return s.replace(ctx, "centre", centreCols, "id", centreFields(&c))
}

const provinceCols = "sigla, istat, name, region, centre, district, seen"

func provinceFields(p *territory.Province) []any {
	return []any{&p.Sigla, &p.ISTAT, &p.Name, &p.Region, &p.Centre, &p.District, &p.Seen}
}

// Provinces gives all provinces by name.
func (s Territories) Provinces(ctx context.Context, _ access.Viewer) ([]territory.Province, error) {
	return each(ctx, s.DB, "SELECT "+provinceCols+" FROM province ORDER BY name", nil, provinceFields)
}

// PutProvince inserts or replaces.
func (s Territories) PutProvince(ctx context.Context, _ access.Viewer, p territory.Province) error {
	return s.replace(ctx, "province", provinceCols, "sigla", provinceFields(&p))
}

const sectionCols = "province, centre, seat, district, seen"

func sectionFields(x *territory.Section) []any {
	return []any{&x.Province, &x.Centre, &x.Seat, &x.District, &x.Seen}
}

// Sections gives the sections of a centre.
func (s Territories) Sections(ctx context.Context, _ access.Viewer, centre ids.ID) ([]territory.Section, error) {
	return each(ctx, s.DB, "SELECT "+sectionCols+" FROM section WHERE centre = $1 ORDER BY seat", []any{string(centre)}, sectionFields)
}

// PutSection inserts or replaces.
func (s Territories) PutSection(ctx context.Context, _ access.Viewer, x territory.Section) error {
	return s.replace(ctx, "section", sectionCols, "province", sectionFields(&x))
}

const bodyCols = "id, kind, name, second_name, search, belfiore, istat, ipa, province, region, centre, population, pec, until, into_body, active"

func bodyFields(b *territory.Body) []any {
	search := b.SearchText() // written only: what is read back is dropped
	return []any{
		&b.ID, &b.Kind, &b.Name, &b.SecondName, &search, &b.Belfiore, &b.ISTAT, &b.IPA, &b.Province, &b.Region,
		&b.Centre, &b.Population, &b.PEC, &b.Until, &b.Into, &b.Active,
	}
}

// Body fails with NotFound.
func (s Territories) Body(ctx context.Context, _ access.Viewer, id ids.ID) (b territory.Body, err error) {
	err = s.one(ctx, "SELECT "+bodyCols+" FROM body WHERE id = $1", []any{string(id)}, bodyFields(&b)...)
	return b, err
}

// Named gives bodies by id, a thousand at a time.
func (s Territories) Named(ctx context.Context, _ access.Viewer, list []ids.ID) (map[ids.ID]territory.Body, error) {
	out := make(map[ids.ID]territory.Body, len(list))
	for part := range slices.Chunk(list, 1000) {
		var w where
		marks := make([]string, len(part))
		for i, id := range part {
			w.args = append(w.args, string(id))
			marks[i] = "$" + strconv.Itoa(i+1)
		}
		bodies, err := each(ctx, s.DB, "SELECT "+bodyCols+" FROM body WHERE id IN ("+strings.Join(marks, ",")+")", w.args, bodyFields)
		if err != nil {
			return nil, err
		}
		for _, b := range bodies {
			out[b.ID] = b
		}
	}
	return out, nil
}

// ByBelfiore fails with NotFound.
func (s Territories) ByBelfiore(ctx context.Context, _ access.Viewer, code string) (b territory.Body, err error) {
	err = s.one(ctx, "SELECT "+bodyCols+" FROM body WHERE belfiore = $1 AND belfiore <> ''", []any{strings.ToUpper(code)}, bodyFields(&b)...)
	return b, err
}

// Extents counts the Comuni of today and their people, by province.
func (s Territories) Extents(ctx context.Context, _ access.Viewer) ([]territory.Extent, error) {
	return each(ctx, s.DB, `SELECT province, COUNT(*), COUNT(*) FILTER (WHERE population > $1), CAST(COALESCE(SUM(population), 0) AS BIGINT)
		FROM body WHERE kind = 'comune' AND until = '' GROUP BY province ORDER BY province`, []any{territory.Large},
		func(e *territory.Extent) []any { return []any{&e.Province, &e.Comuni, &e.Large, &e.People} })
}

// Bodies gives bodies by name; every word must begin a word of a name, or be a sigla.
func (s Territories) Bodies(ctx context.Context, _ access.Viewer, q territory.Query) ([]territory.Body, string, error) {
	var w where
	if !q.Ended {
		w.add("until = ''")
	}
	for _, word := range strings.Fields(territory.SearchKey(q.Text)) {
		w.add("search LIKE ?", "% "+word+"%")
	}
	if q.Centre != "" {
		w.add("centre = ?", q.Centre)
	}
	if q.Province != "" {
		w.add("province = ?", q.Province)
	}
	if q.Active {
		w.add("active = true")
	}
	if q.After != "" {
		var name, id string
		if err := uncursor(q.After, &name, &id); err != nil {
			return nil, "", err
		}
		w.add("(name, id) > (?, ?)", name, id)
	}
	n := q.Limit
	if n <= 0 || n > 200 {
		n = 200
	}
	list, err := each(ctx, s.DB, "SELECT "+bodyCols+" FROM body WHERE "+w.String()+" ORDER BY name, id"+limit(n+1, 201), w.args, bodyFields)
	list, next := page(list, n, func(b territory.Body) string { return cursor(b.Name, b.ID) })
	return list, next, err
}

// page cuts the row beyond the page off and gives the cursor that leads to it.
func page[T any](list []T, n int, cur func(T) string) ([]T, string) {
	if len(list) <= n {
		return list, ""
	}
	return list[:n], cur(list[n-1])
}

// PutBodies inserts or replaces by id.
func (s Territories) PutBodies(ctx context.Context, _ access.Viewer, list []territory.Body) error {
	return s.Do(ctx, func(ctx context.Context) error {
		for i := range list {
			if err := s.replace(ctx, "body", bodyCols, "id", bodyFields(&list[i])); err != nil {
				return err
			}
		}
		return nil
	})
}

// declared puts the condition under which v may see what a body declared.
func declared(v access.Viewer, body ids.ID) *where {
	var w where
	w.add("x.body = ?", body)
	w.scope(v, "b.id", "b.centre")
	return &w
}

func declaredBy[T any](ctx context.Context, s Territories, v access.Viewer, table, cols, order string, body ids.ID, f func(*T) []any) ([]T, error) {
	w := declared(v, body)
	return each(ctx, s.DB, "SELECT "+prefixed("x", cols)+" FROM "+table+" x JOIN body b ON b.id = x.body WHERE "+w.String()+" ORDER BY x."+order+limit(500, 500), w.args, f)
}

// Networks gives the networks that a body declared.
func (s Territories) Networks(ctx context.Context, v access.Viewer, body ids.ID) ([]territory.Network, error) {
	return declaredBy(ctx, s, v, "network", "id, body, prefix, note, added", "prefix", body, func(n *territory.Network) []any {
		return []any{&n.ID, &n.Body, prefixScan{&n.Prefix}, &n.Note, at(&n.Added)}
	})
}

type prefixScan struct{ p *netip.Prefix }

// Scan implements sql.Scanner.
func (p prefixScan) Scan(v any) (err error) {
	s, _ := v.(string)
	*p.p, err = netip.ParsePrefix(s)
	return err
}

// AddNetwork fails with Conflict when the body declared it already.
func (s Territories) AddNetwork(ctx context.Context, _ access.Viewer, n territory.Network) error {
	low, high := bounds(n.Prefix)
	_, err := s.exec(ctx, "INSERT INTO network (id, body, prefix, low, high, bits, note, added) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)",
		string(n.ID), string(n.Body), n.Prefix.String(), low, high, n.Prefix.Bits(), n.Note, micro(n.Added))
	return err
}

// bounds gives the first and last address of a prefix as sortable text: both
// families in 16 bytes, hex, so that one index serves range questions.
func bounds(p netip.Prefix) (low, high string) {
	p = p.Masked()
	a := p.Addr().As16()
	b := a
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	for i := bits; i < 128; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return hex.EncodeToString(a[:]), hex.EncodeToString(b[:])
}

// Owner gives the body that declared the narrowest network around addr.
func (s Territories) Owner(ctx context.Context, _ access.Viewer, addr netip.Addr) (b territory.Body, err error) {
	low, _ := bounds(netip.PrefixFrom(addr, addr.BitLen()))
	err = s.one(ctx, "SELECT "+prefixed("b", bodyCols)+" FROM network n JOIN body b ON b.id = n.body WHERE n.low <= $1 AND n.high >= $2 ORDER BY n.low DESC, n.high LIMIT 1",
		[]any{low, low}, bodyFields(&b)...)
	return b, err
}

// Domains gives the names that a body declared.
func (s Territories) Domains(ctx context.Context, v access.Viewer, body ids.ID) ([]territory.Domain, error) {
	return declaredBy(ctx, s, v, "domain", "id, body, name, added", "name", body, func(d *territory.Domain) []any {
		return []any{&d.ID, &d.Body, &d.Name, at(&d.Added)}
	})
}

// AddDomain fails with Conflict when the body declared it already.
func (s Territories) AddDomain(ctx context.Context, _ access.Viewer, d territory.Domain) error {
	return s.insert(ctx, "domain", "id, body, name, added", []any{&d.ID, &d.Body, &d.Name, at(&d.Added)}, "")
}

const contactCols = "id, body, person, duty, channel, value, deputy, verified"

func contactFields(c *territory.Contact) []any {
	return []any{&c.ID, &c.Body, &c.Person, &c.Duty, &c.Channel, &c.Value, &c.Deputy, at(&c.Verified)}
}

// Contacts gives how to reach the people of a body.
func (s Territories) Contacts(ctx context.Context, v access.Viewer, body ids.ID) ([]territory.Contact, error) {
	return declaredBy(ctx, s, v, "contact", contactCols, "id", body, contactFields)
}

// PutContact inserts or replaces.
func (s Territories) PutContact(ctx context.Context, _ access.Viewer, c territory.Contact) error {
	return s.replace(ctx, "contact", contactCols, "id", contactFields(&c))
}

// Holdings gives what a body declared to have.
func (s Territories) Holdings(ctx context.Context, v access.Viewer, body ids.ID) ([]territory.Holding, error) {
	return declaredBy(ctx, s, v, "holding", "id, body, kind, name", "name", body, func(h *territory.Holding) []any {
		return []any{&h.ID, &h.Body, &h.Kind, &h.Name}
	})
}

// AddHolding fails with Conflict when the body declared it already.
func (s Territories) AddHolding(ctx context.Context, _ access.Viewer, h territory.Holding) error {
	key := territory.SearchKey(h.Name)
	return s.insert(ctx, "holding", "id, body, kind, name, search", []any{&h.ID, &h.Body, &h.Kind, &h.Name, &key}, "")
}

// Remove deletes a declared network, domain, contact or holding of body.
func (s Territories) Remove(ctx context.Context, _ access.Viewer, noun string, body, id ids.ID) error {
	switch noun {
	case "network", "domain", "contact", "holding":
	default:
		return fault.New(fault.NotFound, "fault.not_found")
	}
	n, err := s.exec(ctx, "DELETE FROM "+noun+" WHERE id = $1 AND body = $2", string(id), string(body))
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	return err
}

const delegationCols = "id, operator, body, scope, from_day, until_day"

func delegationFields(g *territory.Delegation) []any {
	return []any{&g.ID, &g.Operator, &g.Body, &g.Scope, &g.From, &g.Until}
}

// Delegations gives those in which body is the operator or the delegating body.
func (s Territories) Delegations(ctx context.Context, v access.Viewer, body ids.ID) ([]territory.Delegation, error) {
	var w where
	w.add("(x.operator = ? OR x.body = ?)", body, body)
	w.scope(v, "b.id", "b.centre")
	return each(ctx, s.DB, "SELECT "+prefixed("x", delegationCols)+" FROM delegation x JOIN body b ON b.id = x.body OR b.id = x.operator WHERE b.id = $1 AND "+w.String()+" ORDER BY x.id", w.args, delegationFields)
}

// PutDelegation inserts or replaces.
func (s Territories) PutDelegation(ctx context.Context, _ access.Viewer, g territory.Delegation) error {
	return s.replace(ctx, "delegation", delegationCols, "id", delegationFields(&g))
}
