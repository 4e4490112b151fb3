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
	Missing  []string
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
	for key, missing := range map[string]bool{"body.missing.networks": len(p.Networks) == 0, "body.missing.contacts": len(p.Contacts) < 2, "body.missing.holdings": len(p.Holdings) == 0} {
		if missing {
			p.Missing = append(p.Missing, p.T(key))
		}
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
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		return s.showBody(q, id, err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/enti/%s", id)
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
	Rows   []territoryRow
	Next   string
	Search string
	All    bool
}

func (s *Server) territoryList(q *req) error {
	p := territoryPage{Base: q.with("territory.title"), Search: q.URL.Query().Get("cerca"), All: q.URL.Query().Get("tutti") != ""}
	query := territory.Query{Text: p.Search, Active: !p.All && p.Search == "", After: q.URL.Query().Get("after"), Limit: 50}
	if q.v.Kind == access.Centre {
		query.Centre = q.v.Centre
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
	return s.render(q, "territory/list", p)
}

type agreementsPage struct {
	Base
	List  []agreement.Agreement
	Warn  map[ids.ID]int
	Seen  map[ids.ID]agreement.State
	Ends  map[ids.ID]clock.Day
	May   bool
	Level []agreement.Level
}

func (s *Server) agreementList(q *req) error { return s.showAgreements(q, nil) }

func (s *Server) showAgreements(q *req, wrong error) error {
	p := agreementsPage{Base: q.with("agreement.list.title"), Warn: map[ids.ID]int{}, Seen: map[ids.ID]agreement.State{}, Ends: map[ids.ID]clock.Day{}}
	p.Wrong = wrong
	p.May = q.v.Police() && q.v.Acts()
	var err error
	if p.List, err = s.Agreements.List(q.Context(), q.v, agreement.Filter{Limit: 500}); err != nil {
		return err
	}
	today := clock.DayOf(p.At)
	for _, a := range p.List {
		_, p.Warn[a.ID] = a.Warning(today)
		if w, _ := a.Warning(today); w == 0 {
			delete(p.Warn, a.ID)
		}
		p.Seen[a.ID] = a.Seen(today)
		_, p.Ends[a.ID] = a.Terms(today)
	}
	if wrong != nil {
		return s.again(q, wrong, "agreement/list", p)
	}
	return s.render(q, "agreement/list", p)
}

func (s *Server) agreementOpen(q *req) error {
	b, err := s.Territory.ByBelfiore(q.Context(), q.v, q.form("belfiore"))
	if err != nil || !q.v.Sees(b.ID, b.Centre) {
		return s.showAgreements(q, fault.Bad("belfiore", "entry.body.unknown"))
	}
	a, err := s.Agreements.Open(q.Context(), q.v, agreement.Agreement{
		Level: agreement.Municipal, Body: b.ID, Centre: b.Centre, Title: q.b.T("agreement.title.of", b.Name), Clauses: access.Clauses, NoticeDays: 60,
	})
	if fault.Is(err, fault.Invalid) {
		return s.showAgreements(q, err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/protocolli/%s", a.ID)
}

type agreementPage struct {
	Base
	F       agreement.File
	Body    territory.Body
	Centre  territory.Centre
	Seen    agreement.State
	Term    int
	End     clock.Day
	Notice  clock.Day
	Left    int
	Warn    int
	Steps   []agreement.State
	Clauses []access.Clause
	May     bool
}

func (s *Server) ownAgreement(q *req) error {
	a, err := s.Agreements.Of(q.Context(), q.v, q.v.Body)
	if fault.Is(err, fault.NotFound) {
		return s.showAgreement(q, "", nil)
	}
	if err != nil {
		return err
	}
	return s.showAgreement(q, a.ID, nil)
}

func (s *Server) agreementRead(q *req) error { return s.showAgreement(q, q.id("id"), nil) }

func (s *Server) showAgreement(q *req, id ids.ID, wrong error) error {
	p := agreementPage{Base: q.with("agreement.page.title"), Clauses: access.Clauses}
	p.Wrong = wrong
	var err error
	if id == "" {
		return s.render(q, "agreement/none", p)
	}
	if p.F, err = s.Agreements.Read(q.Context(), q.v, id); err != nil {
		return err
	}
	if p.F.Body != "" {
		if p.Body, p.Centre, err = s.place(q, p.F.Body); err != nil {
			return err
		}
	}
	today := clock.DayOf(p.At)
	p.Seen = p.F.Seen(today)
	p.Term, p.End = p.F.Terms(today)
	p.Notice = p.F.NoticeBy(today)
	p.Warn, p.Left = p.F.Warning(today)
	p.May = q.v.Police() && q.v.Acts()
	if p.May {
		p.Steps = p.F.State.Next()
	} else if q.v.Kind == access.Body && q.v.May(access.Manager) && p.F.State == agreement.InForce {
		p.Steps = []agreement.State{agreement.Notice}
	}
	if wrong != nil {
		return s.again(q, wrong, "agreement/read", p)
	}
	return s.render(q, "agreement/read", p)
}

func (s *Server) agreementStep(q *req) error {
	_, err := s.Agreements.Move(q.Context(), q.v, q.id("id"), agreement.Step{To: agreement.State(q.form("stato")), Day: clock.Day(q.form("giorno")), Note: q.form("nota")})
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		return s.showAgreement(q, q.id("id"), err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/protocolli/%s", q.PathValue("id"))
}

func (s *Server) agreementClauses(q *req) error {
	var on []access.Clause
	for _, c := range q.PostForm["clausole"] {
		on = append(on, access.Clause(c))
	}
	err := s.Agreements.SetClauses(q.Context(), q.v, q.id("id"), on)
	if fault.Is(err, fault.Invalid) {
		return s.showAgreement(q, q.id("id"), err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/protocolli/%s", q.PathValue("id"))
}
