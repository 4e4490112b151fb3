// Package browser walks through the pages in a real browser, as people see them.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filo/internal/demo"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const shots = "shots"

func start(t *testing.T) *demo.Demo {
	t.Helper()
	d, err := demo.Start(t.Context(), demo.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Out: io.Discard, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if _, err := d.Story(t.Context(), func(demo.Step) {}); err != nil {
		t.Fatal(err)
	}
	return d
}

// signIn goes through the sign-in forms and gives the cookie.
func signIn(t *testing.T, d *demo.Demo, who string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	p := d.People[who]
	for _, step := range []struct {
		path string
		form url.Values
	}{{"/entra", url.Values{"login": {p.Login}, "password": {demo.Password}}}, {"/entra/codice", url.Values{"code": {p.Recovery[4]}}}} {
		res, err := c.PostForm(d.URL+step.path, step.form)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("sign-in of %s at %s: %s", who, step.path, res.Status)
		}
	}
	return c
}

func get(t *testing.T, c *http.Client, u string) string {
	t.Helper()
	res, err := c.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", u, res.Status)
	}
	return string(b)
}

// first gives the first link on a page that fits.
func first(t *testing.T, page, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no link like %s", pattern)
	}
	return m[1]
}

type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML string `json:"html"`
		Why  string `json:"failureSummary"`
	} `json:"nodes"`
}

type browser struct {
	ctx context.Context
	axe string
}

func open(t *testing.T) browser {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("chromium is needed: make tools")
	}
	axe, err := os.ReadFile("../../assets/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe is needed: make assets: %v", err)
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewContext(t.Context())
	t.Cleanup(stop)
	return browser{ctx, string(axe)}
}

// look opens a page wide and on a phone, takes both pictures, and asks axe.
func (b browser) look(t *testing.T, name, u string) {
	t.Helper()
	for _, size := range []struct {
		name string
		w, h int64
	}{{"largo", 1280, 900}, {"telefono", 390, 844}} {
		var png []byte
		err := chromedp.Do(b.ctx, chromedp.EmulateViewport(size.w, size.h), chromedp.Navigate(u), ready())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
		if err != nil {
			t.Fatal(err)
		}
		if wide > size.w {
			t.Errorf("%s on %s is %d wide: it must be pushed sideways", name, size.name, wide)
		}
		if png, err = chromedp.Run(b.ctx, chromedp.FullScreenshot(100)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(shots, name+"-"+size.name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](b.axe+`;axe.run().then(r => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: axe: %v", name, err)
	}
	var list []violation
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		for _, n := range v.Nodes[:min(len(v.Nodes), 2)] {
			t.Errorf("%s: axe %s: %s\n  %s\n  %s", name, v.ID, v.Help, n.HTML, strings.ReplaceAll(n.Why, "\n", " "))
		}
	}
}

func ready() chromedp.Action[chromedp.Void] {
	return chromedp.WaitReady(chromedp.CSS(`html[data-ready="1"]`))
}

func (b browser) as(t *testing.T, d *demo.Demo, c *http.Client) {
	t.Helper()
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range c.Jar.Cookies(u) {
		if _, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: k.Name, Value: k.Value, URL: u.String()}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryPageIsReadableWideAndOnAPhoneAndAxeFindsNothing(t *testing.T) {
	d := start(t)
	b := open(t)
	console := chromedp.Console(b.ctx)
	var complaints []string
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			complaints = append(complaints, fmt.Sprint(m))
		}
	}()
	b.look(t, "entra", d.URL+"/entra")
	b.look(t, "invito", d.URL+"/invito")
	b.look(t, "accessibilita", d.URL+"/accessibilita")

	enna := signIn(t, d, "Enna")
	b.as(t, d, enna)
	for _, p := range []string{"", "segnala", "segnalazioni", "allerte", "rilevazioni", "ricerche", "agenti", "ente", "protocollo", "account", "non-esiste"} {
		b.look(t, "comune-"+strings.ReplaceAll(p, "/", "-"), d.URL+"/"+p)
	}
	finding := first(t, get(t, enna, d.URL+"/rilevazioni"), `href="(/rilevazioni/[^"?]+)"`)
	b.look(t, "comune-rilevazione", d.URL+finding)
	b.look(t, "comune-ricerca", d.URL+first(t, get(t, enna, d.URL+"/ricerche"), `href="(/ricerche/[0-9a-z]{26})"`))
	list := get(t, enna, d.URL+"/segnalazioni")
	report := first(t, list, `href="(/segnalazioni/[^"?]+)"`)
	b.look(t, "comune-segnalazione", d.URL+report)
	b.look(t, "comune-ricevuta", d.URL+report+"/ricevuta")
	res, err := enna.PostForm(d.URL+"/segnala", url.Values{"adesso": {"si"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	form := strings.TrimSuffix(res.Request.URL.Path, "/2")
	for step := 1; step <= 6; step++ {
		b.look(t, fmt.Sprintf("comune-modulo-%d", step), fmt.Sprintf("%s%s/%d", d.URL, form, step))
	}

	cl := signIn(t, d, "Caltanissetta")
	b.as(t, d, cl)
	b.look(t, "comune-allerta", d.URL+first(t, get(t, cl, d.URL+"/allerte"), `href="(/allerte/[^"?]+)"`))
	ge := signIn(t, d, "Genova")
	b.as(t, d, ge)
	b.look(t, "comune-allerta-risposta", d.URL+first(t, get(t, ge, d.URL+"/allerte"), `href="(/allerte/[^"?]+)"`))

	b.as(t, d, signIn(t, d, "Enna-resp"))
	b.look(t, "comune-persone", d.URL+"/persone")

	pa := signIn(t, d, "Palermo-dir")
	b.as(t, d, pa)
	for _, p := range []string{"", "segnala?cerca=enna", "segnalazioni", "allerte", "indicatori", "ricerche", "ricerche/nuova", "territorio", "territorio?tutti=si", "protocolli", "protocolli/scadenze", "persone", "centri/COSC-SICILIA-OCC"} {
		b.look(t, "centro-"+regexp.MustCompile(`[^a-z]+`).ReplaceAllString(p, "-"), d.URL+"/"+p)
	}
	b.look(t, "centro-segnalazione", d.URL+report)
	b.look(t, "centro-avvisa", d.URL+report+"/allerta")
	b.look(t, "centro-allerta", d.URL+first(t, get(t, pa, d.URL+"/allerte"), `href="(/allerte/[^"?]+)"`))
	b.look(t, "centro-ricerca", d.URL+first(t, get(t, pa, d.URL+"/ricerche"), `href="(/ricerche/[0-9a-z]{26})"`))
	b.look(t, "centro-protocollo", d.URL+first(t, get(t, pa, d.URL+"/protocolli"), `href="(/protocolli/[0-9a-z]{26})"`))
	b.look(t, "centro-ente", d.URL+first(t, get(t, pa, d.URL+"/territorio"), `href="(/enti/[^"?]+)"`))
	for _, who := range []string{"Gestore", "ANCI"} {
		b.as(t, d, signIn(t, d, who))
		b.look(t, "altri-"+strings.ToLower(who), d.URL+"/")
	}
	for _, c := range complaints {
		if !strings.Contains(c, "404") {
			t.Errorf("the browser complains: %s", c)
		}
	}
}
