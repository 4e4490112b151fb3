package web

import (
	"strings"

	"filo/agent"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
	"filo/territory"
)

type agentsPage struct {
	Base
	Agents   []agent.Agent
	Settings wire.Settings
	Allow    string
	Code     string
	Pin      string
	Link     string
	Bodies   []territory.Body // of a delegated operator, to choose from
	About    ids.ID           // the body whose choices are shown
}

// Watching says how an agent is, in words.
func (p agentsPage) Watching(a agent.Agent) string { return watching(p.Base, a) }

func (s *Server) agentsPage(q *req) (agentsPage, error) {
	p := agentsPage{Base: q.with("agent.title"), Pin: s.Pin, Link: s.Link}
	p.Live = true
	var err error
	if p.Agents, _, err = s.Agents.List(q.Context(), q.v, "", "", 100); err != nil {
		return p, err
	}
	if p.Bodies, err = s.mine(q); err != nil {
		return p, err
	}
	p.About = q.chosen()
	p.Settings, err = s.Agents.Settings(q.Context(), q.v, p.About)
	p.Allow = strings.Join(p.Settings.Allow, "\n")
	return p, err
}

func (s *Server) agentList(q *req) error {
	p, err := s.agentsPage(q)
	if err != nil {
		return err
	}
	return s.render(q, "agent/list", p)
}

func (s *Server) agentInvite(q *req) error {
	p, err := s.agentsPage(q)
	if err != nil {
		return err
	}
	b, err := s.Territory.Body(q.Context(), q.v, q.chosen())
	if err != nil {
		return err
	}
	if p.Code, err = s.Agents.Invite(q.Context(), q.v, b.ID, b.Centre); err != nil {
		return err
	}
	return s.render(q, "agent/list", p)
}

func (s *Server) agentRevoke(q *req) error {
	if err := s.Agents.Revoke(q.Context(), q.v, q.id("id")); err != nil {
		return err
	}
	return seeOther(q, "/agenti")
}

func (s *Server) agentChoose(q *req) error {
	set := wire.Settings{SendReports: q.form("da_solo") != "", Allow: lines(q.PostFormValue("fidati"))}
	err := s.Agents.Choose(q.Context(), q.v, q.chosen(), set)
	if fault.Is(err, fault.Invalid) {
		p, e := s.agentsPage(q)
		if e != nil {
			return e
		}
		p.Wrong, p.Allow = err, q.PostFormValue("fidati")
		return s.again(q, err, "agent/list", p)
	}
	if err != nil {
		return err
	}
	if len(q.form("ente")) > 0 {
		return seeOther(q, "/agenti?ente=%s", q.chosen())
	}
	return seeOther(q, "/agenti")
}
