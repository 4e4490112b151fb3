package browser

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"filo/internal/ids"
	"filo/report"

	"github.com/chromedp/chromedp"
)

func TestTheQueueIsWorkedFromTheKeyboard(t *testing.T) {
	d := start(t)
	b := open(t)
	b.as(t, d, signIn(t, d, "Palermo"))
	err := chromedp.Do(b.ctx, chromedp.Navigate(d.URL+"/"), ready(), chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("p"),
		chromedp.WaitVisible(chromedp.CSS(`ol.line`)))
	if err != nil {
		t.Fatal(err)
	}
	where, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Node.Reports.Find(t.Context(), d.People["Palermo"].Viewer, ids.ID(where[strings.LastIndex(where, "/")+1:]))
	if err != nil || r.State != report.Taken || r.TakenName != d.People["Palermo"].Title {
		t.Errorf("two steps down and P do not take the second report in charge: %s %q %v", r.State, r.TakenName, err)
	}
}

func TestSomethingNewAnnouncesItselfAndThePageStaysStill(t *testing.T) {
	d := start(t)
	b := open(t)
	b.as(t, d, signIn(t, d, "Palermo"))
	count := func() int64 {
		n, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64](`document.querySelectorAll("[data-row]").length`))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := chromedp.Do(b.ctx, chromedp.Navigate(d.URL+"/"), ready(), chromedp.Sleep(700*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	before, v := count(), d.People["Enna"].Viewer
	if _, err := d.Node.Reports.Submit(t.Context(), v, report.Report{Body: v.Body, Centre: "COSC-SICILIA-OCC", Kind: report.Incident, Title: "Un'altra"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(b.ctx, chromedp.WaitVisible(chromedp.CSS("#news button"))); err != nil {
		t.Fatalf("nothing announces the new report: %v", err)
	}
	if n := count(); n != before {
		t.Errorf("the queue changed under the reader's eyes: %d rows, then %d", before, n)
	}
	err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS("#news button")), chromedp.Sleep(300*time.Millisecond), ready())
	if err != nil {
		t.Fatal(err)
	}
	if n := count(); n != before+1 {
		t.Errorf("after the touch there are %d rows, want %d", n, before+1)
	}
}

func TestWhatWasTypedSurvivesASessionThatEnds(t *testing.T) {
	d := start(t)
	b := open(t)
	c := signIn(t, d, "Enna")
	b.as(t, d, c)
	res, err := c.PostForm(d.URL+"/segnala", url.Values{"adesso": {"no"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	form, again := res.Request.URL.String(), signInAgain(t, d, "Enna")
	const story = "Gli schermi sono neri."
	err = chromedp.Do(b.ctx, chromedp.Navigate(form), ready(), chromedp.SendKeys(chromedp.CSS("#f-testo"), story))
	if err != nil {
		t.Fatal(err)
	}
	if res, err = c.PostForm(d.URL+"/esci", url.Values{}); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS("form[data-draft] .btn-primary")), chromedp.WaitVisible(chromedp.CSS(`form[action="/entra"]`)), ready()); err != nil {
		t.Fatal(err)
	}
	b.as(t, d, again)
	value := func() string {
		if err := chromedp.Do(b.ctx, chromedp.Navigate(form), ready()); err != nil {
			t.Fatal(err)
		}
		v, err := chromedp.Run(b.ctx, chromedp.Value(chromedp.CSS("#f-testo")))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if got := value(); got != story {
		t.Errorf("after signing in again the form holds %q, want what was typed", got)
	}
	// Once the node took it, this browser keeps nothing back.
	if err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(`input[name="segni"]`)), chromedp.Click(chromedp.CSS("form[data-draft] .btn-primary")), chromedp.WaitVisible(chromedp.CSS(`input[name="servizi"]`)), ready()); err != nil {
		t.Fatal(err)
	}
	left, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64]("sessionStorage.length"))
	if err != nil || left != 0 {
		t.Errorf("%d things stay in the browser after they were sent (%v)", left, err)
	}
}
