// Package promises holds one file per promise of filo, told by a whole running
// node: real HTTP, real certificates, the real store.
package promises

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filo/access"
	"filo/alert"
	"filo/entry"
	"filo/hunt"
	"filo/internal/api"
	"filo/internal/demo"
	"filo/internal/ids"
	"filo/internal/web"
	"filo/report"
)

func start(t *testing.T) *demo.Demo {
	t.Helper()
	d, err := demo.Start(t.Context(), demo.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Out: io.Discard, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func client(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func signIn(t *testing.T, d *demo.Demo, who string, recovery int) *http.Client {
	t.Helper()
	c, p := client(t), d.People[who]
	for _, step := range []struct {
		path string
		form url.Values
	}{{"/entra", url.Values{"login": {p.Login}, "password": {demo.Password}}}, {"/entra/codice", url.Values{"code": {p.Recovery[recovery]}}}} {
		res, err := c.PostForm(d.URL+step.path, step.form)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			t.Fatalf("sign-in of %s at %s: %s", who, step.path, res.Status)
		}
	}
	return c
}

// objects of Enna and its centre, which a stranger must not tell from nothing.
type objects map[string]ids.ID

// fill puts an id for each hole of a pattern.
func fill(pattern string, o objects, made bool) string {
	noun := ""
	switch {
	case strings.HasPrefix(pattern, "/segnala"):
		noun = "report"
	case strings.HasPrefix(pattern, "/allerte"):
		noun = "alert"
	case strings.HasPrefix(pattern, "/agenti"):
		noun = "agent"
	case strings.HasPrefix(pattern, "/rilevazioni"):
		noun = "finding"
	case strings.HasPrefix(pattern, "/ricerche"):
		noun = "hunt"
	case strings.HasPrefix(pattern, "/enti"):
		noun = "body"
	case strings.HasPrefix(pattern, "/protocolli"):
		noun = "agreement"
	}
	id := o[noun]
	if !made {
		id = ids.ID(strings.Repeat("0", 26)) // the shape of an id that was never given
	}
	r := strings.NewReplacer("{id}", string(id), "{step}", "2", "{file}", string(o["file"]), "{noun}", "rete", "{row}", string(o["network"]), "{document}", string(o["document"]), "{session}", string(o["session"]), "{$}", "")
	return r.Replace(pattern)
}

// own lists the routes without an object of somebody in the address; each is
// about the asker alone.
var own = map[string]bool{
	"/entra": true, "/entra/codice": true, "/entra/imposta": true, "/invito": true, "/esci": true, "/accessibilita": true, "/lingua": true,
	"/{$}": true, "/live": true, "/account": true, "/account/sede": true, "/account/altre": true, "/segnala": true, "/segnalazioni": true,
	"/allerte": true, "/indicatori": true, "/agenti": true, "/agenti/invita": true, "/agenti/scelte": true, "/rilevazioni": true, "/ricerche": true, "/ricerche/nuova": true, "/ente": true,
	"/territorio": true, "/protocollo": true, "/protocolli": true, "/protocolli/scadenze": true, "/protocolli/copertura": true, "/centri/{centre}": true, "/persone": true, "/account/sessioni/{session}/chiudi": true, "/account/chiavi": true, "/account/passkey/inizia": true, "/account/passkey/fine": true, "/account/passkey/{passkey}/togli": true, "/entra/passkey/inizia": true, "/entra/passkey/fine": true, "/entra/oidc": true, "/entra/oidc/ritorno": true, "/account/chiavi/{token}/togli": true,
}

func TestNobodyCanReadWriteOrTellApartWhatIsNotTheirs(t *testing.T) {
	d := start(t)
	if _, err := d.Story(t.Context(), func(demo.Step) {}); err != nil {
		t.Fatal(err)
	}
	o := gather(t, d)
	strangers := map[string]*http.Client{
		"another body": signIn(t, d, "Genova", 4), "another centre": signIn(t, d, "Genova-centro", 4), "nobody": client(t),
		"an operator of others": signIn(t, d, "Gestore", 4), "a laboratory": signIn(t, d, "Laboratorio", 4),
	}
	before := snapshot(t, d, o)
	for _, rt := range web.Routes() {
		if !strings.Contains(rt.Pattern, "{id}") {
			if !own[rt.Pattern] {
				t.Errorf("%s %s has no entry in the isolation test", rt.Method, rt.Pattern)
			}
			continue
		}
		for who, c := range strangers {
			codeReal, bodyReal := ask(t, c, rt.Method, d.URL+fill(rt.Pattern, o, true), o)
			codeNone, bodyNone := ask(t, c, rt.Method, d.URL+fill(rt.Pattern, o, false), o)
			if who != "nobody" && codeReal != http.StatusNotFound {
				t.Errorf("%s %s answers %s with %d, want 404", rt.Method, rt.Pattern, who, codeReal)
			}
			if codeReal < 300 {
				t.Errorf("%s %s is answered to %s with %d", rt.Method, rt.Pattern, who, codeReal)
			}
			if codeReal != codeNone || bodyReal != bodyNone {
				t.Errorf("%s %s tells %s that it exists: %d against %d", rt.Method, rt.Pattern, who, codeReal, codeNone)
			}
		}
	}
	if after := snapshot(t, d, o); after != before {
		t.Errorf("a stranger changed something:\nbefore %s\nafter  %s", before, after)
	}
}

func TestASeatHasNoOtherPagesThanItsOwn(t *testing.T) {
	d := start(t)
	if _, err := d.Story(t.Context(), func(demo.Step) {}); err != nil {
		t.Fatal(err)
	}
	o := gather(t, d)
	for key, kind := range map[string]access.Kind{
		"Enna": access.Body, "Gestore": access.Operator, "Palermo": access.Centre, "Nazionale": access.National, "ANCI": access.ANCI, "Laboratorio": access.Lab,
	} {
		c := signIn(t, d, key, 5)
		for _, rt := range web.Routes() {
			if rt.Open || len(rt.Who) == 0 || slices.Contains(rt.Who, kind) {
				continue
			}
			// Beside it, so that the navigation marks the same entry.
			noun, _, _ := strings.Cut(rt.Pattern[1:], "/")
			_, none := ask(t, c, "GET", d.URL+"/"+noun+"/non/esiste/nulla", o)
			code, body := ask(t, c, rt.Method, d.URL+fill(rt.Pattern, o, true), o)
			if code != http.StatusNotFound || body != none {
				t.Errorf("%s %s answers the seat %q with %d, and not as a page that is not there", rt.Method, rt.Pattern, kind, code)
			}
		}
	}
}

func TestAReaderLooksAndNeverActs(t *testing.T) {
	d := start(t)
	if _, err := d.Story(t.Context(), func(demo.Step) {}); err != nil {
		t.Fatal(err)
	}
	o := gather(t, d)
	code, err := d.Node.Entry.Invite(t.Context(), d.People["Enna-resp"].Viewer, entry.Mandate{Kind: access.Body, Role: access.Reader, Body: o["body"], Title: "Segreteria, Comune di Enna"}, "COSC-SICILIA-OCC")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Node.Entry.Accept(t.Context(), code, d.People["Enna"].Login, demo.Password); err != nil {
		t.Fatal(err)
	}
	c := signIn(t, d, "Enna", 5)
	_, page := ask(t, c, "GET", d.URL+"/account", o)
	m := regexp.MustCompile(`name="sede" value="([0-9a-z]{26})"[^>]*>[^<]*Segreteria|value="([0-9a-z]{26})">Segreteria`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("the second seat is not on the page of the account")
	}
	res, err := c.PostForm(d.URL+"/account/sede", url.Values{"sede": {m[1] + m[2]}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("changing the seat: %s", res.Status)
	}
	before := snapshot(t, d, o)
	for _, rt := range web.Routes() {
		if rt.Method != http.MethodPost || rt.Open || strings.HasPrefix(rt.Pattern, "/account") || len(rt.Who) > 0 && !slices.Contains(rt.Who, access.Body) {
			continue
		}
		code, _ := ask(t, c, rt.Method, d.URL+fill(rt.Pattern, o, true), o)
		if code < 400 {
			t.Errorf("a reader may %s (%d)", rt.Pattern, code)
		}
	}
	if after := snapshot(t, d, o); after != before {
		t.Errorf("a reader changed something:\nbefore %s\nafter  %s", before, after)
	}
}

// gather finds the ids of what Enna and Palermo own.
func gather(t *testing.T, d *demo.Demo) objects {
	t.Helper()
	ctx, enna, pa := t.Context(), d.People["Enna"].Viewer, d.People["Palermo"].Viewer
	list, _, err := d.Node.Reports.Queue(ctx, pa, report.Filter{})
	if err != nil || len(list) == 0 {
		t.Fatal("no report", err)
	}
	o := objects{"body": enna.Body}
	for _, r := range list {
		if r.Body == enna.Body {
			o["report"] = r.ID
		}
	}
	a, err := d.Node.Reports.Attach(ctx, enna, o["report"], "nota.txt", strings.NewReader("testo"))
	if err != nil {
		t.Fatal(err)
	}
	o["file"] = a.ID
	if err := d.Node.Territory.DeclareNetwork(ctx, enna, enna.Body, "192.0.2.0/24", ""); err != nil {
		t.Fatal(err)
	}
	nets, err := d.Node.Territory.Networks(ctx, enna, enna.Body)
	if err != nil {
		t.Fatal(err)
	}
	o["network"] = nets[0].ID
	c := signIn(t, d, "Enna", 3)
	for noun, page := range map[string]string{"finding": "/rilevazioni", "agent": "/agenti"} {
		_, body := ask(t, c, "GET", d.URL+page, o)
		m := regexp.MustCompile(page + `/([0-9a-z]{26})`).FindStringSubmatch(body)
		if m == nil {
			t.Fatalf("no %s on %s", noun, page)
		}
		o[noun] = ids.ID(m[1])
	}
	ag, err := d.Node.Agreements.Of(ctx, enna, enna.Body)
	if err != nil {
		t.Fatal(err)
	}
	o["agreement"] = ag.ID
	doc, err := d.Node.Agreements.Attach(ctx, pa, ag.ID, "delibera.pdf", []byte("testo della delibera"))
	if err != nil {
		t.Fatal(err)
	}
	o["document"] = doc.ID
	h, err := d.Node.Flow.Ask(ctx, pa, hunt.Hunt{Title: "prova"}, []string{"203.0.113.9"}, alert.Audience{Bodies: []ids.ID{enna.Body}})
	if err != nil {
		t.Fatal(err)
	}
	o["hunt"] = h.ID
	p := signIn(t, d, "Palermo", 3)
	_, body := ask(t, p, "GET", d.URL+"/allerte", o)
	for _, m := range regexp.MustCompile(`/allerte/([0-9a-z]{26})`).FindAllStringSubmatch(body, -1) {
		al, err := d.Node.Alerts.Read(ctx, pa, ids.ID(m[1]))
		if err == nil && al.Centre == pa.Centre {
			o["alert"] = al.ID
		}
	}
	if o["alert"] == "" {
		t.Fatal("no alert of Palermo")
	}
	return o
}

// ask gives the status and the answer without what names the asker's address.
func ask(t *testing.T, c *http.Client, method, u string, o objects) (int, string) {
	t.Helper()
	form := url.Values{
		"testo": {"x"}, "frase": {"abcdefghij"}, "tipo": {"incidente"}, "priorita": {"alta"}, "gravita": {"low"}, "livello": {"1"}, "tlp": {"AMBER"},
		"stato": {"chiusa"}, "valore": {"203.0.113.1"}, "network": {"198.51.100.0/24"}, "risposta": {"nessuna_evidenza"}, "ente": {string(o["body"])},
		"motivo": {"x"}, "giorno": {"2026-11-24"}, "clausole": {"formazione"}, "titolo": {"x"}, "cosa": {"x"}, "pubblica": {"si"}, "segni": {"altro"},
	}
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, u, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasSuffix(u, "/file") {
		req.Body = io.NopCloser(bytes.NewBufferString("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nb\r\n--x--\r\n"))
		req.ContentLength = -1
		req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b) + res.Header.Get("Location")
}

// snapshot is all that a stranger could have changed, as the owner sees it.
func snapshot(t *testing.T, d *demo.Demo, o objects) string {
	t.Helper()
	ctx, pa, enna := t.Context(), d.People["Palermo"].Viewer, d.People["Enna"].Viewer
	f, err := d.Node.Reports.Read(ctx, pa, o["report"])
	if err != nil {
		t.Fatal(err)
	}
	a, err := d.Node.Agreements.Read(ctx, pa, o["agreement"])
	if err != nil {
		t.Fatal(err)
	}
	tally, err := d.Node.Alerts.Tally(ctx, pa, o["alert"])
	if err != nil {
		t.Fatal(err)
	}
	ag, err := d.Node.Agents.Find(ctx, enna, o["agent"])
	if err != nil {
		t.Fatal(err)
	}
	nets, err := d.Node.Territory.Networks(ctx, enna, enna.Body)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := d.Node.Detections.Find(ctx, enna, o["finding"])
	if err != nil {
		t.Fatal(err)
	}
	given, err := d.Node.Territory.Delegations(ctx, enna, enna.Body)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := d.Node.Hunts.Tally(ctx, pa, o["hunt"])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(asked.Released, len(given), len(a.Documents), a.Title, f.Version, f.State, len(f.Events), len(f.Observables), len(f.Files), a.Version, len(a.Events), tally.Answered(), ag.Revoked.IsZero(), len(nets), fi.State)
}

func TestTheLinkAnswersNobodyWithoutACertificate(t *testing.T) {
	d := start(t)
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.TLSClientConfig = insecure()
	c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	for _, r := range api.LinkRoutes {
		req, err := http.NewRequestWithContext(t.Context(), r.Method, d.Node.Config.Link.Public+r.Path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode < 400 {
			t.Errorf("%s %s answers %d without a certificate", r.Method, r.Path, res.StatusCode)
		}
		if !r.Open && res.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s answers %d, want 403", r.Method, r.Path, res.StatusCode)
		}
	}
}
