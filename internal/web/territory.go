package web

import (
	"filo/access"
	"filo/agreement"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/territory"
)

type bodyPage struct {
	Base
	Body     territory.Body
	Centre   territory.Centre
	Networks []territory.Network
	Domains  []territory.Domain
	Contacts []territory.Contact
	Holdings []territory.Holding
	Given    []delegation // who acts for it, and for whom it acts
	Delegate bool         // the viewer may give and take back
	Missing  []string
}

type delegation struct {
	territory.Delegation
	Other territory.Body
	Takes bool // the body is the operator
	Over  bool
}

func (s *Server) ownBody(q *req) error { return s.showBody(q, q.v.Body, nil) }

func (s *Server) bodyRead(q *req) error { return s.showBody(q, q.id("id"), nil) }

func (s *Server) showBody(q *req, id ids.ID, wrong error) error {
	p := bodyPage{Base: q.with("body.title")}
	ctx, v := q.Context(), q.v
	var err error
	if p.Body, p.Centre, err = s.place(q, id); err != nil {
		return err
	}
	if !v.Sees(p.Body.ID, p.Body.Centre) {
		return fault.New(fault.Hidden, "fault.not_found")
	}
	p.Title, p.Wrong = p.Body.Name, wrong
	if p.Networks, err = s.Territory.Networks(ctx, v, id); err != nil {
		return err
	}
	if p.Domains, err = s.Territory.Domains(ctx, v, id); err != nil {
		return err
	}
	if p.Contacts, err = s.Territory.Contacts(ctx, v, id); err != nil {
		return err
	}
	if p.Holdings, err = s.Territory.Holdings(ctx, v, id); err != nil {
		return err
	}
	if p.Given, err = s.delegations(q, p.Body); err != nil {
		return err
	}
	p.Delegate = v.Acts() && (v.Police() || v.Kind == access.Body && v.May(access.Manager))
	if len(p.Networks) == 0 {
		p.Missing = append(p.Missing, p.T("body.missing.networks"))
	}
	if len(p.Contacts) < 2 {
		p.Missing = append(p.Missing, p.T("body.missing.contacts"))
	}
	if len(p.Holdings) == 0 {
		p.Missing = append(p.Missing, p.T("body.missing.holdings"))
	}
	if wrong != nil {
		return s.again(q, wrong, "body/read", p)
	}
	return s.render(q, "body/read", p)
}

func (s *Server) bodyAdd(q *req) error {
	id, ctx := q.id("id"), q.Context()
	var err error
	switch q.PathValue("noun") {
	case "rete":
		err = s.Territory.DeclareNetwork(ctx, q.v, id, q.form("network"), q.form("note"))
	case "dominio":
		err = s.Territory.DeclareDomain(ctx, q.v, id, q.form("domain"))
	case "contatto":
		err = s.Territory.DeclareContact(ctx, q.v, territory.Contact{Body: id, Person: q.form("person"), Duty: q.form("duty"), Channel: q.form("channel"), Value: q.form("value"), Deputy: q.form("deputy") != ""})
	case "bene":
		err = s.Territory.DeclareHolding(ctx, q.v, id, territory.HoldingKind(q.form("kind")), q.form("name"))
	default:
		return fault.New(fault.NotFound, "fault.not_found")
	}
	if err == nil && q.PathValue("noun") == "rete" {
		err = s.Flow.TellNetworks(ctx, id)
	}
	return s.bodyDone(q, err)
}

func (s *Server) delegations(q *req, b territory.Body) ([]delegation, error) {
	list, err := s.Territory.Delegations(q.Context(), q.v, b.ID)
	if err != nil {
		return nil, err
	}
	today := clock.DayOf(q.b.At)
	var out []delegation
	for _, g := range list {
		d := delegation{Delegation: g, Takes: g.Operator == b.ID, Over: g.Until != "" && g.Until < today}
		other := g.Operator
		if d.Takes {
			other = g.Body
		}
		if d.Other, err = s.Territory.Body(q.Context(), q.v, other); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func (s *Server) delegate(q *req) error {
	op, err := s.Territory.Resolve(q.Context(), q.v, "operator", q.form("operator"))
	if err == nil {
		err = s.Territory.Delegate(q.Context(), q.v, territory.Delegation{Operator: op.ID, Body: q.id("id"), Scope: q.form("scope"), Until: clock.Day(q.form("until"))})
	}
	return s.bodyDone(q, err)
}

func (s *Server) undelegate(q *req) error {
	return s.bodyDone(q, s.Territory.Undelegate(q.Context(), q.v, q.id("id"), q.id("row")))
}

// bodyDone leads back to the body, with the error when it has one to show.
func (s *Server) bodyDone(q *req, err error) error {
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		return s.showBody(q, q.id("id"), err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/enti/%s", q.PathValue("id"))
}

var nouns = map[string]string{"rete": "network", "dominio": "domain", "contatto": "contact", "bene": "holding"}

func (s *Server) bodyRemove(q *req) error {
	noun, ok := nouns[q.PathValue("noun")]
	if !ok {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	if err := s.Territory.Forget(q.Context(), q.v, noun, q.id("id"), q.id("row")); err != nil {
		return err
	}
	if noun == "network" {
		if err := s.Flow.TellNetworks(q.Context(), q.id("id")); err != nil {
			return err
		}
	}
	return seeOther(q, "/enti/%s", q.PathValue("id"))
}

type territoryRow struct {
	territory.Body
	State agreement.State
	End   clock.Day
	Agent string
}

type territoryPage struct {
	Base
	Rows    []territoryRow
	Next    string
	Search  string
	All     bool
	Centres []territory.Centre // of the national centre; else the viewer's own
	Kinds   []territory.BodyKind
	New     territory.Body // as it was typed
}

func (s *Server) territoryList(q *req) error { return s.showTerritory(q, territory.Body{}, nil) }

// territoryAdd enlists a body that is no Comune.
func (s *Server) territoryAdd(q *req) error {
	b, err := s.Territory.Enlist(q.Context(), q.v, territory.Body{
		Kind: territory.BodyKind(q.form("kind")), Name: q.form("name"), Province: q.form("province"), IPA: q.form("ipa"), PEC: q.form("pec"),
	})
	if fault.Is(err, fault.Invalid) {
		return s.showTerritory(q, b, err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/enti/%s", b.ID)
}

func (s *Server) showTerritory(q *req, typed territory.Body, wrong error) error {
	p := territoryPage{Base: q.with("territory.title"), Search: q.URL.Query().Get("cerca"), All: q.URL.Query().Get("tutti") != "", Kinds: territory.OtherKinds, New: typed}
	p.Wrong = wrong
	query := territory.Query{Text: p.Search, Active: !p.All && p.Search == "", After: q.URL.Query().Get("after"), Limit: 50}
	if q.v.Kind == access.Centre {
		query.Centre = q.v.Centre
	}
	centres, err := s.Territory.Centres(q.Context(), q.v)
	if err != nil {
		return err
	}
	for _, c := range centres {
		if q.v.Kind == access.National || c.ID == q.v.Centre {
			p.Centres = append(p.Centres, c)
		}
	}
	list, next, err := s.Territory.Bodies(q.Context(), q.v, query)
	if err != nil {
		return err
	}
	p.Next = next
	today := clock.DayOf(p.At)
	for _, b := range list {
		row := territoryRow{Body: b}
		a, err := s.Agreements.Of(q.Context(), q.v, b.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil {
			row.State = a.Seen(today)
			_, row.End = a.Terms(today)
		}
		agents, _, err := s.Agents.List(q.Context(), q.v, b.ID, "", 1)
		if err != nil {
			return err
		}
		if len(agents) > 0 {
			row.Agent = watching(p.Base, agents[0])
		}
		p.Rows = append(p.Rows, row)
	}
	if wrong != nil {
		return s.again(q, wrong, "territory/list", p)
	}
	return s.render(q, "territory/list", p)
}

type centrePage struct {
	Base
	Centre    territory.Centre
	Provinces []territory.Province
	Sections  []territory.Section
	May       bool
}

func (s *Server) centreRead(q *req) error { return s.showCentre(q, nil) }

func (s *Server) showCentre(q *req, wrong error) error {
	p := centrePage{Base: q.with("centre.title")}
	p.Wrong = wrong
	var err error
	if p.Centre, err = s.Territory.Centre(q.Context(), q.v, q.id("centre")); err != nil {
		return err
	}
	provinces, err := s.Territory.Provinces(q.Context(), q.v)
	if err != nil {
		return err
	}
	for _, v := range provinces {
		if v.Centre == p.Centre.ID {
			p.Provinces = append(p.Provinces, v)
		}
	}
	if p.Sections, err = s.Territory.Sections(q.Context(), q.v, p.Centre.ID); err != nil {
		return err
	}
	p.Title = p.Centre.Name
	p.May = q.v.Acts() && (q.v.Kind == access.National || q.v.Kind == access.Centre && q.v.Centre == p.Centre.ID)
	if wrong != nil {
		return s.again(q, wrong, "territory/centre", p)
	}
	return s.render(q, "territory/centre", p)
}

// centrePresent changes the number that the Comuni of the territory are told to call.
func (s *Server) centrePresent(q *req) error {
	err := s.Territory.Present(q.Context(), q.v, q.id("centre"), q.form("phone"))
	if fault.Is(err, fault.Invalid) {
		return s.showCentre(q, err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/centri/%s", q.PathValue("centre"))
}
