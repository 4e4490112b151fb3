package web

import (
	"net/http"
	"slices"
	"time"

	"filo/access"
	"filo/entry"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/territory"
)

type formPage struct {
	Base
	Login, Code, Secret, URI, Invited string
	Recovery                          []string
	Passkeys                          bool
	Provider                          string
}

func (s *Server) entryPage(q *req, title string) formPage {
	b := q.with(title)
	b.Narrow = true
	p := formPage{Base: b, Passkeys: s.Passkeys != nil}
	if s.OIDC != nil {
		p.Provider = s.OIDC.Name
	}
	return p
}

func (s *Server) loginPage(q *req) error {
	if q.v.Kind != access.Nobody {
		return seeOther(q, "/")
	}
	return s.render(q, "entry/login", s.entryPage(q, "entry.login.title"))
}

func (s *Server) login(q *req) error {
	token, sess, err := s.Entry.Enter(q.Context(), q.form("login"), q.PostFormValue("password"), s.address(q.Request), q.UserAgent())
	if err != nil {
		p := s.entryPage(q, "entry.login.title")
		p.Wrong, p.Login = err, q.form("login")
		return s.again(q, err, "entry/login", p)
	}
	s.setCookie(q.w, token)
	g, err := s.Entry.Who(q.Context(), token)
	if err != nil {
		return err
	}
	_ = sess
	if !g.Person.Ready() {
		return seeOther(q, "/entra/imposta")
	}
	return seeOther(q, "/entra/codice")
}

// half gives the session that still lacks its second factor.
func (s *Server) half(q *req) (entry.Signed, error) {
	if q.g.Session.ID == "" {
		return q.g, errLogin
	}
	return q.g, nil
}

func (s *Server) codePage(q *req) error {
	if g, err := s.half(q); err != nil || g.Session.Strong {
		return seeOther(q, "/entra")
	}
	return s.render(q, "entry/code", s.entryPage(q, "entry.second.title"))
}

func (s *Server) code(q *req) error {
	g, err := s.half(q)
	if err != nil || g.Session.Strong {
		return seeOther(q, "/entra")
	}
	token, _, err := s.Entry.SecondFactor(q.Context(), g.Session, q.form("code"))
	if err != nil {
		p := s.entryPage(q, "entry.second.title")
		p.Wrong = err
		return s.again(q, err, "entry/code", p)
	}
	s.setCookie(q.w, token)
	return seeOther(q, "/")
}

func (s *Server) setupPage(q *req) error {
	g, err := s.half(q)
	if err != nil || g.Person.TOTP != "" && !g.Session.Strong {
		return seeOther(q, "/entra")
	}
	p := s.entryPage(q, "entry.setup.title")
	if p.Secret, p.URI, err = s.Entry.NewTOTP(g.Person.Login); err != nil {
		return err
	}
	return s.render(q, "entry/setup", p)
}

func (s *Server) setup(q *req) error {
	g, err := s.half(q)
	if err != nil {
		return seeOther(q, "/entra")
	}
	token, _, recovery, err := s.Entry.ConfirmTOTP(q.Context(), g.Session, q.form("secret"), q.form("code"))
	p := s.entryPage(q, "entry.setup.title")
	if err != nil {
		p.Wrong, p.Secret = err, q.form("secret")
		return s.again(q, err, "entry/setup", p)
	}
	s.setCookie(q.w, token)
	p.Recovery, p.Title = recovery, q.b.T("entry.recovery.title")
	return s.render(q, "entry/recovery", p)
}

func (s *Server) invitePage(q *req) error {
	p := s.entryPage(q, "entry.invite.title")
	p.Code = q.URL.Query().Get("codice")
	return s.render(q, "entry/invite", p)
}

func (s *Server) accept(q *req) error {
	if _, err := s.Entry.Accept(q.Context(), q.form("code"), q.form("login"), q.PostFormValue("password")); err != nil {
		p := s.entryPage(q, "entry.invite.title")
		p.Wrong, p.Code, p.Login = err, q.form("code"), q.form("login")
		return s.again(q, err, "entry/invite", p)
	}
	return s.login(q)
}

func (s *Server) logout(q *req) error {
	if q.g.Session.ID != "" {
		if err := s.Entry.Leave(q.Context(), q.g.Session); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	s.setCookie(q.w, "")
	return seeOther(q, "/entra")
}

func (s *Server) language(q *req) error {
	lang := q.form("lingua")
	if q.g.Person.ID != "" {
		if err := s.Entry.Language(q.Context(), q.g.Person, lang); err != nil {
			return err
		}
	}
	http.SetCookie(q.w, &http.Cookie{Name: "lingua", Value: lang, Path: "/", HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode, MaxAge: int((365 * 24 * time.Hour).Seconds())})
	return seeOther(q, "/")
}

func (s *Server) accessibility(q *req) error {
	return s.render(q, "accessibility", s.entryPage(q, "accessibility.title"))
}

type accountPage struct {
	Base
	Sessions []entry.Session
	Tokens   []entry.Token
	Token    string // shown once
	Passkeys []entry.Passkey
	May      bool   // passkeys work on this address
	Provider string // of OpenID Connect
	Left     int
}

func (s *Server) account(q *req) error { return s.showAccount(q, "", nil) }

func (s *Server) newToken(q *req) error {
	token, err := s.Entry.NewToken(q.Context(), q.g, q.form("name"))
	if err != nil && !fault.Is(err, fault.Invalid) {
		return err
	}
	return s.showAccount(q, token, err)
}

func (s *Server) revokeToken(q *req) error {
	if err := s.Entry.RevokeToken(q.Context(), q.g.Person.ID, q.id("token")); err != nil {
		return err
	}
	return seeOther(q, "/account")
}

func (s *Server) showAccount(q *req, token string, wrong error) error {
	p := accountPage{Base: q.with("account.title"), Token: token}
	p.Wrong = wrong
	var err error
	if s.OIDC != nil {
		p.Provider = s.OIDC.Name
	}
	if p.May = s.Passkeys != nil; p.May {
		if p.Passkeys, err = s.Passkeys.List(q.Context(), q.g.Person.ID); err != nil {
			return err
		}
	}
	if p.Tokens, err = s.Entry.Tokens(q.Context(), q.g.Person.ID); err != nil {
		return err
	}
	if p.Sessions, err = s.Entry.Sessions(q.Context(), q.g.Person.ID); err != nil {
		return err
	}
	if p.Left, err = s.Entry.RecoveryLeft(q.Context(), q.g.Person.ID); err != nil {
		return err
	}
	if wrong != nil {
		return s.again(q, wrong, "entry/account", p)
	}
	return s.render(q, "entry/account", p)
}

func (s *Server) seat(q *req) error {
	if err := s.Entry.Sit(q.Context(), q.g, ids.ID(q.form("sede"))); err != nil {
		return err
	}
	return seeOther(q, "/")
}

func (s *Server) endSession(q *req) error {
	if err := s.Entry.End(q.Context(), q.g.Person.ID, q.id("session")); err != nil {
		return err
	}
	return seeOther(q, "/account")
}

func (s *Server) endOthers(q *req) error {
	if err := s.Entry.EndOthers(q.Context(), q.g.Person.ID, q.g.Session.ID); err != nil {
		return err
	}
	return seeOther(q, "/account")
}

type peoplePage struct {
	Base
	Members []entry.Member
	Code    string
	Roles   []access.Role
}

// seats says from which seat the people of a body look.
var seats = map[territory.BodyKind]access.Kind{
	territory.Comune: access.Body, territory.InHouse: access.Operator, territory.Consortium: access.Operator,
	territory.Association: access.ANCI, territory.Laboratory: access.Lab,
}

func (s *Server) peoplePage(q *req) (peoplePage, error) {
	p := peoplePage{Base: q.with("people.title")}
	var err error
	p.Members, err = s.Entry.People(q.Context(), q.v)
	switch {
	case (q.v.Kind == access.Body || q.v.Kind == access.Operator) && q.v.May(access.Manager):
		p.Roles = entry.Roles(q.v.Kind)
	case q.v.Police() && q.v.May(access.Head, access.Admin):
		p.Roles = append(slices.Clone(entry.Roles(access.Body)), entry.Roles(q.v.Kind)[:2]...)
	}
	return p, err
}

func (s *Server) people(q *req) error {
	p, err := s.peoplePage(q)
	if err != nil {
		return err
	}
	return s.render(q, "entry/people", p)
}

func (s *Server) peopleInvite(q *req) error {
	p, err := s.peoplePage(q)
	if err != nil {
		return err
	}
	m := entry.Mandate{Kind: q.v.Kind, Role: access.Role(q.form("role")), Title: q.form("title"), Body: q.v.Body}
	var centre ids.ID
	if q.v.Police() {
		m.Centre = q.v.Centre
		if name := q.form("ente"); name != "" {
			b, err := s.Territory.Resolve(q.Context(), q.v, "ente", name)
			if err != nil {
				p.Wrong = err
				return s.again(q, p.Wrong, "entry/people", p)
			}
			m.Kind, m.Body, m.Centre, centre = seats[b.Kind], b.ID, "", b.Centre
		}
		if !slices.Contains(entry.Roles(m.Kind), m.Role) {
			p.Wrong = fault.Bad("role", "entry.role.other")
			return s.again(q, p.Wrong, "entry/people", p)
		}
	}
	if p.Code, err = s.Entry.Invite(q.Context(), q.v, m, centre); err != nil {
		if fault.Is(err, fault.Invalid) {
			p.Wrong = err
			return s.again(q, err, "entry/people", p)
		}
		return err
	}
	return s.render(q, "entry/people", p)
}
