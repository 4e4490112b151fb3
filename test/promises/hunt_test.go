package promises

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"filo/access"
	"filo/alert"
	"filo/detection"
	"filo/hunt"
	"filo/internal/clock"
	"filo/internal/demo"
	"filo/internal/edge"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

const huntRule = `title: prova
id: 7f0f2f4e-3f0b-4a52-9a41-0e5bb9c3c001
author: prova
logsource: {product: linux, service: sshd}
detection: {words: ['Failed password'], condition: words}
level: low
`

// hunted waits until the ask of Genova satisfies ok.
func hunted(t *testing.T, d *demo.Demo, id ids.ID, ok func(hunt.Ask) bool) hunt.Ask {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	var a hunt.Ask
	for ctx.Err() == nil {
		list, err := d.Node.Hunts.Asks(t.Context(), d.People["Nazionale"].Viewer, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, a = range list {
			if a.Body == d.People["Genova"].Viewer.Body && ok(a) {
				return a
			}
		}
		pause(ctx, 30*time.Millisecond)
	}
	t.Fatalf("the answer never came: %+v", a)
	return a
}

func TestAHuntWaitsForAnAgentThatIsAwayAndLinesLeaveOnlyWhenAPersonLetsThem(t *testing.T) {
	d := start(t)
	v := d.People["Nazionale"].Viewer
	c := clock.NewFake(d.Node.Clock.Now())
	a, log, _ := byHand(t, d, c, func(e *edge.Config) { e.Sources[0].Name = "registro" })
	attempts(t, log, "203.0.113.77", c.Now(), 3)
	if err := a.Step(); err != nil { // the agent reads, and has no line to the node yet
		t.Fatal(err)
	}
	h, err := d.Node.Flow.Ask(t.Context(), v, hunt.Hunt{Title: "Prova", Why: "resta al centro", Rule: huntRule},
		[]string{"203.0.113.77", "198.51.100.99"}, alert.Audience{Provinces: []string{"GE"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	defer func() { stop(); <-done }()
	seen := func(x hunt.Ask) bool {
		for _, y := range x.Answers {
			if len(y.Found) == 1 && y.Found[0].Value == "203.0.113.77" && y.Found[0].Count == 3 && y.RuleCount == 3 && y.Found[0].Log == "registro" {
				return true
			}
		}
		return false
	}
	got := hunted(t, d, h.ID, seen)
	if got.Outcome != hunt.Seen || len(got.Lines) > 0 {
		t.Errorf("outcome %q, %d lines came by themselves", got.Outcome, len(got.Lines))
	}
	ge := d.People["Genova"].Viewer
	if x, err := d.Node.Hunts.Read(t.Context(), ge, h.ID); err != nil || x.Why != "" {
		t.Errorf("the body reads the reason %q (%v)", x.Why, err)
	}
	if err := d.Node.Hunts.Release(t.Context(), v, h.ID, ge.Body); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the police let a body's lines go: %v", err)
	}
	if err := d.Node.Hunts.Release(t.Context(), ge, h.ID, ge.Body); err != nil {
		t.Fatal(err)
	}
	got = hunted(t, d, h.ID, func(x hunt.Ask) bool { return len(x.Lines) > 0 })
	if len(got.Lines.All()) != 3 || !strings.Contains(got.Lines.All()[0], "203.0.113.77") || got.ReleasedBy == "" {
		t.Errorf("lines %q, let go by %q", got.Lines, got.ReleasedBy)
	}
	if err := d.Node.Hunts.Release(t.Context(), ge, h.ID, ge.Body); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second time: %v", err)
	}
	if other := d.People["Enna"].Viewer; true {
		if _, err := d.Node.Hunts.Read(t.Context(), other, h.ID); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Hidden) {
			t.Errorf("another body reads it: %v", err)
		}
	}
}

func TestABadQuestionIsRefusedWithItsReason(t *testing.T) {
	d := start(t)
	v := d.People["Nazionale"].Viewer
	for name, c := range map[string]struct {
		h      hunt.Hunt
		values []string
		field  string
	}{
		"nothing":    {hunt.Hunt{Title: "x"}, nil, "values"},
		"no title":   {hunt.Hunt{}, []string{"203.0.113.9"}, "title"},
		"no value":   {hunt.Hunt{Title: "x"}, []string{"ciao"}, "values"},
		"wrong rule": {hunt.Hunt{Title: "x", Rule: "title: [\n"}, nil, "rule"},
	} {
		_, err := d.Node.Flow.Ask(t.Context(), v, c.h, c.values, alert.Audience{Provinces: []string{"GE"}})
		if !fault.Is(err, fault.Invalid) || fault.Outside(err).Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Node.Flow.Ask(t.Context(), d.People["Enna"].Viewer, hunt.Hunt{Title: "x"}, []string{"203.0.113.9"}, alert.Audience{}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a body asks others: %v", err)
	}
}

func TestTheLinesAroundAFindingGoSealedIntoItsReportWhenAPersonLetsThem(t *testing.T) {
	d := start(t)
	v := d.People["Genova"].Viewer
	c := clock.NewFake(d.Node.Clock.Now())
	a, log, _ := byHand(t, d, c, nil)
	attempts(t, log, "203.0.113.78", c.Now(), 25)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	defer func() { stop(); <-done }()
	moved := make(chan struct{})
	go func() { // what grew is told by the clock
		defer close(moved)
		for ctx.Err() == nil {
			c.Advance(time.Second)
			pause(ctx, 20*time.Millisecond)
		}
	}()
	defer func() { stop(); <-moved }()
	counted(t, d, map[string]int{"203.0.113.78": 25})
	list, _, err := d.Node.Detections.List(t.Context(), v, detection.Filter{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	var f detection.Record
	for _, x := range list {
		if x.SourceIP == "203.0.113.78" && x.Rule == "ssh-guessing" {
			f = x
		}
	}
	rep, err := d.Node.Flow.Draft(t.Context(), v, f.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Node.Reports.Send(t.Context(), v, rep.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.Node.Flow.ReleaseLines(t.Context(), v, f.ID); err != nil {
		t.Fatal(err)
	}
	wait, stopWait := context.WithTimeout(t.Context(), 30*time.Second)
	defer stopWait()
	for wait.Err() == nil {
		file, err := d.Node.Reports.Read(t.Context(), access.AsSystem("prova"), rep.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(file.Files) == 1 {
			if !strings.HasPrefix(file.Files[0].Name, "righe-ssh-guessing-") || file.Files[0].Size < 500 {
				t.Errorf("attached %+v", file.Files[0])
			}
			return
		}
		pause(wait, 30*time.Millisecond)
	}
	t.Error("the lines never came")
}

func TestWhatCouldNotBeLookedForIsSaidOnThePagesInBothLanguages(t *testing.T) {
	d := start(t)
	ge := d.People["Genova"].Viewer
	h, err := d.Node.Flow.Ask(t.Context(), d.People["Nazionale"].Viewer, hunt.Hunt{Title: "Prova", Why: "resta al nazionale", Rule: huntRule}, nil, alert.Audience{Provinces: []string{"GE"}})
	if err != nil {
		t.Fatal(err)
	}
	ge.Agent = "a1"
	signed := map[string]*http.Client{}
	for _, who := range []string{"Genova", "Genova-centro", "Nazionale"} {
		signed[who] = signIn(t, d, who, 4)
	}
	page := func(who, lang string) string {
		t.Helper()
		post(t, signed[who], d.URL+"/lingua", url.Values{"lingua": {lang}})
		code, body := ask(t, signed[who], "GET", d.URL+"/ricerche/"+string(h.ID), objects{})
		if code != http.StatusOK {
			t.Fatalf("%s: %d", who, code)
		}
		return html.UnescapeString(body)
	}
	for _, x := range []struct {
		ans    wire.HuntAnswer
		it, en []string
	}{
		{wire.HuntAnswer{RuleError: "field nobody has"}, []string{"non verificabile", "Che cosa non si è potuto cercare", "field nobody has"}, []string{"could not be checked", "What could not be looked for", "field nobody has"}},
		{wire.HuntAnswer{RuleSkipped: []string{"posta: not on this disk"}}, []string{"non visto", "vale solo per una parte dei log", "posta: not on this disk"}, []string{"not seen", "about part of the logs only", "posta: not on this disk"}},
	} {
		x.ans.Hunt = h.ID
		// The Comune's own agent answers too, and first.
		hunted(t, d, h.ID, func(a hunt.Ask) bool { return len(a.Answers) > 0 })
		if err := d.Node.Hunts.Answer(t.Context(), ge, x.ans); err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"Genova", "Genova-centro", "Nazionale"} {
			for lang, want := range map[string][]string{"it": x.it, "en": x.en} {
				body := page(who, lang)
				for _, w := range want {
					if !strings.Contains(body, w) {
						t.Errorf("%s, %s: the page lacks %q", who, lang, w)
					}
				}
				if strings.Contains(body, "resta al nazionale") != (who == "Nazionale") {
					t.Errorf("%s, %s: the reason", who, lang)
				}
			}
		}
	}
}
