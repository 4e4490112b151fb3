// Package web is the pages: server-rendered, Italian first, readable on a phone
// and by a screen reader, live where it matters. Handlers only translate; rules
// live in the domains.
package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"filo/access"
	"filo/agent"
	"filo/agreement"
	"filo/alert"
	"filo/detection"
	"filo/entry"
	"filo/hunt"
	"filo/indicator"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/flow"
	"filo/internal/i18n"
	"filo/internal/ids"
	"filo/internal/live"
	"filo/internal/web/static"
	"filo/report"
	"filo/territory"
)

// Options are what the pages stand on.
type Options struct {
	Clock      clock.Clock
	Log        *slog.Logger
	Hub        *live.Hub
	Territory  *territory.Desk
	Agreements *agreement.Desk
	Reports    *report.Desk
	Alerts     *alert.Desk
	Detections *detection.Desk
	Hunts      *hunt.Desk
	Indicators indicator.Store
	Agents     *agent.Desk
	Entry      *entry.Desk
	Passkeys   *entry.Passkeys // nil: not on this address
	OIDC       *entry.OIDC     // nil: no provider
	Flow       *flow.Flow
	Signer     report.Signer
	Pin        string   // of the node's authority, shown with enrolment codes
	Link       string   // address agents are told
	Secure     bool     // pages are reached over HTTPS: cookies say so
	Language   string   // for people who chose none
	Proxies    []string // whose X-Forwarded-For is believed
}

// Server serves the pages.
type Server struct {
	Options
	pages map[string]*template.Template
}

// New reads the templates. It fails when one is broken.
func New(o Options) (*Server, error) {
	s := &Server{Options: o}
	var err error
	s.pages, err = parsePages()
	return s, err
}

// policy lets a page load only what this node serves.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Handler gives all pages.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range Routes() {
		mux.Handle(r.Method+" "+r.Pattern, s.wrap(r))
	}
	mux.Handle("GET /static/", static.Handler())
	// A page that is not there looks like one that the seat may not have.
	mux.Handle("/", s.wrap(Route{Open: true, serve: func(*Server, *req) error { return fault.New(fault.NotFound, "fault.not_found") }}))
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, s.base(r, entry.Signed{}), fault.New(fault.Forbidden, "fault.cross_origin"))
	}))
	return s.headers(cross.Handler(mux))
}

func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// maxForm is the largest form without files.
const maxForm = 1 << 20

// req is one request as handlers see it.
type req struct {
	*http.Request
	w http.ResponseWriter
	g entry.Signed
	v access.Viewer
	b Base
}

type handler func(*Server, *req) error

// wrap finds out who asks, whether they may ask here at all, and turns errors
// into pages. A page that is not for the viewer's seat does not exist for them.
func (s *Server) wrap(rt Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &req{Request: r, w: w}
		var err error
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p) // an answer that had begun is cut off, never finished as if whole
				}
				s.Log.Error("page broke", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				s.fail(w, r, q.b, fault.New(fault.Internal, "fault.internal"))
			}
		}()
		q.g, err = s.who(r)
		q.b = s.base(r, q.g)
		q.v = q.g.Viewer
		if err == nil && !rt.Open {
			err = s.admit(q, rt)
		}
		if errors.Is(err, errLogin) {
			http.Redirect(w, r, "/entra", http.StatusSeeOther)
			return
		}
		if err == nil && rt.Method == http.MethodPost && !rt.Upload {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			if e := r.ParseForm(); e != nil {
				err = fault.Wrap(fault.TooLarge, e, "fault.too_large")
			}
			q.b.sent = r.PostForm
		}
		if err == nil {
			err = rt.serve(s, q)
		}
		if err != nil {
			s.fail(w, r, q.b, err)
		}
	})
}

var errLogin = errors.New("sign in first")

func (s *Server) admit(q *req, rt Route) error {
	if q.v.Kind == access.Nobody {
		return errLogin
	}
	if len(rt.Who) == 0 {
		return nil
	}
	for _, k := range rt.Who {
		if k == q.v.Kind {
			return nil
		}
	}
	return fault.New(fault.Hidden, "fault.not_found")
}

const cookie = "filo"

func (s *Server) who(r *http.Request) (entry.Signed, error) {
	c, err := r.Cookie(cookie)
	if err != nil || c.Value == "" {
		return entry.Signed{}, nil
	}
	g, err := s.Entry.Who(r.Context(), c.Value)
	if fault.Is(err, fault.NotFound) {
		return entry.Signed{}, nil
	}
	return g, err
}

func (s *Server) setCookie(w http.ResponseWriter, token string) {
	c := &http.Cookie{Name: cookie, Value: token, Path: "/", HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode, MaxAge: int(entry.LastFor.Seconds())}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// address is where the request comes from; a proxy is believed only when it is named.
func (s *Server) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	for _, p := range s.Proxies {
		if p == host {
			parts := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
			if last := strings.TrimSpace(parts[len(parts)-1]); net.ParseIP(last) != nil {
				return last
			}
		}
	}
	return host
}

// status is the one table from kinds of faults to HTTP.
var status = map[fault.Kind]int{
	fault.NotFound: 404, fault.Hidden: 404, fault.Invalid: 422, fault.Conflict: 409, fault.Forbidden: 403, fault.NotCovered: 403,
	fault.Expired: 410, fault.TooLarge: 413, fault.TooMany: 429, fault.Unavailable: 503, fault.Internal: 500,
}

// errorPage is the page of an error.
type errorPage struct {
	Base
	Status  int
	Kind    string
	Message string
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, b Base, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		err = fault.Wrap(fault.TooLarge, err, "fault.too_large")
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	out := fault.Outside(err)
	if out.Kind == fault.Internal || out.Kind == fault.Unavailable {
		s.Log.Error("page failed", "path", r.URL.Path, "err", err)
	}
	b.Title = b.T("error.title." + out.Kind.String())
	page := errorPage{Base: b, Status: status[out.Kind], Kind: out.Kind.String(), Message: b.T(out.Key, out.Args...)}
	s.write(w, page.Status, "error", page)
}

// render answers with a page.
func (s *Server) render(q *req, name string, page any) error {
	s.write(q.w, http.StatusOK, name, page)
	return nil
}

// again answers a form that was wrong: the same page, with the error at its field.
func (s *Server) again(q *req, err error, name string, page any) error {
	code := status[fault.Outside(err).Kind]
	// Written once to see whether the error finds its field on this page.
	s.page(name, page)
	q.b.told.onTop = !q.b.told.atField
	s.write(q.w, code, name, page)
	return nil
}

func (s *Server) write(w http.ResponseWriter, code int, name string, page any) {
	body := s.page(name, page)
	if body == nil {
		http.Error(w, "filo", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

// page writes a page out; nil when it is broken, which the log tells.
func (s *Server) page(name string, page any) []byte {
	var buf bytes.Buffer
	t, ok := s.pages[name]
	if !ok {
		s.Log.Error("no such page", "name", name)
		return nil
	}
	if err := t.ExecuteTemplate(&buf, "layout", page); err != nil {
		s.Log.Error("template", "name", name, "err", err)
		return nil
	}
	return buf.Bytes()
}

// seeOther sends the reader on after a form.
func seeOther(q *req, format string, args ...any) error {
	http.Redirect(q.w, q.Request, fmt.Sprintf(format, args...), http.StatusSeeOther)
	return nil
}

func (q *req) id(name string) ids.ID { return ids.ID(q.PathValue(name)) }

func (q *req) form(name string) string { return strings.TrimSpace(q.PostFormValue(name)) }

func (s *Server) lang(r *http.Request, g entry.Signed) string {
	if g.Person.Language != "" {
		return g.Person.Language
	}
	if c, err := r.Cookie("lingua"); err == nil && i18n.For(c.Value).Lang == c.Value {
		return c.Value
	}
	if l := r.Header.Get("Accept-Language"); strings.HasPrefix(l, "en") {
		return "en"
	}
	if s.Language != "" {
		return s.Language
	}
	return "it"
}
