package browser

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"filo/access"
	"filo/agreement"
	"filo/internal/clock"
	"filo/internal/demo"
	"filo/internal/ids"
	"filo/internal/wire"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// complain fails the test, at its end, for what the browser had to say.
func complain(t *testing.T, b browser) {
	t.Helper()
	var mu sync.Mutex
	var said []string
	console := chromedp.Console(b.ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			mu.Lock()
			said = append(said, fmt.Sprint(m))
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range said {
			if !strings.Contains(c, "404") && !strings.Contains(c, "422") {
				t.Errorf("the browser complains: %s", c)
			}
		}
	})
}

// name makes the name of a picture from an address.
func name(seat, path string) string {
	return seat + "-" + regexp.MustCompile(`[^a-z]+`).ReplaceAllString(path, "-")
}

func TestEveryPageOfAComuneIsReadableWideAndOnAPhoneAndAxeFindsNothing(t *testing.T) {
	d := start(t)
	strange(t, d)
	b := open(t)
	complain(t, b)
	for _, p := range []string{"entra", "invito", "accessibilita"} {
		b.look(t, p, d.URL+"/"+p)
	}
	enna := signIn(t, d, "Enna")
	b.as(t, d, enna)
	for _, p := range []string{"", "segnala", "segnala?codice=AAA-AAA", "segnalazioni", "segnalazioni?testo=nulla", "allerte", "rilevazioni", "ricerche", "agenti", "ente", "protocollo", "account", "non-esiste"} {
		b.look(t, name("comune", p), d.URL+"/"+p)
	}
	b.press(t, "comune-agenti-codice", d.URL+"/agenti", `form[action="/agenti/invita"] button`)
	b.press(t, "comune-ente-errore", d.URL+"/ente", `form[action$="/rete"] button`)
	b.menu(t, d)
	findings := get(t, enna, d.URL+"/rilevazioni")
	for shot, row := range map[string]string{"comune-rilevazione": "SSH</a>", "comune-rilevazione-parte-da-noi": "attacca altri</a>", "comune-rilevazione-di-altri": "Odd archive</a>"} {
		b.look(t, shot, d.URL+first(t, findings, `href="(/rilevazioni/[0-9a-z]{26})"[^>]*>[^<]*`+row))
	}
	b.look(t, "comune-ricerca", d.URL+first(t, get(t, enna, d.URL+"/ricerche"), `href="(/ricerche/[0-9a-z]{26})"`))
	report := first(t, get(t, enna, d.URL+"/segnalazioni"), `href="(/segnalazioni/[^"?]+)"`)
	b.look(t, "comune-segnalazione", d.URL+report)
	b.look(t, "comune-ricevuta", d.URL+report+"/ricevuta")
	b.paper(t, "ricevuta", d.URL+report+"/ricevuta")
	for _, p := range []string{"", "segnala", "rilevazioni", "agenti", "protocollo"} {
		b.dark(t, name("comune", p), d.URL+"/"+p)
	}
	b.dark(t, "comune-segnalazione", d.URL+report)
	res, err := enna.PostForm(d.URL+"/segnala", url.Values{"adesso": {"si"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	form := d.URL + strings.TrimSuffix(res.Request.URL.Path, "/2")
	for step := 1; step <= 6; step++ {
		b.look(t, fmt.Sprintf("comune-modulo-%d", step), fmt.Sprintf("%s/%d", form, step))
	}
	b.press(t, "comune-modulo-errore", form+"/2", "button.btn-primary")

	cl := signIn(t, d, "Caltanissetta")
	b.as(t, d, cl)
	b.look(t, "comune-allerta", d.URL+first(t, get(t, cl, d.URL+"/allerte"), `href="(/allerte/[^"?]+)"`))
	ge := signIn(t, d, "Genova")
	b.as(t, d, ge)
	b.look(t, "comune-allerta-risposta", d.URL+first(t, get(t, ge, d.URL+"/allerte"), `href="(/allerte/[^"?]+)"`))

	b.as(t, d, signIn(t, d, "Enna-resp"))
	b.look(t, "comune-persone", d.URL+"/persone")
	b.look(t, "comune-recesso", d.URL+"/protocollo")
	b.as(t, d, signIn(t, d, "Gestore"))
	for _, p := range []string{"", "segnala", "agenti", "protocollo", "ente"} {
		b.look(t, name("gestore", p), d.URL+"/"+p)
	}
	b.as(t, d, signIn(t, d, "ANCI"))
	b.look(t, "anci", d.URL+"/")
	b.as(t, d, signIn(t, d, "Laboratorio"))
	b.look(t, "laboratorio", d.URL+"/")
}

func TestEveryPageOfACentreIsReadableWideAndOnAPhoneAndAxeFindsNothing(t *testing.T) {
	d := start(t)
	ending(t, d)
	b := open(t)
	complain(t, b)
	pa := signIn(t, d, "Palermo-dir")
	b.as(t, d, pa)
	for _, p := range []string{"", "segnala", "segnala?cerca=enna", "segnalazioni", "allerte", "indicatori", "ricerche", "ricerche/nuova", "territorio", "territorio?tutti=si", "territorio?cerca=san", "protocolli", "protocolli/scadenze", "protocolli/copertura", "persone", "account", "centri/COSC-SICILIA-OCC"} {
		b.look(t, name("centro", p), d.URL+"/"+p)
	}
	report := first(t, get(t, pa, d.URL+"/segnalazioni"), `href="(/segnalazioni/[^"?]+)"[^>]*>Enna`)
	b.look(t, "centro-segnalazione", d.URL+report)
	b.look(t, "centro-avvisa", d.URL+report+"/allerta")
	b.dark(t, "centro-segnalazione", d.URL+report)
	b.dark(t, "centro-coda", d.URL+"/")
	b.press(t, "centro-avvisa-anteprima", d.URL+report+"/allerta", "main .act button.btn-plain")
	b.press(t, "centro-ricerca-errore", d.URL+"/ricerche/nuova", "main button.btn-primary")
	b.look(t, "centro-allerta", d.URL+first(t, get(t, pa, d.URL+"/allerte"), `href="(/allerte/[^"?]+)"`))
	b.look(t, "centro-ricerca", d.URL+first(t, get(t, pa, d.URL+"/ricerche"), `href="(/ricerche/[0-9a-z]{26})"`))
	list := get(t, pa, d.URL+"/protocolli")
	b.look(t, "centro-protocollo", d.URL+first(t, list, `href="(/protocolli/[0-9a-z]{26})">[^<]*Enna`))
	b.look(t, "centro-protocollo-in-scadenza", d.URL+first(t, list, `href="(/protocolli/[0-9a-z]{26})">[^<]*Agrigento`))
	b.look(t, "centro-accordo-quadro", d.URL+first(t, list, `href="(/protocolli/[0-9a-z]{26})">Accordo quadro`))
	b.look(t, "centro-ente", d.URL+first(t, get(t, pa, d.URL+"/territorio"), `href="(/enti/[^"?]+)"`))
	na := signIn(t, d, "Nazionale")
	b.as(t, d, na)
	for _, p := range []string{"", "territorio", "protocolli", "protocolli/copertura", "allerte"} {
		b.look(t, name("nazionale", p), d.URL+"/"+p)
	}
	b.look(t, "nazionale-accordo-regionale", d.URL+first(t, get(t, na, d.URL+"/protocolli"), `href="(/protocolli/[0-9a-z]{26})">[^<]*Sicilia`))
}

func TestTheSamePagesFitAPhoneInEnglish(t *testing.T) {
	d := start(t)
	strange(t, d)
	ending(t, d)
	b := open(t)
	for who, pages := range map[string][]string{
		"Enna":        {"/", "/segnala", "/segnalazioni", "/allerte", "/rilevazioni", "/ricerche", "/agenti", "/ente", "/protocollo", "/account"},
		"Palermo-dir": {"/", "/segnala?cerca=enna", "/indicatori", "/ricerche/nuova", "/territorio", "/protocolli", "/protocolli/scadenze", "/persone", "/centri/COSC-SICILIA-OCC"},
	} {
		c := signIn(t, d, who)
		res, err := c.PostForm(d.URL+"/lingua", url.Values{"lingua": {"en"}})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		b.as(t, d, c)
		for list, pattern := range map[string]string{
			"/rilevazioni": `href="(/rilevazioni/[0-9a-z]{26})"`, "/ricerche": `href="(/ricerche/[0-9a-z]{26})"`,
			"/segnalazioni": `href="(/segnalazioni/[0-9a-z]{26})"`, "/allerte": `href="(/allerte/[0-9a-z]{26})"`,
		} {
			if who != "Enna" && list == "/rilevazioni" || who == "Enna" && list == "/allerte" {
				continue
			}
			pages = append(pages, first(t, get(t, c, d.URL+list), pattern))
		}
		for i, p := range pages {
			if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(390, 844), chromedp.Navigate(d.URL+p), ready()); err != nil {
				t.Fatal(err)
			}
			b.picture(t, fmt.Sprintf("en-%s-%02d", strings.ToLower(who), i), "telefono", 390, 844)
			if page := get(t, c, d.URL+p); !strings.Contains(page, `<html lang="en">`) {
				t.Errorf("%s is not in English", p)
			}
		}
	}
}

// strange puts findings into Enna that the story does not tell: one that leaves
// from its own network, and one by a rule of others.
func strange(t *testing.T, d *demo.Demo) {
	t.Helper()
	v := d.People["Enna"].Viewer
	list, _, err := d.Node.Agents.List(t.Context(), v, v.Body, "", 1)
	if err != nil || len(list) == 0 {
		t.Fatal("no agent", err)
	}
	v.Agent = list[0].ID
	now := d.Node.Clock.Now()
	for _, f := range []wire.Finding{
		{
			Key: "esce", Rule: "outbound-attack", Title: "Un computer dell'ente attacca altri", Log: "firewall.log", Product: "iptables", SourceIP: "192.0.2.23", DestIP: "198.51.100.9", DestPort: 445,
			First: now, Last: now, Count: 412, Outcome: "attempt", Severity: "high", Leaves: true, Technique: "T1046", ACN: "malicious-code:worm", Threat: "Worm.Example",
			Origins: []wire.Origin{{SourceIP: "192.0.2.23", DestIP: "198.51.100.9", DestPort: 445, Transport: "tcp", At: now, Zone: "assumed"}},
		},
		{
			Key: "altri", Rule: "6b1d2a52-0000-4000-8000-5d7b3f1c2e11", Title: "Odd archive", Log: "application.log", SourceIP: "2001:db8:10:20:30:40:50:60", First: now, Last: now, Count: 1, Outcome: "success", Severity: "medium",
			Author: "a person of the public collection", License: "DRL 1.1", RuleLink: "6b1d2a52-0000-4000-8000-5d7b3f1c2e11", Samples: []string{"<script>alert(1)</script> archive opened by an odd program with a very long line " + strings.Repeat("x", 200)},
			Origins: []wire.Origin{{SourceIP: "2001:db8:10:20:30:40:50:60", SourcePort: 51000, DestIP: "2001:db8::1", DestPort: 443, Transport: "tcp", At: now, Zone: "line"}},
		},
	} {
		if _, err := d.Node.Detections.Keep(t.Context(), v, "COSC-SICILIA-OCC", f); err != nil {
			t.Fatal(err)
		}
	}
}

// ending puts agreements into Sicilia that the demonstration does not have: one
// of the region, and one of a Comune that ends within a month.
func ending(t *testing.T, d *demo.Demo) {
	t.Helper()
	ctx, v := t.Context(), access.AsSystem("prova")
	v.Name = "Segreteria"
	today := clock.DayOf(d.Node.Clock.Now())
	body, err := d.Node.Territory.ByBelfiore(ctx, v, "A089")
	if err != nil {
		t.Fatal(err)
	}
	var above ids.ID
	for _, a := range []agreement.Agreement{
		{Level: agreement.Regional, Region: "Sicilia", Centre: "COSC-SICILIA-OCC", Title: "Accordo regionale ANCI Sicilia", Clauses: access.Clauses[:4], NoticeDays: 60},
		{Level: agreement.Municipal, Body: body.ID, Centre: body.Centre, Title: "Protocollo d'intesa con Agrigento", Clauses: access.Clauses, NoticeDays: 15, Renewal: agreement.Explicit},
	} {
		a.Parent = above
		a, err := d.Node.Agreements.Open(ctx, v, a)
		if err != nil {
			t.Fatal(err)
		}
		begin := today.AddMonths(-36).AddDays(21)
		for _, s := range []agreement.Step{{To: agreement.Approved, Day: begin.AddDays(-20), Note: "Delibera n. 7"}, {To: agreement.Signed, Day: begin.AddDays(-3)}, {To: agreement.InForce, Day: begin}} {
			if _, err := d.Node.Agreements.Move(ctx, v, a.ID, s); err != nil {
				t.Fatal(err)
			}
		}
		above = a.ID
	}
}

// menu looks at the sections as a phone shows them when they are asked for.
func (b browser) menu(t *testing.T, d *demo.Demo) {
	t.Helper()
	err := chromedp.Do(b.ctx, chromedp.EmulateViewport(390, 844), chromedp.Navigate(d.URL+"/"), ready(), chromedp.Click(chromedp.CSS("#menu")), chromedp.WaitVisible(chromedp.CSS(`#sections a[href="/protocollo"]`)))
	if err != nil {
		t.Fatalf("the sections do not open on a phone: %v", err)
	}
	b.picture(t, "comune-menu", "telefono", 390, 844)
	b.axes(t, "comune-menu")
}

// dark looks at a page as a phone shows it at night.
func (b browser) dark(t *testing.T, name, u string) {
	t.Helper()
	scheme := func(v string) {
		p := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v}}}
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, p); err != nil {
			t.Fatal(err)
		}
	}
	scheme("dark")
	defer scheme("light")
	if err := chromedp.Do(b.ctx, chromedp.Navigate(u), ready()); err != nil {
		t.Fatal(err)
	}
	b.picture(t, name, "buio", 390, 844)
	b.axes(t, name+" in the dark")
}

// paper prints a page, as it is handed to somebody who never sees the screen.
func (b browser) paper(t *testing.T, name, u string) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(u), ready()); err != nil {
		t.Fatal(err)
	}
	media := func(kind string) {
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind}); err != nil {
			t.Fatal(err)
		}
	}
	media("print")
	b.picture(t, name, "carta", 674, 953) // A4 without its margins, at 96 dots an inch
	media("")
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shots, name+".pdf"), pdf, 0o644); err != nil {
		t.Fatal(err)
	}
	if pages := strings.Count(string(pdf), "/Type /Page\n"); pages > 1 {
		t.Errorf("%s takes %d sheets, want one", name, pages)
	}
}
