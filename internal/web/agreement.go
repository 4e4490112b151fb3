package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"

	"filo/access"
	"filo/agreement"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/territory"
)

type agreementsPage struct {
	Base
	List   []agreement.Agreement
	Next   ids.ID
	Search string
	Soon   int // dates of the calendar
	Seen   map[ids.ID]agreement.State
	Ends   map[ids.ID]clock.Day
	Left   map[ids.ID]int
	Levels []agreement.Level // those that the viewer may open
	Region []string
}

func (s *Server) agreementList(q *req) error { return s.showAgreements(q, nil) }

func (s *Server) showAgreements(q *req, wrong error) error {
	p := agreementsPage{
		Base: q.with("agreement.list.title"), Search: q.URL.Query().Get("cerca"),
		Seen: map[ids.ID]agreement.State{}, Ends: map[ids.ID]clock.Day{}, Left: map[ids.ID]int{},
	}
	p.Wrong = wrong
	var err error
	if p.Levels, p.Region, err = s.mayOpen(q); err != nil {
		return err
	}
	f := agreement.Filter{Title: p.Search, After: ids.ID(q.URL.Query().Get("after")), Limit: 50}
	if p.List, p.Next, err = s.Agreements.List(q.Context(), q.v, f); err != nil {
		return err
	}
	dates, err := s.Agreements.Calendar(q.Context(), q.v)
	if err != nil {
		return err
	}
	p.Soon = len(dates)
	today := clock.DayOf(p.At)
	for _, a := range p.List {
		if w, left := a.Warning(today); w > 0 {
			p.Left[a.ID] = left
		}
		p.Seen[a.ID] = a.Seen(today)
		_, p.Ends[a.ID] = a.Terms(today)
	}
	if wrong != nil {
		return s.again(q, wrong, "agreement/list", p)
	}
	return s.render(q, "agreement/list", p)
}

// mayOpen gives the levels and regions of agreements that the viewer may begin.
func (s *Server) mayOpen(q *req) ([]agreement.Level, []string, error) {
	if !q.v.Police() || !q.v.Acts() {
		return nil, nil, nil
	}
	provinces, err := s.Territory.Provinces(q.Context(), q.v)
	var regions []string
	for _, p := range provinces {
		if q.v.Kind == access.National || p.Centre == q.v.Centre {
			regions = append(regions, p.Region)
		}
	}
	slices.Sort(regions)
	regions = slices.Compact(regions)
	if q.v.Kind == access.National {
		return agreement.Levels, regions, err
	}
	return []agreement.Level{agreement.Municipal, agreement.InHouse, agreement.Regional}, regions, err
}

func (s *Server) agreementOpen(q *req) error {
	a := agreement.Agreement{Level: agreement.Level(q.form("livello")), Centre: q.v.Centre, Clauses: access.Clauses, NoticeDays: 60}
	levels, regions, err := s.mayOpen(q)
	if err != nil {
		return err
	}
	switch a.Level {
	case agreement.Municipal, agreement.InHouse:
		b, err := s.Territory.Resolve(q.Context(), q.v, "ente", q.form("ente"))
		if err == nil && !q.v.Sees(b.ID, b.Centre) {
			err = fault.Bad("ente", "territory.body.elsewhere", b.Name)
		}
		if fault.Is(err, fault.Invalid) {
			return s.showAgreements(q, err)
		}
		if err != nil {
			return err
		}
		a.Body, a.Centre, a.Title = b.ID, b.Centre, q.b.T("agreement.title.of", b.Name)
		if a.Parent, err = s.above(q, b.Region); err != nil {
			return err
		}
	case agreement.Regional:
		a.Region, a.Title = q.form("regione"), q.b.T("agreement.title.of", q.form("regione"))
		if !slices.Contains(regions, a.Region) {
			return s.showAgreements(q, fault.Bad("regione", "agreement.region.missing"))
		}
		if a.Parent, err = s.above(q, ""); err != nil {
			return err
		}
	case agreement.Framework:
		a.Title = q.b.T("agreement.title.framework")
	}
	if !slices.Contains(levels, a.Level) {
		return s.showAgreements(q, fault.Bad("livello", "agreement.level.bad"))
	}
	a, err = s.Agreements.Open(q.Context(), q.v, a)
	if fault.Is(err, fault.Invalid) {
		return s.showAgreements(q, err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/protocolli/%s", a.ID)
}

// above gives the agreement in force that a new one hangs on: the regional one
// of its region, else the framework; none when there is neither.
func (s *Server) above(q *req, region string) (ids.ID, error) {
	today := clock.DayOf(q.b.At)
	for _, level := range []agreement.Level{agreement.Regional, agreement.Framework} {
		if level == agreement.Regional && region == "" {
			continue
		}
		list, _, err := s.Agreements.List(q.Context(), q.v, agreement.Filter{Level: level, Running: true})
		if err != nil {
			return "", err
		}
		for _, a := range list {
			if a.InForceOn(today) && (level == agreement.Framework || a.Region == region) {
				return a.ID, nil
			}
		}
	}
	return "", nil
}

type calendarPage struct {
	Base
	Dates []agreement.Date
}

// agreementCalendar answers: which agreement ends, and by when must somebody act?
func (s *Server) agreementCalendar(q *req) error {
	p := calendarPage{Base: q.with("agreement.calendar.title")}
	var err error
	if p.Dates, err = s.Agreements.Calendar(q.Context(), q.v); err != nil {
		return err
	}
	return s.render(q, "agreement/calendar", p)
}

type agreementPage struct {
	Base
	F       agreement.File
	Body    territory.Body
	Centre  territory.Centre
	Above   agreement.Agreement
	Parents []agreement.Agreement
	Seen    agreement.State
	Term    int
	End     clock.Day
	Notice  clock.Day
	Left    int
	Warn    int
	Steps   []agreement.State
	Clauses []access.Clause
	Gives   map[access.Clause]bool // what flows today, the agreements above included
	Path    []moment
	May     bool // change it
	Attach  bool // add a document
	Open    bool // its lengths may still change
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
	ctx := q.Context()
	if p.F, err = s.Agreements.Read(ctx, q.v, id); err != nil {
		return err
	}
	if p.F.Body != "" {
		p.Body, p.Centre, err = s.place(q, p.F.Body)
	} else if p.F.Centre != "" {
		p.Centre, err = s.Territory.Centre(ctx, q.v, p.F.Centre)
	}
	if err != nil {
		return err
	}
	if p.F.Parent != "" {
		f, err := s.Agreements.Read(ctx, q.v, p.F.Parent)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		p.Above = f.Agreement
	}
	today := clock.DayOf(p.At)
	p.Seen = p.F.Seen(today)
	p.Term, p.End = p.F.Terms(today)
	p.Notice = p.F.NoticeBy(today)
	p.Warn, p.Left = p.F.Warning(today)
	own := q.v.Kind == access.Body && q.v.May(access.Manager)
	p.May = q.v.Acts() && (q.v.Kind == access.National || q.v.Kind == access.Centre && q.v.Centre == p.F.Centre)
	p.Attach = p.May || own && q.v.Sees(p.F.Body, p.F.Centre)
	p.Open = p.F.State == agreement.Draft || p.F.State == agreement.InApproval || p.F.State == agreement.Approved
	switch {
	case p.May:
		p.Steps = p.F.State.Next()
		if p.Parents, err = s.parents(q, p.F.Agreement); err != nil {
			return err
		}
	case own && p.Attach && p.F.State == agreement.InForce:
		p.Steps = []agreement.State{agreement.Notice}
	}
	if p.F.Body != "" {
		p.Gives = map[access.Clause]bool{}
		for _, c := range access.Clauses {
			err := s.Agreements.Covered(ctx, p.F.Body, c, p.At)
			if err != nil && !fault.Is(err, fault.NotCovered) {
				return err
			}
			p.Gives[c] = err == nil
		}
	}
	p.Path = path(p.F.Agreement, today)
	p.Title = p.F.Title
	if wrong != nil {
		return s.again(q, wrong, "agreement/read", p)
	}
	return s.render(q, "agreement/read", p)
}

// moment is one day in the life of an agreement.
type moment struct {
	Word string // agreement.path.WORD
	Day  clock.Day
	Past bool
}

// path gives the days from the resolution to the end of the present term.
func path(a agreement.Agreement, today clock.Day) []moment {
	var out []moment
	add := func(word string, day clock.Day) {
		if day != "" {
			out = append(out, moment{word, day, day <= today})
		}
	}
	add("resolved", a.Resolved)
	add("signed", a.Signed)
	add("start", a.Start)
	if a.Start == "" {
		return out
	}
	_, end := a.Terms(today)
	switch {
	case a.Withdrawn != "":
		add("notice", a.NoticeOf)
		add("ended", a.Withdrawn)
	case a.Renewal == agreement.Tacit && a.State == agreement.InForce:
		add("notice_by", a.NoticeBy(today))
		add("renews", end)
	default:
		add("ends", end)
	}
	return out
}

// parents gives the agreements that a may hang on.
func (s *Server) parents(q *req, a agreement.Agreement) ([]agreement.Agreement, error) {
	var out []agreement.Agreement
	for _, level := range []agreement.Level{agreement.Framework, agreement.Regional} {
		if a.Level == agreement.Framework || a.Level == level {
			break
		}
		list, _, err := s.Agreements.List(q.Context(), q.v, agreement.Filter{Level: level})
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// agreementDone leads back to the agreement, with the error when it has one to show.
func (s *Server) agreementDone(q *req, err error) error {
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.TooLarge) {
		return s.showAgreement(q, q.id("id"), err)
	}
	if err != nil {
		return err
	}
	return seeOther(q, "/protocolli/%s", q.PathValue("id"))
}

func (s *Server) agreementStep(q *req) error {
	_, err := s.Agreements.Move(q.Context(), q.v, q.id("id"), agreement.Step{To: agreement.State(q.form("stato")), Day: clock.Day(q.form("giorno")), Note: q.form("nota")})
	return s.agreementDone(q, err)
}

func (s *Server) agreementClauses(q *req) error {
	var on []access.Clause
	for _, c := range q.PostForm["clausole"] {
		on = append(on, access.Clause(c))
	}
	return s.agreementDone(q, s.Agreements.SetClauses(q.Context(), q.v, q.id("id"), on))
}

func (s *Server) agreementAmend(q *req) error {
	whole := func(name string) int {
		n, err := strconv.Atoi(q.form(name))
		if err != nil {
			return -1
		}
		return n
	}
	return s.agreementDone(q, s.Agreements.Amend(q.Context(), q.v, q.id("id"), agreement.Terms{
		Title: q.form("title"), Office: q.form("office"), Person: q.form("person"), Months: whole("months"),
		Renewal: agreement.Renewal(q.form("renewal")), NoticeDays: whole("notice"), Parent: ids.ID(q.form("parent")),
	}))
}

// agreementAttach takes one document; it reads the body itself, to its limit.
func (s *Server) agreementAttach(q *req) error {
	if _, err := s.Agreements.Read(q.Context(), q.v, q.id("id")); err != nil {
		return err
	}
	q.Body = http.MaxBytesReader(q.w, q.Body, agreement.MaxDocument+64<<10)
	mr, err := q.MultipartReader()
	if err != nil {
		return s.agreementDone(q, fault.Bad("file", "agreement.document.missing"))
	}
	for {
		part, err := mr.NextPart()
		if err != nil {
			return s.agreementDone(q, tooLarge(err, fault.Bad("file", "agreement.document.missing")))
		}
		if part.FormName() != "file" {
			continue
		}
		var buf bytes.Buffer
		if _, err := io.Copy(&buf, part); err != nil {
			return s.agreementDone(q, tooLarge(err, err))
		}
		_, err = s.Agreements.Attach(q.Context(), q.v, q.id("id"), part.FileName(), buf.Bytes())
		return s.agreementDone(q, err)
	}
}

// agreementDocument hands a document out as a download, never to be shown here.
func (s *Server) agreementDocument(q *req) error {
	doc, content, err := s.Agreements.Document(q.Context(), q.v, q.id("id"), q.id("document"))
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", attachment(doc.Name))
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, err = q.w.Write(content)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// attachment names a download; the name is whatever somebody uploaded.
func attachment(name string) string {
	if h := mime.FormatMediaType("attachment", map[string]string{"filename": name}); h != "" {
		return h
	}
	return "attachment"
}

// tooLarge gives the fault of a document beyond the limit when err is that, else other.
func tooLarge(err, other error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(fault.TooLarge, "agreement.document.large", agreement.MaxDocument>>20)
	}
	return other
}
