package store_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"filo/access"
	"filo/agent"
	"filo/agreement"
	"filo/alert"
	"filo/indicator"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/store"
	"filo/internal/store/storetest"
	"filo/internal/wire"
	"filo/report"
	"filo/territory"
)

var (
	ctx      = context.Background()
	sys      = access.AsSystem("prova")
	enna     = territory.Body{ID: "enna", Kind: territory.Comune, Name: "Enna", Belfiore: "C342", Province: "EN", Centre: "PA", Active: true}
	cl       = territory.Body{ID: "cl", Kind: territory.Comune, Name: "Caltanissetta", Belfiore: "B429", Province: "CL", Centre: "PA", Active: true}
	genova   = territory.Body{ID: "ge", Kind: territory.Comune, Name: "Genova", Belfiore: "D969", Province: "GE", Centre: "GE", Active: true}
	ofEnna   = access.Viewer{Kind: access.Body, Role: access.Technician, Body: "enna", Bodies: []ids.ID{"enna"}, Name: "tecnico CED, Comune di Enna"}
	ofCl     = access.Viewer{Kind: access.Body, Role: access.Technician, Body: "cl", Bodies: []ids.ID{"cl"}}
	ofPA     = access.Viewer{Kind: access.Centre, Role: access.Officer, Centre: "PA", Name: "operatore di turno"}
	ofGE     = access.Viewer{Kind: access.Centre, Role: access.Officer, Centre: "GE"}
	national = access.Viewer{Kind: access.National, Role: access.Officer, Centre: territory.NationalCentre}
)

func seed(t *testing.T, db *store.DB) {
	t.Helper()
	must(t, db.Territories().PutBodies(ctx, sys, []territory.Body{enna, cl, genova}))
	for _, b := range []territory.Body{enna, cl, genova} {
		must(t, db.Agreements().Insert(ctx, sys, agreement.Agreement{
			ID: "acc-" + b.ID, Level: agreement.Municipal, Body: b.ID, Centre: b.Centre, State: agreement.InForce,
			Clauses: access.Clauses, Renewal: agreement.Tacit, Months: 36, Start: "2025-01-01", Term: 1, TermEnd: "2027-12-31", Version: 1,
		}))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func desk(db *store.DB, c clock.Clock) *report.Desk {
	return report.NewDesk(db.Reports(), c, agreement.NewDesk(db.Agreements(), c, db), db, db, nil)
}

func TestAReportIsSeenByItsBodyItsCentreAndTheNationalCentreOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		d := desk(db, c)
		r, err := d.Begin(ctx, ofEnna, report.Report{Body: "enna", Centre: "PA", Kind: report.Incident, Signs: []report.Sign{report.SignLocked}, Now: true})
		must(t, err)
		if _, err := d.Find(ctx, ofPA, r.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("the centre sees a draft: %v", err)
		}
		r, err = d.Send(ctx, ofEnna, r.ID)
		must(t, err)
		for name, c := range map[string]struct {
			v    access.Viewer
			sees bool
		}{
			"its body": {ofEnna, true}, "its centre": {ofPA, true}, "the national centre": {national, true},
			"another body": {ofCl, false}, "another centre": {ofGE, false}, "nobody": {access.Viewer{}, false}, "ANCI": {access.Viewer{Kind: access.ANCI}, false},
		} {
			_, err := d.Read(ctx, c.v, r.ID)
			if (err == nil) != c.sees {
				t.Errorf("%s: sees=%v, want %v (%v)", name, err == nil, c.sees, err)
			}
			list, _, err := d.List(ctx, c.v, report.Filter{})
			must(t, err)
			if (len(list) == 1) != c.sees {
				t.Errorf("%s lists %d reports", name, len(list))
			}
		}
		looks, err := db.Looks(ctx, sys, r.ID)
		must(t, err)
		if len(looks) != 3 {
			t.Errorf("%d looks are written down, want 3", len(looks))
		}
	})
}

func TestTheQueueGoesByHappeningNowThenPriorityThenTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		d := desk(db, c)
		send := func(kind report.Kind, now bool) ids.ID {
			r, err := d.Submit(ctx, ofEnna, report.Report{Body: "enna", Centre: "PA", Kind: kind, Now: now, Text: "prova"}, nil)
			must(t, err)
			c.Advance(time.Second)
			return r.ID
		}
		attempt, incident, now, later := send(report.Attempt, false), send(report.Incident, false), send(report.Incident, true), send(report.Incident, true)
		var got []ids.ID
		after := ""
		for {
			list, next, err := d.Queue(ctx, ofPA, report.Filter{After: after, Limit: 1})
			must(t, err)
			for _, r := range list {
				got = append(got, r.ID)
			}
			if after = next; next == "" {
				break
			}
		}
		if want := []ids.ID{now, later, incident, attempt}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("queue %v, want %v", got, want)
		}
		open, waiting, err := d.Counts(ctx, ofPA)
		must(t, err)
		if open != 4 || waiting != 4 {
			t.Errorf("%d open, %d waiting, want 4 and 4", open, waiting)
		}
	})
}

func TestNobodyTakesTheSameReportTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		d := desk(db, c)
		r, err := d.Submit(ctx, ofEnna, report.Report{Body: "enna", Centre: "PA", Kind: report.Incident, Text: "prova"}, nil)
		must(t, err)
		var wg sync.WaitGroup
		errs := make(chan error, 8)
		for range 8 {
			wg.Go(func() { _, err := d.Acknowledge(ctx, ofPA, r.ID); errs <- err })
		}
		wg.Wait()
		close(errs)
		won := 0
		for err := range errs {
			switch {
			case err == nil:
				won++
			case !fault.Is(err, fault.Conflict):
				t.Errorf("the slower ones get a conflict, not %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d officers took it, want 1", won)
		}
	})
}

func TestWhatNobodyTakesIsRemindedThenEscalatedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		d := desk(db, c)
		r, err := d.Submit(ctx, ofEnna, report.Report{Body: "enna", Centre: "PA", Kind: report.Incident, Now: true, Text: "prova"}, nil)
		must(t, err)
		for _, step := range []struct {
			after time.Duration
			moved int
		}{{time.Minute, 0}, {8 * time.Minute, 1}, {time.Minute, 0}, {7 * time.Minute, 1}, {time.Hour, 0}} {
			c.Advance(step.after)
			n, err := d.Tick(ctx)
			must(t, err)
			if n != step.moved {
				t.Errorf("at %s: %d steps, want %d", c.Now(), n, step.moved)
			}
		}
		f, err := d.Read(ctx, ofPA, r.ID)
		must(t, err)
		if f.Reminded.IsZero() || f.Escalated.IsZero() {
			t.Error("the report carries no reminder or no escalation")
		}
	})
}

func TestWithoutAnAgreementInForceNothingFlows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		g := agreement.NewDesk(db.Agreements(), c, db)
		a, err := db.Agreements().Find(ctx, sys, "acc-enna")
		must(t, err)
		must(t, g.SetClauses(ctx, ofPA, a.ID, []access.Clause{access.ClauseTraining}))
		d := desk(db, c)
		_, err = d.Begin(ctx, ofEnna, report.Report{Body: "enna", Centre: "PA", Kind: report.Incident})
		if !fault.Is(err, fault.NotCovered) {
			t.Errorf("a report begins without the clause: %v", err)
		}
		list, err := db.Alerts().Concerned(ctx, ofPA, alert.Audience{}, "PA", nil, c.Now())
		must(t, err)
		if len(list) != 1 || list[0].Body != "cl" {
			t.Errorf("an alert of Palermo would reach %v, want Caltanissetta alone", list)
		}
	})
}

func TestUploadsAreSealedLimitedAndComeBackWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		d := desk(db, c)
		r, err := d.Submit(ctx, ofEnna, report.Report{Body: "enna", Centre: "PA", Kind: report.Incident, Text: "x"}, nil)
		must(t, err)
		content := bytes.Repeat([]byte("EICAR-non-vero "), 50_000)
		a, err := d.Attach(ctx, ofEnna, r.ID, `..\..\nota<script>.txt`, bytes.NewReader(content))
		must(t, err)
		if a.Name != "nota<script>.txt" || a.Size != int64(len(content)) {
			t.Errorf("kept as %q, %d bytes", a.Name, a.Size)
		}
		_, rd, err := d.Content(ctx, ofPA, r.ID, a.ID)
		must(t, err)
		back, err := io.ReadAll(rd)
		must(t, err)
		if !bytes.Equal(back, content) {
			t.Error("the file does not come back as it was")
		}
		if _, _, err := d.Content(ctx, ofCl, r.ID, a.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("another body opens it: %v", err)
		}
		if _, _, err := db.Seal(ctx, "grande", io.LimitReader(zeros{}, 3<<20), 1<<20); !fault.Is(err, fault.TooLarge) {
			t.Errorf("a file beyond the limit: %v", err)
		}
		c.Advance(48 * time.Hour)
		if n, err := db.Sweep(ctx); err != nil || n != 0 {
			t.Errorf("%d pieces were left of the refused upload (%v)", n, err)
		}
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAnAlertReachesThoseConcernedAndNobodyElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		d := alert.NewDesk(db.Alerts(), c, db, db)
		a, err := d.Write(ctx, ofPA, alert.Alert{Title: "Tentativi su SSH", What: "x", TLP: access.TLPAmber, Priority: access.High, Report: "segreto", Audience: alert.Audience{Except: []ids.ID{"enna"}}})
		must(t, err)
		if _, err := d.Read(ctx, ofCl, a.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("a body sees a draft: %v", err)
		}
		w := wire.Indicator{ID: "i1", Kind: "ipv4-addr", Value: "203.0.113.9"}
		must(t, db.Do(ctx, func(ctx context.Context) error {
			if err := db.Indicators().Insert(ctx, ofPA, []indicator.Indicator{{ID: "i1", Alert: a.ID, Centre: "PA", Kind: w.Kind, Value: w.Value, State: indicator.Live, ValidUntil: c.Now().Add(time.Hour)}}); err != nil {
				return err
			}
			_, err := d.Publish(ctx, ofPA, a.ID, []wire.Indicator{w}, nil)
			return err
		}))
		got, err := d.Read(ctx, ofCl, a.ID)
		must(t, err)
		if got.Report != "" || len(got.Audience.Except) != 0 {
			t.Error("the alert leads a body to the reporter")
		}
		for _, v := range []access.Viewer{ofEnna, ofGE} {
			if _, err := d.Read(ctx, v, a.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("%v sees it: %v", v.Kind, err)
			}
		}
		list, next, err := db.Agents().Changes(ctx, "cl", 0, 10)
		must(t, err)
		if len(list) != 1 || next == 0 {
			t.Errorf("the agents of Caltanissetta are told %d changes", len(list))
		}
		if list, _, _ := db.Agents().Changes(ctx, "enna", 0, 10); len(list) != 0 {
			t.Error("the agents of Enna are told too")
		}
		_, err = d.Reply(ctx, ofCl, a.ID, "cl", alert.NoTrace, "", "")
		must(t, err)
		tally, err := d.Tally(ctx, ofPA, a.ID)
		must(t, err)
		if tally.Sent != 1 || tally.NoTrace != 1 || tally.Waiting != 0 {
			t.Errorf("tally %+v", tally)
		}
		if _, err := d.Reply(ctx, ofEnna, a.ID, "cl", alert.NotUs, "", ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("another body answers for it: %v", err)
		}
	})
}

func TestChangesGetTheirNumbersInOrderUnderManyWriters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 10 {
					if _, err := db.Agents().AddChange(ctx, "cl", wire.ChangeSettings, []byte("{}")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		list, _, err := db.Agents().Changes(ctx, "cl", 0, 100)
		must(t, err)
		for i, ch := range list {
			if ch.Seq != uint64(i+1) {
				t.Fatalf("change %d has number %d", i+1, ch.Seq)
			}
		}
		if len(list) != 40 {
			t.Errorf("%d changes, want 40", len(list))
		}
	})
}

func TestACodeEnrolsOneMachineOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		must(t, db.Agents().AddEnrolment(ctx, sys, agent.Enrolment{ID: "e", Body: "cl", Hash: "h", Created: c.Now(), Expires: c.Now().Add(time.Hour)}))
		_, err := db.Agents().UseEnrolment(ctx, "h", c.Now())
		must(t, err)
		if _, err := db.Agents().UseEnrolment(ctx, "h", c.Now()); !fault.Is(err, fault.Expired) {
			t.Errorf("a used code works again: %v", err)
		}
		must(t, db.Agents().AddEnrolment(ctx, sys, agent.Enrolment{ID: "f", Body: "cl", Hash: "k", Created: c.Now(), Expires: c.Now().Add(time.Hour)}))
		if _, err := db.Agents().UseEnrolment(ctx, "k", c.Now().Add(2*time.Hour)); !fault.Is(err, fault.Expired) {
			t.Errorf("an expired code works: %v", err)
		}
	})
}

func TestThePlaceIsFoundAsPeopleTypeIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		list := []territory.Body{
			{ID: "1", Name: "San Donà di Piave", Province: "VE", Belfiore: "H823"},
			{ID: "2", Name: "Forlì", Province: "FC", Belfiore: "D704"},
			{ID: "3", Name: "L'Aquila", Province: "AQ", Belfiore: "A345"},
			{ID: "4", Name: "Castro", Province: "BG", Belfiore: "C337"},
			{ID: "5", Name: "Castro", Province: "LE", Belfiore: "M261"},
		}
		must(t, db.Territories().PutBodies(ctx, sys, list))
		for typed, want := range map[string]string{"san donà": "1", "Forli": "2", "L Aquila": "3", "l'aquila": "3", "Castro BG": "4", "castro le": "5"} {
			got, _, err := db.Territories().Bodies(ctx, sys, territory.Query{Text: typed})
			must(t, err)
			if len(got) != 1 || string(got[0].ID) != want {
				t.Errorf("%q finds %v, want %s", typed, got, want)
			}
		}
	})
}

func TestTheNarrowestNetworkNamesTheOwner(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		s := db.Territories()
		for i, n := range []struct {
			body ids.ID
			text string
		}{{"enna", "192.0.2.0/24"}, {"cl", "192.0.2.64/26"}, {"ge", "2001:db8::/32"}} {
			must(t, s.AddNetwork(ctx, sys, territory.Network{ID: ids.ID(fmt.Sprint(i)), Body: n.body, Prefix: netip.MustParsePrefix(n.text)}))
		}
		for addr, want := range map[string]ids.ID{"192.0.2.1": "enna", "192.0.2.70": "cl", "2001:db8:1::5": "ge"} {
			b, err := s.Owner(ctx, sys, netip.MustParseAddr(addr))
			if err != nil || b.ID != want {
				t.Errorf("%s belongs to %s (%v), want %s", addr, b.ID, err, want)
			}
		}
		if _, err := s.Owner(ctx, sys, netip.MustParseAddr("198.51.100.1")); !fault.Is(err, fault.NotFound) {
			t.Errorf("an address of nobody: %v", err)
		}
	})
}

func TestThePredicateInSQLSaysWhatSeesSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		must(t, db.Agents().Insert(ctx, sys, agent.Agent{ID: "a1", Body: "enna", Centre: "PA", Serial: "1"}))
		must(t, db.Agents().Insert(ctx, sys, agent.Agent{ID: "a2", Body: "ge", Centre: "GE", Serial: "2"}))
		must(t, db.Agents().Insert(ctx, sys, agent.Agent{ID: "a3", Body: "cl", Centre: "", Serial: "3"}))
		places := map[ids.ID][2]ids.ID{"a1": {"enna", "PA"}, "a2": {"ge", "GE"}, "a3": {"cl", ""}}
		for _, kind := range []access.Kind{access.Nobody, access.Body, access.Operator, access.Centre, access.National, access.ANCI, access.Lab, access.System} {
			for _, bodies := range [][]ids.ID{nil, {"enna"}, {"enna", "ge"}, {""}} {
				for _, centre := range []ids.ID{"", "PA", "GE"} {
					v := access.Viewer{Kind: kind, Bodies: bodies, Centre: centre}
					list, _, err := db.Agents().List(ctx, v, "", "", 10)
					must(t, err)
					got := map[ids.ID]bool{}
					for _, a := range list {
						got[a.ID] = true
					}
					for id, p := range places {
						if v.Sees(p[0], p[1]) != got[id] {
							t.Errorf("%+v: Sees says %v of %s, SQL says %v", v, v.Sees(p[0], p[1]), id, got[id])
						}
					}
				}
			}
		}
	})
}
