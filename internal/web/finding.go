package web

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"filo/access"
	"filo/detection"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

type findingsPage struct {
	Base
	Fresh []detection.Record // nobody looked at them yet, the worst first
	List  []detection.Record // the others, the latest first
	Next  string
	Later bool // a page after the first
}

// Rule gives the name of a rule in the reader's language; a rule of others has
// only the title it came with.
func (b Base) Rule(f wire.Finding) string {
	if key := "word.rule." + f.Rule; b.Has(key) {
		return b.T(key)
	}
	return cmp.Or(f.Title, f.Rule)
}

// Foreign reports that the title of a rule is not in the reader's language.
func (b Base) Foreign(f wire.Finding) bool { return !b.Has("word.rule." + f.Rule) }

// Meaning says in one sentence what a finding means; empty where only its
// author knows.
func (b Base) Meaning(f wire.Finding) string {
	if key := "rule.text." + f.Rule; b.Has(key) {
		return b.T(key)
	}
	return ""
}

// maxFresh is how many findings wait on the first page.
const maxFresh = 100

func (s *Server) findingList(q *req) error {
	p := findingsPage{Base: q.with("finding.title")}
	p.Live = true
	after := q.URL.Query().Get("after")
	p.Later = after != ""
	var err error
	if !p.Later {
		if p.Fresh, _, err = s.Detections.List(q.Context(), q.v, detection.Filter{State: detection.Fresh, Limit: maxFresh}); err != nil {
			return err
		}
		slices.SortStableFunc(p.Fresh, func(a, b detection.Record) int { return cmp.Compare(weight(a), weight(b)) })
	}
	list, next, err := s.Detections.List(q.Context(), q.v, detection.Filter{After: after})
	if err != nil {
		return err
	}
	p.Next = next
	for _, r := range list {
		if !slices.ContainsFunc(p.Fresh, func(f detection.Record) bool { return f.ID == r.ID }) {
			p.List = append(p.List, r)
		}
	}
	return s.render(q, "finding/list", p)
}

// weight orders findings: what leaves from us, then by severity.
func weight(r detection.Record) int {
	if r.Leaves {
		return -1
	}
	if i := slices.Index(access.Severities, access.Severity(r.Severity)); i >= 0 {
		return i
	}
	return len(access.Severities)
}

type findingPage struct {
	Base
	One   detection.Record
	Blind bool // no tuple has a source port: nobody behind a shared address is ever found
	May   bool
	Trust string // the address that may be trusted; empty when there is none or it leaves from us
}

// few is how many origins are shown at once.
const few = 8

// Firsts gives the origins that are shown at once, Rest the others.
func (p findingPage) Firsts() []wire.Origin { return p.One.Origins[:min(few, len(p.One.Origins))] }

// Rest gives the origins that wait behind a touch.
func (p findingPage) Rest() []wire.Origin { return p.One.Origins[min(few, len(p.One.Origins)):] }

// To writes whereto an origin went: address, port, transport, as far as they are known.
func (p findingPage) To(o wire.Origin) string {
	if o.DestIP == "" && o.DestPort == 0 {
		return "—"
	}
	to := o.DestIP
	if o.DestPort > 0 {
		to = strings.TrimPrefix(net.JoinHostPort(o.DestIP, strconv.Itoa(o.DestPort)), ":")
	}
	if o.Transport != "" {
		to += "/" + o.Transport
	}
	return to
}

// Tuples writes all origins as lines to paste: address, port, to, port, instant in UTC.
func (p findingPage) Tuples() string {
	var b strings.Builder
	for _, o := range p.One.Origins {
		fmt.Fprintf(&b, "%s\t%d\t%s\t%d\t%s\n", o.SourceIP, o.SourcePort, o.DestIP, o.DestPort, o.At.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// UTC writes the instant of a tuple as a provider wants it.
func (p findingPage) UTC(t time.Time) string {
	if t.IsZero() {
		return p.T("time.unknown")
	}
	return t.UTC().Format(time.RFC3339)
}

func (s *Server) findingRead(q *req) error {
	p := findingPage{Base: q.with("finding.one.title")}
	var err error
	if p.One, err = s.Detections.Find(q.Context(), q.v, q.id("id")); err != nil {
		return err
	}
	p.Title = p.Rule(p.One.Finding)
	p.May = q.v.Acts()
	p.Blind = len(p.One.Origins) > 0 && !slices.ContainsFunc(p.One.Origins, func(o wire.Origin) bool { return o.SourcePort > 0 })
	if _, err := netip.ParseAddr(p.One.SourceIP); err == nil && !p.One.Leaves && p.May {
		p.Trust = p.One.SourceIP
	}
	return s.render(q, "finding/read", p)
}

func (s *Server) findingReport(q *req) error {
	r, err := s.Flow.Draft(q.Context(), q.v, q.id("id"))
	if err != nil {
		return err
	}
	return seeOther(q, "/segnala/%s/6", r.ID)
}

func (s *Server) findingIgnore(q *req) error {
	if err := s.Detections.Ignore(q.Context(), q.v, ids.ID(q.PathValue("id"))); err != nil {
		return err
	}
	return seeOther(q, "/rilevazioni")
}

// findingTrust puts the address of a finding among those that are never counted.
func (s *Server) findingTrust(q *req) error {
	r, err := s.Detections.Find(q.Context(), q.v, q.id("id"))
	if err != nil {
		return err
	}
	a, err := netip.ParseAddr(r.SourceIP)
	if err != nil || r.Leaves {
		return fault.New(fault.Conflict, "finding.trust.none")
	}
	set, err := s.Agents.Settings(q.Context(), q.v, r.Body)
	if err != nil {
		return err
	}
	if !slices.Contains(set.Allow, a.String()) {
		set.Allow = append(set.Allow, a.String())
	}
	if err := s.Agents.Choose(q.Context(), q.v, r.Body, set); err != nil {
		return err
	}
	return s.findingIgnore(q)
}

func (s *Server) findingLines(q *req) error {
	if err := s.Flow.ReleaseLines(q.Context(), q.v, q.id("id")); err != nil {
		return err
	}
	return seeOther(q, "/rilevazioni/%s", q.id("id"))
}
