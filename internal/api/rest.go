package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"filo/access"
	"filo/alert"
	"filo/entry"
	"filo/indicator"
	"filo/internal/fault"
	"filo/internal/flow"
	"filo/internal/i18n"
	"filo/internal/ids"
	"filo/internal/observable"
	"filo/report"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// REST serves the programs of bodies and centres, under /api/v1, with a token
// made on the page of one's account. OpenAPI 3.1 stands at /api/v1/openapi.json.
type REST struct {
	Entry      *entry.Desk
	Reports    *report.Desk
	Alerts     *alert.Desk
	Indicators indicator.Store
	Flow       *flow.Flow
	Audit      access.Audit // lists carry content: whoever reads one leaves a line
	Guard      *Guard
}

// Prefix is where the interface stands.
const Prefix = "/api/v1"

type viewerKey struct{}

func viewerOf(ctx context.Context) access.Viewer {
	v, _ := ctx.Value(viewerKey{}).(access.Viewer)
	return v
}

// Handler gives the interface.
func (s *REST) Handler() http.Handler {
	mux := http.NewServeMux()
	c := huma.DefaultConfig("filo", "1")
	c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", nil // no page from a CDN, no $schema in answers
	c.OpenAPIPath = "/openapi"
	c.Servers = []*huma.Server{{URL: Prefix}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	c.Security = []map[string][]string{{"token": {}}}
	a := humago.New(mux, c)
	s.register(a)
	return http.StripPrefix(Prefix, s.auth(mux))
}

// auth finds out who calls; the description of the interface is open.
func (s *REST) auth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if strings.HasPrefix(r.URL.Path, "/openapi") {
			next.ServeHTTP(w, r)
			return
		}
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		v, err := access.Viewer{}, error(nil)
		if ok {
			v, err = s.Entry.Bearer(r.Context(), strings.TrimSpace(token))
		}
		if !ok || fault.Is(err, fault.NotFound) {
			if err := s.Guard.Try("token " + remoteHost(r)); err != nil {
				problem(w, err)
				return
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="filo"`)
			problemHandler(http.StatusUnauthorized, "api.token").ServeHTTP(w, r)
			return
		}
		if err != nil {
			problem(w, err)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), viewerKey{}, v)))
	})
}

// Report is a report as programs read it; times are RFC 3339 in UTC.
type Report struct {
	ID        string    `json:"id"`
	Code      string    `json:"code"`
	Body      string    `json:"body"`
	Direction string    `json:"direction" enum:"dal_comune,dalla_polizia"`
	Kind      string    `json:"kind" enum:"incidente,minaccia,vulnerabilita,tentativo,non_so"`
	Title     string    `json:"title"`
	Text      string    `json:"text,omitempty"`
	Happening bool      `json:"happening_now"`
	State     string    `json:"state"`
	Priority  string    `json:"priority"`
	Severity  string    `json:"severity,omitempty"`
	TLP       string    `json:"tlp"`
	Exercise  bool      `json:"exercise"`
	Sent      time.Time `json:"sent"`
	Due       time.Time `json:"take_in_charge_by"`
	TakenBy   string    `json:"taken_by,omitempty"`
	Result    string    `json:"result,omitempty"`
}

func reportOut(r report.Report) Report {
	return Report{
		ID: string(r.ID), Code: r.Code, Body: string(r.Body), Direction: string(r.Direction), Kind: string(r.Kind), Title: r.Titled(), Text: r.Text,
		Happening: r.Now, State: string(r.State), Priority: string(r.Priority), Severity: string(r.Severity), TLP: string(r.TLP),
		Exercise: r.Exercise, Sent: r.Sent, Due: r.Due, TakenBy: r.TakenName, Result: r.Result,
	}
}

// ReportIn is a report that a program sends.
type ReportIn struct {
	Kind      string    `json:"kind" enum:"incidente,minaccia,vulnerabilita,tentativo,non_so"`
	Title     string    `json:"title" maxLength:"160"`
	Text      string    `json:"text,omitempty" maxLength:"20000"`
	Happening bool      `json:"happening_now,omitempty"`
	Began     time.Time `json:"began,omitempty" required:"false"`
	Values    []string  `json:"values,omitempty" maxItems:"2000" doc:"addresses, names, URLs, hashes of the attacker"`
}

// Alert is an alert as programs read it.
type Alert struct {
	ID        string    `json:"id"`
	Code      string    `json:"code"`
	Title     string    `json:"title"`
	What      string    `json:"what"`
	Advice    []string  `json:"advice,omitempty"`
	TLP       string    `json:"tlp"`
	Priority  string    `json:"priority"`
	State     string    `json:"state"`
	Exercise  bool      `json:"exercise"`
	Published time.Time `json:"published"`
	Deadline  time.Time `json:"answer_by"`
}

func alertOut(a alert.Alert) Alert {
	return Alert{
		ID: string(a.ID), Code: a.Code, Title: a.Title, What: a.What, Advice: a.Advice, TLP: string(a.TLP), Priority: string(a.Priority),
		State: string(a.State), Exercise: a.Exercise, Published: a.Published, Deadline: a.Deadline,
	}
}

// Indicator is an indicator as programs read it.
type Indicator struct {
	ID         string    `json:"id"`
	Alert      string    `json:"alert"`
	Kind       string    `json:"kind"`
	Value      string    `json:"value"`
	TLP        string    `json:"tlp"`
	Confidence string    `json:"confidence,omitempty"`
	State      string    `json:"state" enum:"attivo,richiamato"`
	ValidUntil time.Time `json:"valid_until"`
}

type (
	pageIn struct {
		After string `query:"after" doc:"cursor: next of the page before"`
		Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	oneIn struct {
		ID string `path:"id" maxLength:"26"`
	}
	listOf[T any] struct {
		Body struct {
			Items []T    `json:"items"`
			Next  string `json:"next,omitempty"`
		}
	}
	one[T any] struct{ Body T }
)

func (s *REST) register(a huma.API) {
	huma.Register(a, op("GET", "/reports", "list-reports", "The reports of your seat, newest first"), s.listReports)
	huma.Register(a, op("POST", "/reports", "send-report", "Send a report; the answer is its receipt code"), s.sendReport)
	huma.Register(a, op("GET", "/reports/{id}", "read-report", "One report"), func(ctx context.Context, in *oneIn) (*one[Report], error) {
		f, err := s.Reports.Read(ctx, viewerOf(ctx), ids.ID(in.ID))
		return &one[Report]{reportOut(f.Report)}, humaErr(err)
	})
	huma.Register(a, op("GET", "/alerts", "list-alerts", "The alerts that concern your seat, newest first"), s.listAlerts)
	huma.Register(a, op("GET", "/alerts/{id}", "read-alert", "One alert"), func(ctx context.Context, in *oneIn) (*one[Alert], error) {
		x, err := s.Alerts.Read(ctx, viewerOf(ctx), ids.ID(in.ID))
		return &one[Alert]{alertOut(x)}, humaErr(err)
	})
	huma.Register(a, op("GET", "/indicators", "list-indicators", "The indicators of your alerts, newest first"), s.listIndicators)
}

func op(method, path, id, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary}
}

// humaErr turns a fault into an answer; what is hidden looks like what is not.
func humaErr(err error) error {
	if err == nil {
		return nil
	}
	f := fault.Outside(err)
	return huma.NewError(status[f.Kind], i18n.For("en").T(f.Key, f.Args...))
}

func (s *REST) listReports(ctx context.Context, in *pageIn) (*listOf[Report], error) {
	list, next, err := s.Reports.List(ctx, viewerOf(ctx), report.Filter{After: in.After, Limit: in.Limit})
	out := &listOf[Report]{}
	out.Body.Items, out.Body.Next = []Report{}, next
	for _, r := range list {
		out.Body.Items = append(out.Body.Items, reportOut(r))
	}
	if err == nil {
		err = s.Audit.Read(ctx, viewerOf(ctx), "reports", ids.ID(in.After))
	}
	return out, humaErr(err)
}

func (s *REST) sendReport(ctx context.Context, in *struct{ Body ReportIn }) (*one[Report], error) {
	v := viewerOf(ctx)
	if v.Kind != access.Body && v.Kind != access.Operator {
		return nil, humaErr(fault.New(fault.Forbidden, "alert.only_body"))
	}
	centre, err := s.Flow.Centre(ctx, v.Body)
	if err != nil {
		return nil, humaErr(err)
	}
	var values []report.Observable
	for _, x := range in.Body.Values {
		o, err := observable.Guess(x)
		if err != nil {
			return nil, humaErr(fault.Bad("values", "report.value.unknown", x))
		}
		values = append(values, report.Observable{Kind: o.Kind, Value: o.Value, Role: "attaccante"})
	}
	r, err := s.Reports.Submit(ctx, v, report.Report{
		Body: v.Body, Centre: centre, How: report.ByAPI, Kind: report.Kind(in.Body.Kind), Title: in.Body.Title, Text: in.Body.Text,
		Now: in.Body.Happening, Began: in.Body.Began,
	}, values)
	return &one[Report]{reportOut(r)}, humaErr(err)
}

func (s *REST) listAlerts(ctx context.Context, in *pageIn) (*listOf[Alert], error) {
	list, err := s.Alerts.List(ctx, viewerOf(ctx), alert.Filter{After: ids.ID(in.After), Limit: in.Limit})
	out := &listOf[Alert]{}
	out.Body.Items = []Alert{}
	for _, x := range list {
		out.Body.Items = append(out.Body.Items, alertOut(x))
	}
	if n := len(list); n == in.Limit {
		out.Body.Next = string(list[n-1].ID)
	}
	if err == nil {
		err = s.Audit.Read(ctx, viewerOf(ctx), "alerts", ids.ID(in.After))
	}
	return out, humaErr(err)
}

func (s *REST) listIndicators(ctx context.Context, in *pageIn) (*listOf[Indicator], error) {
	list, err := s.Indicators.List(ctx, viewerOf(ctx), indicator.Filter{After: ids.ID(in.After), Limit: in.Limit})
	out := &listOf[Indicator]{}
	out.Body.Items = []Indicator{}
	for _, x := range list {
		out.Body.Items = append(out.Body.Items, Indicator{
			ID: string(x.ID), Alert: string(x.Alert), Kind: x.Kind, Value: x.Value, TLP: string(x.TLP), Confidence: string(x.Confidence),
			State: string(x.State), ValidUntil: x.ValidUntil,
		})
	}
	if n := len(list); n == in.Limit {
		out.Body.Next = string(list[n-1].ID)
	}
	if err == nil {
		err = s.Audit.Read(ctx, viewerOf(ctx), "indicators", ids.ID(in.After))
	}
	return out, humaErr(err)
}
