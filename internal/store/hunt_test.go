package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"filo/access"
	"filo/hunt"
	"filo/internal/clock"
	"filo/internal/ids"
	"filo/internal/store"
	"filo/internal/store/storetest"
	"filo/internal/wire"
)

// hunted opens a hunt of Palermo in Enna and in Genova.
func hunted(t *testing.T, db *store.DB, c clock.Clock, h hunt.Hunt) (*hunt.Desk, hunt.Hunt) {
	t.Helper()
	d := hunt.NewDesk(db.Hunts(), c, db, db)
	h.Title, h.Why = "prova", "resta a Palermo"
	h, err := d.Open(ctx, ofPA, h, []hunt.Ask{
		{Body: "enna", Centre: "PA", BodyName: "Enna", Province: "EN"}, {Body: "ge", Centre: "GE", BodyName: "Genova", Province: "GE"},
	})
	must(t, err)
	return d, h
}

var oneValue = []wire.Indicator{{ID: "v", Kind: "ipv4-addr", Value: "203.0.113.9"}}

func agentOf(v access.Viewer, id ids.ID) access.Viewer {
	v.Agent = id
	return v
}

func ask(t *testing.T, d *hunt.Desk, id ids.ID) hunt.Ask {
	t.Helper()
	list, err := d.Asks(ctx, sys, id)
	must(t, err)
	for _, a := range list {
		if a.Body == "enna" {
			return a
		}
	}
	t.Fatal("Enna was not asked")
	return hunt.Ask{}
}

func TestTheReasonOfAHuntIsReadByTheCentreThatAsksAndTheNationalOneOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d, h := hunted(t, db, c, hunt.Hunt{Values: oneValue})
		for name, c := range map[string]struct {
			v     access.Viewer
			reads bool
		}{
			"the centre that asks": {ofPA, true}, "the national centre": {national, true}, "the system": {sys, true},
			"another centre that was asked in": {ofGE, false}, "a body": {ofEnna, false},
		} {
			got, err := d.Read(ctx, c.v, h.ID)
			must(t, err)
			list, err := d.List(ctx, c.v, hunt.Filter{})
			must(t, err)
			if len(list) != 1 || (got.Why != "") != c.reads || (list[0].Why != "") != c.reads {
				t.Errorf("%s reads %q, in the list %+v", name, got.Why, list)
			}
		}
	})
}

func TestNotSeenIsSaidOnlyWhereSomethingWasAsked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		long := c.Now().Add(-time.Hour)
		for name, x := range map[string]struct {
			h    hunt.Hunt
			ans  wire.HuntAnswer
			want hunt.Outcome
		}{
			"asked, not there":         {hunt.Hunt{Values: oneValue}, wire.HuntAnswer{Asked: 1, From: long}, hunt.Clean},
			"every value refused":      {hunt.Hunt{Values: oneValue}, wire.HuntAnswer{From: long, Refused: []string{"no"}}, hunt.Unable},
			"nothing remembered":       {hunt.Hunt{Values: oneValue}, wire.HuntAnswer{Asked: 1}, hunt.Unable},
			"a rule that does not run": {hunt.Hunt{Rule: "x"}, wire.HuntAnswer{From: long, RuleError: "no"}, hunt.Unable},
			"values asked, rule not":   {hunt.Hunt{Values: oneValue, Rule: "x"}, wire.HuntAnswer{Asked: 1, From: long, RuleError: "no"}, hunt.Unable},
			"a rule in part of the logs": {
				hunt.Hunt{Rule: "x"}, wire.HuntAnswer{RuleSkipped: []string{"posta: gone"}}, hunt.Clean,
			},
			"seen, and a rule that does not run": {
				hunt.Hunt{Values: oneValue, Rule: "x"}, wire.HuntAnswer{Asked: 1, From: long, RuleError: "no", Found: []wire.HuntHit{{Value: "203.0.113.9", Count: 1}}}, hunt.Seen,
			},
		} {
			d, h := hunted(t, db, c, x.h)
			x.ans.Hunt = h.ID
			must(t, d.Answer(ctx, agentOf(ofEnna, "a1"), x.ans))
			a := ask(t, d, h.ID)
			if a.Outcome != x.want || !slices.Equal(a.Answers["a1"].RuleSkipped, x.ans.RuleSkipped) {
				t.Errorf("%s: %q, want %q; kept %+v", name, a.Outcome, x.want, a.Answers)
			}
			n, err := d.Tally(ctx, ofPA, h.ID)
			must(t, err)
			if n.Answered != 1 || (n.Unable == 1) != (x.want == hunt.Unable) || (n.Seen == 1) != (x.want == hunt.Seen) {
				t.Errorf("%s: counted %+v", name, n)
			}
			// Another agent that looked does not speak for this one.
			must(t, d.Answer(ctx, agentOf(ofEnna, "a2"), wire.HuntAnswer{Hunt: h.ID, Asked: 1, From: long}))
			if a := ask(t, d, h.ID); a.Outcome != x.want {
				t.Errorf("%s, and another agent saw nothing: %q, want %q", name, a.Outcome, x.want)
			}
		}
	})
}

func TestLinesThatComeAgainStandOnceAndOldRowsStillOpen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d, h := hunted(t, db, c, hunt.Hunt{Values: oneValue})
		one, two := agentOf(ofEnna, "a1"), agentOf(ofEnna, "a2")
		must(t, d.Answer(ctx, one, wire.HuntAnswer{Hunt: h.ID, Asked: 1, Found: []wire.HuntHit{{Value: "203.0.113.9", Count: 1}}}))
		must(t, d.Release(ctx, ofEnna, h.ID, "enna"))
		for range 2 {
			must(t, d.Lines(ctx, one, wire.Lines{Hunt: h.ID, Lines: []string{"one", "two"}}))
			must(t, d.Lines(ctx, two, wire.Lines{Hunt: h.ID, Lines: []string{"three"}}))
		}
		if got := ask(t, d, h.ID).Lines.All(); !slices.Equal(got, []string{"one", "two", "three"}) {
			t.Errorf("kept %q", got)
		}
		many := slices.Repeat([]string{"x"}, 2*hunt.MaxLines)
		must(t, d.Lines(ctx, one, wire.Lines{Hunt: h.ID, Lines: many}))
		if got := ask(t, d, h.ID).Lines.All(); len(got) != hunt.MaxLines || got[len(got)-1] != "three" {
			t.Errorf("kept %d lines", len(got))
		}
	})
	var old hunt.Lines // as version 0005 wrote them
	for text, want := range map[string]int{`["a","b"]`: 2, `null`: 0, `{"a1":["c"]}`: 1} {
		if err := old.UnmarshalJSON([]byte(text)); err != nil || len(old.All()) != want {
			t.Errorf("%s gives %q: %v", text, old.All(), err)
		}
	}
}

func TestAgentsOfOneBodyThatAnswerAtOnceAreAllKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d, h := hunted(t, db, c, hunt.Hunt{Values: oneValue})
		hit := []wire.HuntHit{{Value: "203.0.113.9", Count: 1}}
		must(t, d.Answer(ctx, agentOf(ofEnna, "first"), wire.HuntAnswer{Hunt: h.ID, Asked: 1, Found: hit}))
		must(t, d.Release(ctx, ofEnna, h.ID, "enna"))
		const n = 12
		var all sync.WaitGroup
		for i := range n {
			v := agentOf(ofEnna, ids.ID(rune('a'+i)))
			all.Go(func() {
				if err := d.Answer(ctx, v, wire.HuntAnswer{Hunt: h.ID, Asked: 1, Found: hit}); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if err := d.Lines(ctx, v, wire.Lines{Hunt: h.ID, Lines: []string{string(v.Agent)}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if a := ask(t, d, h.ID); len(a.Answers) != n+1 || len(a.Lines.All()) != n {
			t.Errorf("kept %d answers and %d lines of %d agents", len(a.Answers), len(a.Lines.All()), n)
		}
	})
}
