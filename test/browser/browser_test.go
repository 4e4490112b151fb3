// Package browser walks through the pages in a real browser, as people see them.
package browser

import (
	"context"
	"encoding/json"
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
func signIn(t *testing.T, d *demo.Demo, who string) *http.Client { return comeIn(t, d, who, 4) }

// signInAgain signs in once more, with another recovery code.
func signInAgain(t *testing.T, d *demo.Demo, who string) *http.Client { return comeIn(t, d, who, 5) }

func comeIn(t *testing.T, d *demo.Demo, who string, recovery int) *http.Client {
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
	}{{"/entra", url.Values{"login": {p.Login}, "password": {demo.Password}}}, {"/entra/codice", url.Values{"code": {p.Recovery[recovery]}}}} {
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
	ctx, stop := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(chromedp.Flag("lang", "it-IT"), chromedp.Flag("accept-lang", "it-IT,it")))
	t.Cleanup(stop)
	return browser{ctx, string(axe)}
}

// look opens a page and looks at it.
func (b browser) look(t *testing.T, name, u string) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(u), ready()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	b.here(t, name)
}

// press opens a page, presses something on it, and looks at what comes.
func (b browser) press(t *testing.T, name, u, selector string) {
	t.Helper()
	err := chromedp.Do(b.ctx, chromedp.Navigate(u), ready(), chromedp.Click(chromedp.CSS(selector)), chromedp.Sleep(300*time.Millisecond), ready())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	b.here(t, name)
}

// bare finds keys of texts that nobody wrote.
var bare = regexp.MustCompile(`\b(?:word|report|agreement|alert|finding|hunt|rule|agent|body|centre|entry|account|home|queue|people|territory|indicator|error|fault|ui|nav|ready|field|icon|operator)\.[a-z_]+(?:\.[a-z_]+)*\b`)

// here takes pictures of the open page, wide and on a phone, and asks axe.
func (b browser) here(t *testing.T, name string) {
	t.Helper()
	b.picture(t, name, "largo", 1280, 900)
	b.picture(t, name, "telefono", 390, 844)
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range bare.FindAllString(text, 3) {
		if !strings.HasSuffix(key, ".log") && !strings.HasSuffix(key, ".example") {
			t.Errorf("%s shows a bare key: %s", name, key)
		}
	}
	b.axes(t, name)
}

// picture takes one and fails when the page is wider than the screen.
func (b browser) picture(t *testing.T, name, size string, w, h int64) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(w, h)); err != nil {
		t.Fatal(err)
	}
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
	if err != nil {
		t.Fatal(err)
	}
	if wide > w {
		t.Errorf("%s on %s is %d wide: it must be pushed sideways", name, size, wide)
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shots, name+"-"+size+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b browser) axes(t *testing.T, name string) {
	t.Helper()
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
