package web

import (
	"slices"
	"strings"

	"filo/access"
	"filo/alert"
	"filo/hunt"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
	"filo/territory"
)

type huntRow struct {
	hunt.Hunt
	Tally hunt.Tally
}

type huntsPage struct {
	Base
	Rows []huntRow
	Next ids.ID
}

func (s *Server) huntList(q *req) error {
	p := huntsPage{Base: q.with("hunt.list.title")}
	p.Live = true
	const n = 30
	list, err := s.Hunts.List(q.Context(), q.v, hunt.Filter{After: ids.ID(q.URL.Query().Get("after")), Limit: n})
	if err != nil {
		return err
	}
	for _, h := range list {
		row := huntRow{Hunt: h}
		if row.Tally, err = s.Hunts.Tally(q.Context(), q.v, h.ID); err != nil {
			return err
		}
		p.Rows = append(p.Rows, row)
	}
	if len(list) == n {
		p.Next = list[n-1].ID
	}
	return s.render(q, "hunt/list", p)
}

type huntForm struct {
	Base
	H         hunt.Hunt
	Values    string
	Audience  alert.Audience
	Provinces []territory.Province
	National  bool
}

func (s *Server) huntForm(q *req) (huntForm, error) {
	p := huntForm{Base: q.with("hunt.new.title"), National: q.v.Kind == access.National}
	all, err := s.Territory.Provinces(q.Context(), q.v)
	for _, x := range all {
		if p.National || x.Centre == q.v.Centre {
			p.Provinces = append(p.Provinces, x)
		}
	}
	return p, err
}

func (s *Server) huntNew(q *req) error {
	p, err := s.huntForm(q)
	if err != nil {
		return err
	}
	p.Values = q.URL.Query().Get("valore")
	return s.render(q, "hunt/new", p)
}

func (s *Server) huntOpen(q *req) error {
	p, err := s.huntForm(q)
	if err != nil {
		return err
	}
	p.Values = q.PostFormValue("valori")
	p.H = hunt.Hunt{Title: q.form("titolo"), Why: q.PostFormValue("perche"), Rule: strings.ReplaceAll(q.PostFormValue("regola"), "\r\n", "\n"), Exercise: q.form("esercitazione") != ""}
	p.Audience = alert.Audience{Provinces: q.PostForm["province"]}
	h, err := s.Flow.Ask(q.Context(), q.v, p.H, lines(p.Values), p.Audience)
	if fault.Is(err, fault.Invalid) {
		p.Wrong = err
		return s.again(q, err, "hunt/new", p)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/ricerche/%s", h.ID)
}

type huntPage struct {
	Base
	H      hunt.Hunt
	Asks   []hunt.Ask
	Tally  hunt.Tally
	Closed bool
}

// Hits gives all values that an ask's agents saw, each once with all counts.
func (p huntPage) Hits(a hunt.Ask) []wire.HuntHit {
	var out []wire.HuntHit
	at := map[string]int{}
	for _, ans := range a.Answers {
		for _, f := range ans.Found {
			i, ok := at[f.Kind+f.Value]
			if !ok {
				at[f.Kind+f.Value] = len(out)
				out = append(out, f)
				continue
			}
			h := &out[i]
			h.Count += f.Count
			if f.First.Before(h.First) {
				h.First = f.First
			}
			if f.Last.After(h.Last) {
				h.Last = f.Last
			}
		}
	}
	return out
}

// Matched counts the lines that fit the rule.
func (p huntPage) Matched(a hunt.Ask) int {
	n := 0
	for _, ans := range a.Answers {
		n += ans.RuleCount
	}
	return n
}

// Covered gives the answer that reaches back least: what "not seen" is worth.
func (p huntPage) Covered(a hunt.Ask) wire.HuntAnswer {
	var least wire.HuntAnswer
	for _, ans := range a.Answers {
		if least.Hunt == "" || ans.From.After(least.From) || ans.From.IsZero() {
			least = ans
		}
	}
	return least
}

// Reasons gives why agents could not look for something, each once.
func (p huntPage) Reasons(a hunt.Ask) []string {
	var out []string
	for _, ans := range a.Answers {
		if ans.RuleError != "" {
			out = append(out, ans.RuleError)
		}
		out = append(out, ans.Refused...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Skipped gives the sources that a rule could not be put to, or only in part.
func (p huntPage) Skipped(a hunt.Ask) []string {
	var out []string
	for _, ans := range a.Answers {
		out = append(out, ans.RuleSkipped...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *Server) huntRead(q *req) error {
	p := huntPage{Base: q.with("hunt.one.title")}
	p.Live = true
	var err error
	if p.H, err = s.Hunts.Read(q.Context(), q.v, q.id("id")); err != nil {
		return err
	}
	if p.Asks, err = s.Hunts.Asks(q.Context(), q.v, p.H.ID); err != nil {
		return err
	}
	if p.Tally, err = s.Hunts.Tally(q.Context(), q.v, p.H.ID); err != nil {
		return err
	}
	p.Title, p.Exercise, p.Closed = p.H.Title, p.H.Exercise, !p.H.Open(p.At)
	if q.v.Police() {
		return s.render(q, "hunt/follow", p)
	}
	return s.render(q, "hunt/asked", p)
}

func (s *Server) huntRelease(q *req) error {
	if _, err := s.Hunts.Read(q.Context(), q.v, q.id("id")); err != nil {
		return err
	}
	if err := s.Flow.ReleaseHunt(q.Context(), q.v, q.id("id"), q.chosen()); err != nil {
		return err
	}
	return seeOther(q, "/ricerche/%s", q.id("id"))
}
