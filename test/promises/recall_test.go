package promises

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"filo/access"
	"filo/agreement"
	"filo/alert"
	"filo/detection"
	"filo/internal/clock"
	"filo/internal/demo"
	"filo/internal/edge"
	"filo/report"
)

// stepOf moves the agreement of Genova one step on, as the head of its centre would.
func stepOf(t *testing.T, d *demo.Demo, to agreement.State) {
	t.Helper()
	v := d.People["Genova-centro"].Viewer
	a, err := d.Node.Agreements.Of(t.Context(), v, d.People["Genova"].Viewer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Node.Agreements.Move(t.Context(), v, a.ID, agreement.Step{To: to, Day: clock.DayOf(d.Node.Clock.Now()), Note: "prova"}); err != nil {
		t.Fatal(err)
	}
}

// warnGenova publishes an alert about one address to the province of Genova.
func warnGenova(t *testing.T, d *demo.Demo, value string) alert.Alert {
	t.Helper()
	v := d.People["Nazionale"].Viewer
	a, err := d.Node.Flow.Publish(t.Context(), v, alert.Alert{
		Title: "Prova", What: "Prova", TLP: access.TLPAmber, Priority: access.High,
		Audience: alert.Audience{Provinces: []string{"GE"}},
	}, []string{value})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestARecallReachesTheMachinesOfABodyWhoseAgreementIsOverAndTheRestWaits(t *testing.T) {
	d := start(t)
	heard := make(chan [2]string, 16)
	a, _, _ := byHand(t, d, d.Node.Clock, func(e *edge.Config) {
		e.Heard = func(step, about string) { heard <- [2]string{step, about} }
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	defer func() { stop(); <-done }()
	await := func(step, about string) {
		t.Helper()
		for {
			select {
			case h := <-heard:
				if h == [2]string{step, about} {
					return
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("the agent never heard %s %s", step, about)
			}
		}
	}
	first := warnGenova(t, d, "203.0.113.200")
	await("alert", first.Code)
	stepOf(t, d, agreement.Suspended)
	if _, err := d.Node.Alerts.Recall(t.Context(), d.People["Nazionale"].Viewer, first.ID, "valore sbagliato"); err != nil {
		t.Fatal(err)
	}
	await("recall", string(first.ID))
	stepOf(t, d, agreement.InForce)
	second := warnGenova(t, d, "203.0.113.201")
	await("alert", second.Code)
}

func TestWithoutAnAgreementInForceNoReportLeavesAndThePageSaysWhy(t *testing.T) {
	d := start(t)
	stepOf(t, d, agreement.Suspended)
	v := d.People["Genova"].Viewer
	list, _, err := d.Node.Reports.List(t.Context(), v, report.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	before := len(list)
	c := signIn(t, d, "Genova", 4)
	code, body := ask(t, c, "POST", d.URL+"/segnala", objects{})
	if code != 403 || !strings.Contains(body, "protocollo") {
		t.Errorf("without cover the form answers %d and does not name the agreement", code)
	}
	if list, _, err = d.Node.Reports.List(t.Context(), v, report.Filter{}); err != nil || len(list) != before {
		t.Errorf("a report was begun without cover (%d, %v)", len(list)-before, err)
	}
}

func TestEveryRefusalOfAFormShowsItsReason(t *testing.T) {
	d := start(t)
	c := signIn(t, d, "Enna", 4)
	body := string(d.People["Enna"].Viewer.Body)
	for path, want := range map[string]string{
		"/enti/" + body + "/rete":     "non è un indirizzo",
		"/enti/" + body + "/bene":     "Scrivi il nome",
		"/enti/" + body + "/contatto": "Scrivi chi è",
	} {
		res, err := c.PostForm(d.URL+path, map[string][]string{"network": {"abc"}, "kind": {"niente"}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		page := string(b)
		if res.StatusCode != 422 || !strings.Contains(page, `class="err"`) && !strings.Contains(page, `class="say bad"`) || !strings.Contains(page, want) {
			t.Errorf("%s answers %d without the reason", path, res.StatusCode)
		}
	}
}

func TestWithoutTheClauseOnOriginsNoLineOfALogLeaves(t *testing.T) {
	d := start(t)
	if _, err := d.Story(t.Context(), func(demo.Step) {}); err != nil {
		t.Fatal(err)
	}
	o := gather(t, d)
	enna, head := signIn(t, d, "Enna", 2), d.People["Palermo-dir"].Viewer
	list, _, err := d.Node.Detections.List(t.Context(), d.People["Enna"].Viewer, detection.Filter{State: detection.Reported})
	if err != nil || len(list) == 0 {
		t.Fatal("no finding that was reported", err)
	}
	paths := []string{"/rilevazioni/" + string(list[0].ID) + "/righe", "/ricerche/" + string(o["hunt"]) + "/consegna"}
	if err := d.Node.Agreements.SetClauses(t.Context(), head, o["agreement"], []access.Clause{access.ClauseSharing, access.ClauseReport}); err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if code, page := ask(t, enna, "POST", d.URL+p, objects{}); code != 403 || !strings.Contains(page, "protocollo") {
			t.Errorf("%s is answered with %d and without the reason", p, code)
		}
	}
	if err := d.Node.Agreements.SetClauses(t.Context(), head, o["agreement"], access.Clauses); err != nil {
		t.Fatal(err)
	}
	if code, _ := ask(t, enna, "POST", d.URL+paths[0], objects{}); code != 303 {
		t.Errorf("with the clause back the lines still stay: %d", code)
	}
}
