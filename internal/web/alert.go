package web

import (
	"strings"

	"filo/access"
	"filo/alert"
	"filo/indicator"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/territory"
)

type warnPage struct {
	Base
	From       ids.ID
	A          alert.Alert
	Values     string
	Advice     string
	Provinces  []territory.Province
	Reach      []alert.Recipient
	Previewed  bool
	Priorities []access.Priority
	TLPs       []access.TLP
	Holdings   string
	National   bool
}

func (s *Server) warnForm(q *req) (warnPage, error) {
	p := warnPage{Base: q.with("alert.warn.title"), From: q.id("id"), Priorities: access.Priorities, TLPs: access.TLPs, National: q.v.Kind == access.National}
	all, err := s.Territory.Provinces(q.Context(), q.v)
	for _, x := range all {
		if q.v.Kind == access.National || x.Centre == q.v.Centre {
			p.Provinces = append(p.Provinces, x)
		}
	}
	return p, err
}

func (s *Server) warnPage(q *req) error {
	p, err := s.warnForm(q)
	if err != nil {
		return err
	}
	var values []string
	if p.A, values, err = s.Flow.Propose(q.Context(), q.v, p.From); err != nil {
		return err
	}
	p.Values, p.Advice, p.Exercise = strings.Join(values, "\n"), p.T("alert.advice.default"), p.A.Exercise
	p.A.What = p.T("alert.what.default")
	if p.Reach, err = s.Flow.Concerned(q.Context(), q.v, p.A.Audience, values); err != nil {
		return err
	}
	return s.render(q, "alert/warn", p)
}

// warn previews, or publishes once the preview was seen.
func (s *Server) warn(q *req) error {
	p, err := s.warnForm(q)
	if err != nil {
		return err
	}
	from, _, err := s.Flow.Propose(q.Context(), q.v, p.From)
	if err != nil {
		return err
	}
	p.Values, p.Advice, p.Holdings = q.PostFormValue("valori"), q.PostFormValue("consigli"), q.PostFormValue("prodotti")
	p.A = alert.Alert{
		Report: p.From, Title: q.form("titolo"), What: q.PostFormValue("cosa"), Advice: lines(p.Advice), TLP: access.TLP(q.form("tlp")),
		Priority: access.Priority(q.form("priorita")), Confidence: access.Confidence(strings.ToUpper(q.form("attendibilita"))), Exercise: from.Exercise,
		Audience: alert.Audience{Provinces: q.PostForm["province"], Holdings: lines(p.Holdings), Networks: q.form("reti") != "", Except: from.Audience.Except},
	}
	p.Exercise = from.Exercise
	values := lines(p.Values)
	if p.Reach, err = s.Flow.Concerned(q.Context(), q.v, p.A.Audience, values); err != nil {
		return err
	}
	if q.form("pubblica") == "" {
		p.Previewed = true
		if _, err := s.Flow.Watch(p.A, values); err != nil {
			p.Wrong, p.Previewed = err, false
			return s.again(q, err, "alert/warn", p)
		}
		return s.render(q, "alert/warn", p)
	}
	a, err := s.Flow.Publish(q.Context(), q.v, p.A, values)
	if fault.Is(err, fault.Invalid) {
		p.Wrong = err
		return s.again(q, err, "alert/warn", p)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/allerte/%s", a.ID)
}

func lines(s string) []string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

type alertRow struct {
	alert.Alert
	Tally alert.Tally
	Mine  alert.Recipient
}

type alertsPage struct {
	Base
	Rows []alertRow
	Next ids.ID
}

func (s *Server) alertList(q *req) error {
	p := alertsPage{Base: q.with("alert.list.title")}
	p.Live = true
	const n = 30
	list, err := s.Alerts.List(q.Context(), q.v, alert.Filter{After: ids.ID(q.URL.Query().Get("after")), Limit: n})
	if err != nil {
		return err
	}
	for _, a := range list {
		row := alertRow{Alert: a}
		if q.v.Police() {
			row.Tally, err = s.Alerts.Tally(q.Context(), q.v, a.ID)
		} else if row.Mine, err = s.Alerts.Recipient(q.Context(), q.v, a.ID, q.v.Body); fault.Is(err, fault.NotFound) {
			err = nil // addressed to a body this operator acts for
		}
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, row)
	}
	if len(list) == n {
		p.Next = list[n-1].ID
	}
	return s.render(q, "alert/list", p)
}

type alertPage struct {
	Base
	A          alert.Alert
	Centre     territory.Centre
	Indicators []indicator.Watched
	Tally      alert.Tally
	Recipients []alert.Recipient
	Next       string
	Mine       []alert.Recipient // the viewer's bodies
	Answers    []alert.Answer
	Issuer     bool
}

func (s *Server) alertPage(q *req) (alertPage, error) {
	p := alertPage{Base: q.with("alert.page.title"), Answers: alert.Answers}
	p.Live = true
	ctx, v, id := q.Context(), q.v, q.id("id")
	var err error
	if p.A, err = s.Alerts.Read(ctx, v, id); err != nil {
		return p, err
	}
	p.Title, p.Exercise = p.A.Title, p.A.Exercise
	if p.Centre, err = s.Territory.Centre(ctx, v, p.A.Centre); err != nil && !fault.Is(err, fault.NotFound) {
		return p, err
	}
	if p.Indicators, err = s.Indicators.List(ctx, v, indicator.Filter{Alert: id, Limit: 500}); err != nil {
		return p, err
	}
	if v.Police() {
		p.Issuer = v.Kind == access.National || v.Centre == p.A.Centre
		if p.Tally, err = s.Alerts.Tally(ctx, v, id); err != nil {
			return p, err
		}
		p.Recipients, p.Next, err = s.Alerts.Recipients(ctx, v, id, q.URL.Query().Get("after"), 100)
		return p, err
	}
	p.Mine, _, err = s.Alerts.Recipients(ctx, v, id, "", 200)
	return p, err
}

func (s *Server) alertRead(q *req) error {
	p, err := s.alertPage(q)
	if err != nil {
		return err
	}
	if q.v.Police() {
		return s.render(q, "alert/followed", p)
	}
	return s.render(q, "alert/read", p)
}

// why writes the reason for which a body was told.
func (p alertPage) Why(why string) string {
	kind, what, _ := strings.Cut(why, ":")
	return p.T("alert.why."+kind, what)
}

func (s *Server) alertAnswer(q *req) error {
	body := ids.ID(q.form("ente"))
	r, err := s.Flow.Answer(q.Context(), q.v, q.id("id"), body, alert.Answer(q.form("risposta")), q.PostFormValue("nota"))
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		p, e := s.alertPage(q)
		if e != nil {
			return e
		}
		p.Wrong = err
		return s.again(q, err, "alert/read", p)
	}
	if err != nil {
		return err
	}
	if r.Answer == alert.Incident && r.Report != "" {
		return seeOther(q, "/segnalazioni/%s/ricevuta", r.Report)
	}
	return seeOther(q, "/allerte/%s", r.Alert)
}

func (s *Server) alertRemind(q *req) error {
	if _, err := s.Alerts.Remind(q.Context(), q.v, q.id("id")); err != nil {
		return err
	}
	return seeOther(q, "/allerte/%s", q.PathValue("id"))
}

func (s *Server) alertRecall(q *req) error {
	err := s.Flow.Recall(q.Context(), q.v, q.id("id"), q.form("motivo"))
	if fault.Is(err, fault.Invalid) {
		p, e := s.alertPage(q)
		if e != nil {
			return e
		}
		p.Wrong = err
		return s.again(q, err, "alert/followed", p)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/allerte/%s", q.PathValue("id"))
}

type indicatorsPage struct {
	Base
	List []indicator.Watched
	Next ids.ID
}

func (s *Server) indicatorList(q *req) error {
	p := indicatorsPage{Base: q.with("indicator.list.title")}
	var err error
	p.List, err = s.Indicators.List(q.Context(), q.v, indicator.Filter{After: ids.ID(q.URL.Query().Get("after")), Limit: 50})
	if len(p.List) == 50 {
		p.Next = p.List[49].ID
	}
	if err != nil {
		return err
	}
	return s.render(q, "indicator/list", p)
}
