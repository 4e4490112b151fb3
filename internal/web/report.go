package web

import (
	"crypto/rand"
	"encoding/base32"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/observable"
	"filo/report"
	"filo/territory"

	"filippo.io/age"
)

// steps of the form; the last one reads everything again.
const steps = 6

type formReport struct {
	Base
	R        report.Report
	Centre   territory.Centre
	Body     territory.Body
	Step     int
	Steps    []int
	Services []string
	Files    []report.Attachment
	Values   []report.Observable
	Bodies   []territory.Body
	Search   string
	Typed    string // a code, as it was typed
	Signs    []report.Sign
	Kinds    []report.Kind
	Deeds    []string
}

func (s *Server) reportStart(q *req) error {
	p := formReport{Base: q.with("report.start.title")}
	p.Narrow = true
	if p.Typed = strings.TrimSpace(q.URL.Query().Get("codice")); p.Typed != "" {
		r, err := s.Reports.ByCode(q.Context(), q.v, p.Typed)
		if err == nil {
			return seeOther(q, "/segnalazioni/%s", r.ID)
		}
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			return err
		}
		p.Wrong = fault.Bad("codice", "report.bycode.none")
	}
	if q.v.Police() {
		p.Search = q.URL.Query().Get("cerca")
		if p.Search != "" {
			centre := q.v.Centre
			if q.v.Kind == access.National {
				centre = ""
			}
			var err error
			if p.Bodies, _, err = s.Territory.Bodies(q.Context(), q.v, territory.Query{Text: p.Search, Centre: centre, Limit: 20}); err != nil {
				return err
			}
		}
		return s.startAgain(q, "report/phone", p)
	}
	var err error
	if p.Body, p.Centre, err = s.place(q, q.chosen()); err != nil {
		return err
	}
	if p.Bodies, err = s.mine(q); err != nil {
		return err
	}
	return s.startAgain(q, "report/start", p)
}

// startAgain shows a first page, with what was wrong about a code.
func (s *Server) startAgain(q *req, name string, p formReport) error {
	if p.Wrong != nil {
		return s.again(q, p.Wrong, name, p)
	}
	return s.render(q, name, p)
}

// mine gives a delegated operator the bodies to choose from, the chosen one or
// its own first; everybody else has but one and gets none.
func (s *Server) mine(q *req) ([]territory.Body, error) {
	if q.v.Kind != access.Operator {
		return nil, nil
	}
	first := q.chosen()
	var out []territory.Body
	for _, id := range q.v.Bodies {
		b, err := s.Territory.Body(q.Context(), q.v, id)
		if err != nil {
			return nil, err
		}
		if id == first {
			out = slices.Insert(out, 0, b)
			continue
		}
		out = append(out, b)
	}
	return out, nil
}

// chosen is the body a form is about: what a delegated operator chose among
// its bodies, else the viewer's own.
func (q *req) chosen() ids.ID {
	id := ids.ID(q.form("ente"))
	if q.Method == http.MethodGet {
		id = ids.ID(q.URL.Query().Get("ente"))
	}
	if q.v.Kind == access.Operator && slices.Contains(q.v.Bodies, id) {
		return id
	}
	return q.v.Body
}

func (s *Server) place(q *req, body ids.ID) (b territory.Body, c territory.Centre, err error) {
	if b, err = s.Territory.Body(q.Context(), q.v, body); err != nil {
		return b, c, err
	}
	c, err = s.Territory.Centre(q.Context(), q.v, b.Centre)
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return b, c, err
}

func (s *Server) reportBegin(q *req) error {
	body := q.chosen()
	r := report.Report{How: report.ByForm, Now: q.form("adesso") == "si", Step: 2, Exercise: q.form("esercitazione") != ""}
	if q.v.Police() {
		body = ids.ID(q.form("ente"))
		r.How, r.Caller = report.ByPhone, q.form("chi")
		if q.form("verso") == "comune" {
			r.How = report.ByForm
		}
	}
	b, err := s.Territory.Body(q.Context(), q.v, body)
	if err != nil {
		return err
	}
	r.Body, r.Centre = b.ID, b.Centre
	if r, err = s.Reports.Begin(q.Context(), q.v, r); err != nil {
		return err
	}
	return seeOther(q, "/segnala/%s/2", r.ID)
}

func (s *Server) formPage(q *req, id ids.ID, step int) (formReport, error) {
	p := formReport{Base: q.with("report.form.title"), Step: step, Signs: report.Signs, Kinds: report.Kinds, Deeds: report.Deeds}
	p.Narrow = true
	for i := range steps {
		p.Steps = append(p.Steps, i+1)
	}
	f, err := s.Reports.Read(q.Context(), q.v, id)
	if err != nil {
		return p, err
	}
	p.R, p.Files, p.Values = f.Report, f.Files, f.Observables
	if p.Body, p.Centre, err = s.place(q, f.Body); err != nil {
		return p, err
	}
	list, err := s.Territory.Holdings(q.Context(), q.v, f.Body)
	for _, h := range list {
		if h.Kind == territory.Service {
			p.Services = append(p.Services, h.Name)
		}
	}
	if len(p.Services) == 0 {
		p.Services = strings.Split(p.T("report.services.default"), "|")
	}
	return p, err
}

func stepOf(q *req) (int, error) {
	n, err := strconv.Atoi(q.PathValue("step"))
	if err != nil || n < 1 || n > steps {
		return 0, fault.New(fault.NotFound, "fault.not_found")
	}
	return n, nil
}

func (s *Server) reportStep(q *req) error {
	n, err := stepOf(q)
	if err != nil {
		return err
	}
	p, err := s.formPage(q, q.id("id"), n)
	if err != nil {
		return err
	}
	if p.R.State != report.Draft {
		return seeOther(q, "/segnalazioni/%s", p.R.ID)
	}
	return s.render(q, "report/form", p)
}

// reportSave keeps one step of the form and goes on; the last one sends.
func (s *Server) reportSave(q *req) error {
	n, err := stepOf(q)
	if err != nil {
		return err
	}
	p, err := s.formPage(q, q.id("id"), n)
	if err != nil {
		return err
	}
	if q.form("butta") != "" {
		if err := s.Reports.Drop(q.Context(), q.v, p.R.ID); err != nil {
			return err
		}
		return seeOther(q, "/")
	}
	if n == steps {
		r, err := s.Reports.Send(q.Context(), q.v, p.R.ID)
		if err != nil {
			p.Wrong = err
			return s.again(q, err, "report/form", p)
		}
		return seeOther(q, "/segnalazioni/%s/ricevuta", r.ID)
	}
	if err := fill(&p.R, n, q); err != nil {
		p.Wrong = err
		return s.again(q, err, "report/form", p)
	}
	p.R.Step = max(p.R.Step, n+1)
	if _, err := s.Reports.Save(q.Context(), q.v, p.R); err != nil {
		if !fault.Is(err, fault.Invalid) {
			return err
		}
		p.Wrong = err
		return s.again(q, err, "report/form", p)
	}
	for _, line := range strings.Split(q.PostFormValue("valori"), "\n") {
		if strings.TrimSpace(line) == "" || n != 5 {
			continue
		}
		o, err := observable.Guess(line)
		if err != nil {
			p.Wrong = fault.Bad("valori", "report.value.unknown", strings.TrimSpace(line))
			return s.again(q, p.Wrong, "report/form", p)
		}
		if err := s.Reports.Observe(q.Context(), q.v, p.R.ID, report.Observable{Kind: o.Kind, Value: o.Value, Role: "attaccante"}); err != nil {
			return err
		}
	}
	return seeOther(q, "/segnala/%s/%d", p.R.ID, n+1)
}

// fill takes over the fields of one step.
func fill(r *report.Report, step int, q *req) (err error) {
	switch step {
	case 1:
		r.Now = q.form("adesso") == "si"
	case 2:
		r.Signs = nil
		for _, v := range q.PostForm["segni"] {
			r.Signs = append(r.Signs, report.Sign(v))
		}
		r.Kind = report.Kind(q.form("tipo"))
		r.Title, r.Text = q.form("titolo"), q.PostFormValue("testo")
		if len(r.Signs) == 0 && r.Text == "" {
			return fault.Bad("segni", "report.signs.missing")
		}
	case 3:
		r.Services = append(q.PostForm["servizi"], strings.Split(q.PostFormValue("altri"), "\n")...)
		if r.Began, err = localTime(q.form("inizio"), "inizio"); err != nil {
			return err
		}
		r.Known, err = localTime(q.form("saputo"), "saputo")
	case 4:
		r.Deeds = q.PostForm["fatto"]
	}
	return err
}

// localTime reads what a datetime-local field sends, as time in Italy.
func localTime(s, field string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation("2006-01-02T15:04", s, clock.Rome)
	if err != nil {
		return t, fault.Bad(field, "report.time.bad")
	}
	return t.UTC(), nil
}

// Local writes a time for a datetime-local field.
func (p formReport) Local(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(clock.Rome).Format("2006-01-02T15:04")
}

// reportUpload streams files straight into their seal: nothing of an upload is
// ever held in memory or looked into.
func (s *Server) reportUpload(q *req) error {
	back := "/segnala/" + q.PathValue("id") + "/5"
	if q.URL.Query().Get("da") == "pagina" {
		back = "/segnalazioni/" + q.PathValue("id")
	}
	// First whether the report is there at all for this viewer: an upload must not
	// tell it apart from nothing.
	if _, err := s.Reports.Find(q.Context(), q.v, q.id("id")); err != nil {
		return err
	}
	q.Body = http.MaxBytesReader(q.w, q.Body, report.MaxFile+maxForm)
	mr, err := q.MultipartReader()
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "fault.upload")
	}
	for {
		part, err := mr.NextPart()
		if err == io.EOF { //nolint:errorlint // the clean end; a wrapped one is a body cut short
			return seeOther(q, "%s", back)
		}
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "fault.upload")
		}
		if part.FileName() == "" {
			continue
		}
		if _, err := s.Reports.Attach(q.Context(), q.v, q.id("id"), part.FileName(), part); err != nil {
			return err
		}
	}
}

type listPage struct {
	Base
	Rows  []queueRow
	Next  string
	State string
	Text  string
}

func (s *Server) reportList(q *req) error {
	p := listPage{Base: q.with("report.list.title"), State: q.URL.Query().Get("stato"), Text: q.URL.Query().Get("testo")}
	p.Live = true
	list, next, err := s.Reports.List(q.Context(), q.v, report.Filter{State: report.State(p.State), Text: p.Text, After: q.URL.Query().Get("after")})
	if err != nil {
		return err
	}
	if p.Rows, err = s.rows(q, list); err != nil {
		return err
	}
	if next != "" {
		p.Next = "?" + url.Values{"stato": {p.State}, "testo": {p.Text}, "after": {next}}.Encode()
	}
	return s.render(q, "report/list", p)
}

type reportPage struct {
	Base
	F          report.File
	Body       territory.Body
	Centre     territory.Centre
	Contacts   []territory.Contact
	Mine       bool // the viewer's side handles it
	Next       []report.State
	Priorities []access.Priority
	Severities []access.Severity
	TLPs       []access.TLP
	Kinds      []report.Kind
}

func (s *Server) reportPage(q *req) (reportPage, error) {
	p := reportPage{Base: q.with("report.page.title"), Priorities: access.Priorities, Severities: access.Severities, TLPs: access.TLPs, Kinds: report.Kinds}
	p.Live = true
	var err error
	if p.F, err = s.Reports.Read(q.Context(), q.v, q.id("id")); err != nil {
		return p, err
	}
	if p.Body, p.Centre, err = s.place(q, p.F.Body); err != nil {
		return p, err
	}
	p.Exercise = p.F.Exercise
	p.Mine = (p.F.Direction == report.Up) == q.v.Police()
	for _, st := range []report.State{report.Progress, report.Stable, report.Closed, report.Returned} {
		if p.F.State.MayFollow(st) {
			p.Next = append(p.Next, st)
		}
	}
	if q.v.Police() {
		if p.Contacts, err = s.Territory.Contacts(q.Context(), q.v, p.F.Body); err != nil {
			return p, err
		}
	}
	p.Title = p.F.Code
	return p, nil
}

func (s *Server) reportRead(q *req) error {
	p, err := s.reportPage(q)
	if err != nil {
		return err
	}
	if p.F.State == report.Draft && q.v.Acts() {
		return seeOther(q, "/segnala/%s/%d", p.F.ID, max(2, min(p.F.Step, steps)))
	}
	return s.render(q, "report/read", p)
}

// done goes back to the report, or shows it with what was wrong.
func (s *Server) done(q *req, err error) error {
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Conflict) {
		if err != nil {
			return err
		}
		return seeOther(q, "/segnalazioni/%s", q.PathValue("id"))
	}
	p, e := s.reportPage(q)
	if e != nil {
		return e
	}
	p.Wrong = err
	return s.again(q, err, "report/read", p)
}

func (s *Server) reportTake(q *req) error {
	_, err := s.Reports.Acknowledge(q.Context(), q.v, q.id("id"))
	return s.done(q, err)
}

func (s *Server) reportSay(q *req) error {
	if q.form("domanda") != "" {
		return s.done(q, s.Reports.Ask(q.Context(), q.v, q.id("id"), q.PostFormValue("testo")))
	}
	return s.done(q, s.Reports.Say(q.Context(), q.v, q.id("id"), ids.ID(q.form("risponde")), q.PostFormValue("testo")))
}

func (s *Server) reportNote(q *req) error {
	return s.done(q, s.Reports.Note(q.Context(), q.v, q.id("id"), q.PostFormValue("testo")))
}

func (s *Server) reportClassify(q *req) error {
	level, err := strconv.Atoi(q.form("livello"))
	if err != nil {
		return s.done(q, fault.Bad("livello", "report.level.bad"))
	}
	return s.done(q, s.Reports.Classify(q.Context(), q.v, q.id("id"), report.Class{
		Kind: report.Kind(q.form("tipo")), Priority: access.Priority(q.form("priorita")), Severity: access.Severity(q.form("gravita")),
		Level: level, TLP: access.TLP(q.form("tlp")), Confidence: access.Confidence(strings.ToUpper(q.form("attendibilita"))),
	}))
}

func (s *Server) reportMove(q *req) error {
	return s.done(q, s.Reports.Move(q.Context(), q.v, q.id("id"), report.State(q.form("stato")), q.PostFormValue("testo")))
}

func (s *Server) reportObserve(q *req) error {
	o, err := observable.Guess(q.form("valore"))
	if err != nil {
		return s.done(q, fault.Bad("valore", "report.value.unknown", q.form("valore")))
	}
	return s.done(q, s.Reports.Observe(q.Context(), q.v, q.id("id"), report.Observable{Kind: o.Kind, Value: o.Value, Role: q.form("ruolo")}))
}

// reportDownload hands a file out only encrypted, with a passphrase that the
// officer chose: nothing hostile opens by a click.
func (s *Server) reportDownload(q *req) error {
	pass := q.PostFormValue("frase")
	if len(pass) < 8 {
		return s.done(q, fault.Bad("frase", "report.passphrase.short"))
	}
	a, r, err := s.Reports.Content(q.Context(), q.v, q.id("id"), q.id("file"))
	if err != nil {
		return err
	}
	defer r.Close()
	to, err := age.NewScryptRecipient(pass)
	if err != nil {
		return err
	}
	to.SetWorkFactor(15)
	h := q.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+a.SHA256[:16]+`.filo.age"`)
	h.Set("Content-Security-Policy", "sandbox")
	w, err := age.Encrypt(q.w, to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		panic(http.ErrAbortHandler) // the answer began: only cutting it off says that it is not whole
	}
	return w.Close()
}

type receiptPage struct {
	Base
	R        report.Report
	From, To string
	Receipt  report.Receipt
}

func (s *Server) receiptPage(q *req) (receiptPage, error) {
	p := receiptPage{Base: q.with("report.receipt.title")}
	p.Narrow = true
	f, err := s.Reports.Read(q.Context(), q.v, q.id("id"))
	if err != nil {
		return p, err
	}
	p.R, p.Exercise = f.Report, f.Exercise
	body, centre, err := s.place(q, p.R.Body)
	if err != nil {
		return p, err
	}
	p.From, p.To = body.Name, centre.Name
	if p.R.Direction == report.Down {
		p.From, p.To = p.To, p.From
	}
	p.Receipt, err = report.NewReceipt(p.R, body.Name, centre.Name, s.Signer)
	return p, err
}

func (s *Server) receipt(q *req) error {
	p, err := s.receiptPage(q)
	if err != nil {
		return err
	}
	return s.render(q, "report/receipt", p)
}

func (s *Server) receiptText(q *req) error {
	p, err := s.receiptPage(q)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="ricevuta-`+p.R.Code+`.txt"`)
	_, err = io.WriteString(q.w, p.Receipt.String())
	return err
}

// Passphrase proposes one that can be read aloud.
func (p reportPage) Passphrase() string {
	var b [10]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}
