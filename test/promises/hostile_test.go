package promises

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filo/internal/demo"
	"filo/internal/edge/link"
	"filo/internal/pki"
	"filo/internal/wire"
	"filo/report"

	"github.com/klauspost/compress/zstd"
)

func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// enrolled gives a second agent of a Comune, which the test drives by hand.
func enrolled(t *testing.T, d *demo.Demo, who string) (*link.Client, link.Identity, *http.Client) {
	t.Helper()
	v := d.People[who].Viewer
	b, err := d.Node.Territory.Body(t.Context(), v, v.Body)
	if err != nil {
		t.Fatal(err)
	}
	code, err := d.Node.Agents.Invite(t.Context(), v, b.ID, b.Centre)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "agente")
	id, err := link.Enrol(t.Context(), dir, d.Node.Config.Link.Public, code, d.Node.Keys.Pin(), "prova")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := link.Enrol(t.Context(), dir+"2", d.Node.Config.Link.Public, code, d.Node.Keys.Pin(), "prova"); err == nil {
		t.Fatal("a code enrols twice")
	}
	c, err := link.New(dir, id)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair([]byte(id.Certificate), []byte(id.Key))
	if err != nil {
		t.Fatal(err)
	}
	cfg := insecure()
	cfg.Certificates = []tls.Certificate{cert}
	return c, id, &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}, Timeout: 20 * time.Second}
}

func finding(seq uint64, count int) wire.Event {
	b, _ := json.Marshal(wire.Finding{Key: "k", Rule: "ssh-guessing", Title: "x", SourceIP: "203.0.113.5", Count: count, Severity: "low", Outcome: "attempt"})
	return wire.Event{Seq: seq, Kind: wire.EventFinding, Payload: b}
}

func TestABatchThatComesAgainCountsOnceAndAGapIsNeverSkipped(t *testing.T) {
	d := start(t)
	c, _, _ := enrolled(t, d, "Genova")
	now := d.Node.Clock.Now()
	for range 3 {
		ack, err := c.Send(t.Context(), []wire.Event{finding(1, 5), finding(2, 9)}, now)
		if err != nil || ack.Through != 2 {
			t.Fatalf("acknowledged %d: %v", ack.Through, err)
		}
	}
	ack, err := c.Send(t.Context(), []wire.Event{finding(4, 20)}, now)
	if err != nil || ack.Through != 2 {
		t.Errorf("event 4 without 3 is acknowledged through %d: %v", ack.Through, err)
	}
}

func TestABatchInAnotherBodysNameAndARevokedAgentAreRefused(t *testing.T) {
	d := start(t)
	c, id, raw := enrolled(t, d, "Genova")
	for name, b := range map[string]wire.Batch{
		"another body":  {Agent: id.Agent, Body: d.People["Enna"].Viewer.Body},
		"another agent": {Agent: "00000000000000000000000000", Body: id.Body},
	} {
		body, _ := json.Marshal(b)
		res, err := raw.Post(id.Link+wire.PathBatch, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	if err := d.Node.Agents.Revoke(t.Context(), d.People["Genova"].Viewer, id.Agent); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), []wire.Event{finding(1, 1)}, d.Node.Clock.Now()); err != link.ErrRevoked {
		t.Errorf("a revoked agent hears %v", err)
	}
	if _, err := c.Changes(t.Context(), 0); err != link.ErrRevoked {
		t.Errorf("a revoked agent hears %v", err)
	}
}

func TestABombInABatchCostsNoMoreThanTheLimit(t *testing.T) {
	d := start(t)
	_, id, raw := enrolled(t, d, "Genova")
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := enc.EncodeAll(append([]byte(`{"agent":"`), bytes.Repeat([]byte("a"), 200<<20)...), nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, id.Link+wire.PathBatch, bytes.NewReader(bomb))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "zstd")
	res, err := raw.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a bomb of %d bytes is answered with %s", len(bomb), res.Status)
	}
}

func TestAScriptInEveryFieldIsShownAsText(t *testing.T) {
	d := start(t)
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	v := d.People["Enna"].Viewer
	r, err := d.Node.Reports.Submit(t.Context(), v, report.Report{
		Body: v.Body, Centre: "COSC-SICILIA-OCC", Kind: report.Incident, Title: evil, Text: evil, Services: []string{evil}, Caller: evil,
	}, []report.Observable{{Kind: "url", Value: "http://x.example/" + evil, Role: "attaccante"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Node.Reports.Attach(t.Context(), v, r.ID, evil, strings.NewReader(evil)); err != nil {
		t.Fatal(err)
	}
	if err := d.Node.Reports.Say(t.Context(), v, r.ID, "", evil); err != nil {
		t.Fatal(err)
	}
	c := signIn(t, d, "Palermo", 4)
	for _, p := range []string{"/", "/segnalazioni", "/segnalazioni/" + string(r.ID), "/segnalazioni/" + string(r.ID) + "/ricevuta", "/segnalazioni/" + string(r.ID) + "/allerta"} {
		code, page := ask(t, c, "GET", d.URL+p, objects{})
		if code != http.StatusOK {
			t.Fatalf("%s: %d", p, code)
		}
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") {
			t.Errorf("%s runs what a stranger typed", p)
		}
	}
}

func TestAFormFromAnotherSiteIsRefusedAndASessionCannotBeFixed(t *testing.T) {
	d := start(t)
	c := signIn(t, d, "Enna", 4)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL+"/segnala", strings.NewReader("adesso=si"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Origin", "https://altrove.example")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a form from another site: %s", res.Status)
	}
	f := client(t)
	u, _ := url.Parse(d.URL)
	f.Jar.SetCookies(u, []*http.Cookie{{Name: "filo", Value: "scelto-dall-attaccante", Path: "/"}})
	p := d.People["Genova"]
	if _, err := f.PostForm(d.URL+"/entra", url.Values{"login": {p.Login}, "password": {demo.Password}}); err != nil {
		t.Fatal(err)
	}
	for _, k := range f.Jar.Cookies(u) {
		if k.Value == "scelto-dall-attaccante" {
			t.Error("the session keeps the token that an attacker chose")
		}
	}
}

func TestAForgedReceiptIsToldFromARealOne(t *testing.T) {
	d := start(t)
	v := d.People["Enna"].Viewer
	r, err := d.Node.Reports.Submit(t.Context(), v, report.Report{Body: v.Body, Centre: "COSC-SICILIA-OCC", Kind: report.Incident, Text: "x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := report.NewReceipt(r, "Enna", "Palermo", d.Node.Keys)
	if err != nil {
		t.Fatal(err)
	}
	back, err := report.ParseReceipt(rec.String())
	if err != nil || !pki.VerifyText(back.Key, back.Text, back.Signature) {
		t.Fatalf("a real receipt does not verify: %v", err)
	}
	forged := strings.Replace(back.Text, "da: Enna", "da: Genova", 1)
	if pki.VerifyText(back.Key, forged, back.Signature) {
		t.Error("a forged receipt verifies")
	}
}
