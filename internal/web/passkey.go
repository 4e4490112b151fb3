package web

import (
	"encoding/json"
	"io"
	"net/http"

	"filo/entry"
	"filo/internal/fault"
)

// ceremonyCookie ties the two halves of an exchange to one browser.
const ceremonyCookie = "filo-scambio"

func (s *Server) setCeremony(q *req, id string) {
	http.SetCookie(q.w, &http.Cookie{Name: ceremonyCookie, Value: id, Path: "/", HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode, MaxAge: 300})
}

func ceremony(q *req) string {
	c, err := q.Cookie(ceremonyCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// answerJSON answers a script of ours: what is wrong goes as a sentence.
func (s *Server) answerJSON(q *req, b []byte, err error) error {
	q.w.Header().Set("Content-Type", "application/json")
	q.w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		f := fault.Outside(err)
		if f.Kind == fault.Internal {
			s.Log.Error("passkey", "err", err)
		}
		q.w.WriteHeader(status[f.Kind])
		b, _ = json.Marshal(map[string]string{"error": q.b.T(f.Key, f.Args...)})
	}
	_, _ = q.w.Write(b)
	return nil
}

func (s *Server) passkeys() (*entry.Passkeys, error) {
	if s.Passkeys == nil {
		return nil, fault.New(fault.NotFound, "fault.not_found")
	}
	return s.Passkeys, nil
}

func (s *Server) passkeyAddBegin(q *req) error {
	k, err := s.passkeys()
	if err != nil {
		return s.answerJSON(q, nil, err)
	}
	id, b, err := k.BeginAdd(q.Context(), q.g)
	s.setCeremony(q, id)
	return s.answerJSON(q, b, err)
}

func (s *Server) passkeyAddFinish(q *req) error {
	k, err := s.passkeys()
	if err != nil {
		return s.answerJSON(q, nil, err)
	}
	b, err := io.ReadAll(http.MaxBytesReader(q.w, q.Body, 64<<10))
	if err == nil {
		err = k.FinishAdd(q.Context(), q.g, ceremony(q), q.URL.Query().Get("nome"), b)
	}
	return s.answerJSON(q, []byte(`{"to":"/account"}`), err)
}

func (s *Server) passkeyEnterBegin(q *req) error {
	k, err := s.passkeys()
	if err != nil {
		return s.answerJSON(q, nil, err)
	}
	id, b, err := k.BeginEnter(q.Context())
	s.setCeremony(q, id)
	return s.answerJSON(q, b, err)
}

func (s *Server) passkeyEnterFinish(q *req) error {
	k, err := s.passkeys()
	if err != nil {
		return s.answerJSON(q, nil, err)
	}
	b, err := io.ReadAll(http.MaxBytesReader(q.w, q.Body, 64<<10))
	if err != nil {
		return s.answerJSON(q, nil, err)
	}
	token, err := k.FinishEnter(q.Context(), ceremony(q), b, s.address(q.Request), q.UserAgent())
	if err == nil {
		s.setCookie(q.w, token)
	}
	return s.answerJSON(q, []byte(`{"to":"/"}`), err)
}

func (s *Server) passkeyRemove(q *req) error {
	k, err := s.passkeys()
	if err != nil {
		return err
	}
	if err := k.Remove(q.Context(), q.g.Person.ID, q.id("passkey")); err != nil {
		return err
	}
	return seeOther(q, "/account")
}

// oidcBegin sends the reader to the provider, to come in or to tie the account.
func (s *Server) oidcBegin(q *req) error {
	if s.OIDC == nil {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	tie := q.g.Person.ID
	if !q.g.Session.Strong {
		tie = ""
	}
	state, to, err := s.OIDC.Begin(q.Context(), tie)
	if err != nil {
		return err
	}
	s.setCeremony(q, state)
	http.Redirect(q.w, q.Request, to, http.StatusSeeOther)
	return nil
}

// oidcReturn takes the reader back. The state must be the one of this browser.
func (s *Server) oidcReturn(q *req) error {
	if s.OIDC == nil {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	state := q.URL.Query().Get("state")
	if state == "" || state != ceremony(q) {
		return fault.New(fault.Forbidden, "entry.oidc.refused")
	}
	token, err := s.OIDC.Finish(q.Context(), state, q.URL.Query().Get("code"), s.address(q.Request), q.UserAgent())
	if err != nil {
		return err
	}
	if token == "" {
		return seeOther(q, "/account")
	}
	s.setCookie(q.w, token)
	return seeOther(q, "/")
}
