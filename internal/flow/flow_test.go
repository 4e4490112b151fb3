package flow_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"slices"
	"testing"

	"filo/access"
	"filo/agent"
	"filo/agreement"
	"filo/detection"
	"filo/internal/clock"
	"filo/internal/flow"
	"filo/internal/ids"
	"filo/internal/store"
	"filo/internal/store/storetest"
	"filo/internal/wire"
	"filo/report"
	"filo/territory"
)

var (
	ctx     = context.Background()
	sys     = access.AsSystem("prova")
	person  = access.Viewer{Kind: access.Body, Role: access.Technician, Body: "enna", Bodies: []ids.ID{"enna"}, Name: "tecnico CED"}
	machine = access.Viewer{Kind: access.Body, Body: "enna", Bodies: []ids.ID{"enna"}, Agent: "a1"}
)

// place gives the flow of a node with one Comune and one agent of it.
func place(t *testing.T, db *store.DB, c clock.Clock) *flow.Flow {
	t.Helper()
	must(t, db.Territories().PutBodies(ctx, sys, []territory.Body{{ID: "enna", Kind: territory.Comune, Name: "Enna", Belfiore: "C342", Province: "EN", Centre: "PA", Active: true}}))
	must(t, db.Agreements().Insert(ctx, sys, agreement.Agreement{
		ID: "acc", Level: agreement.Municipal, Body: "enna", Centre: "PA", State: agreement.InForce,
		Clauses: access.Clauses, Renewal: agreement.Tacit, Months: 36, Start: "2025-01-01", Term: 1, TermEnd: "2027-12-31", Version: 1,
	}))
	must(t, db.Agents().Insert(ctx, machine, agent.Agent{ID: "a1", Body: "enna", Centre: "PA", Host: "srv", Enrolled: c.Now()}))
	grants := agreement.NewDesk(db.Agreements(), c, db)
	return &flow.Flow{
		Tx: db, Clock: c, Log: slog.New(slog.DiscardHandler), Wake: db, Grants: grants,
		Reports: report.NewDesk(db.Reports(), c, grants, db, db, nil), Detections: detection.NewDesk(db.Detections(), c, db),
		Agents: agent.NewDesk(db.Agents(), c, grants, nil, db), AgentStore: db.Agents(), Territory: db.Territories(),
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// say brings one event of the agent, with the number after its last.
func say(t *testing.T, f *flow.Flow, kind string, x any) {
	t.Helper()
	a, err := f.Agents.Known(ctx, machine)
	must(t, err)
	payload, err := json.Marshal(x)
	must(t, err)
	ack, err := f.TakeBatch(ctx, machine, wire.Batch{Agent: "a1", Body: "enna", Sent: f.Clock.Now(), Events: []wire.Event{{Seq: a.Seq + 1, Kind: kind, Payload: payload}}})
	if err != nil || ack.Through != a.Seq+1 {
		t.Fatalf("the agent's line stands at %d: %v", ack.Through, err)
	}
}

func TestLinesAroundAFindingComeOnlyAfterAPersonLetThemGoAndOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		f := place(t, db, c)
		say(t, f, wire.EventFinding, wire.Finding{Key: "k", Rule: "ssh-guessing", Title: "x", SourceIP: "203.0.113.5", Count: 9, Severity: "low", Outcome: "attempt"})
		list, _, err := f.Detections.List(ctx, person, detection.Filter{})
		must(t, err)
		rep, err := f.Draft(ctx, person, list[0].ID)
		must(t, err)
		_, err = f.Reports.Send(ctx, person, rep.ID)
		must(t, err)
		files := func() int {
			t.Helper()
			x, err := f.Reports.Read(ctx, sys, rep.ID)
			must(t, err)
			return len(x.Files)
		}
		lines := wire.Lines{Finding: "k", Lines: []string{"one", "two"}, Hashes: []string{"h"}, Head: "end"}
		say(t, f, wire.EventLines, lines)
		if n := files(); n != 0 {
			t.Errorf("%d files came before anybody let them go", n)
		}
		must(t, f.ReleaseLines(ctx, person, list[0].ID))
		one, err := f.Detections.Find(ctx, person, list[0].ID)
		must(t, err)
		if one.ReleasedBy != person.Name || !one.Released.Equal(c.Now()) {
			t.Errorf("let go by %q at %s", one.ReleasedBy, one.Released)
		}
		say(t, f, wire.EventLines, lines)
		say(t, f, wire.EventFinding, wire.Finding{Key: "k", Rule: "ssh-guessing", Title: "x", Log: "b", SourceIP: "203.0.113.5", Count: 12, Severity: "low", Outcome: "attempt"})
		say(t, f, wire.EventLines, lines)
		if n := files(); n != 1 {
			t.Errorf("the same lines stand in %d files", n)
		}
		lines.Lines = append(lines.Lines, "three")
		say(t, f, wire.EventLines, lines)
		if n := files(); n != 2 {
			t.Errorf("with a line more there are %d files", n)
		}
	})
}

func TestNetworksDeclaredBeforeTheAgentReachItWithItsFirstStatusAndAreToldOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		f := place(t, db, c)
		must(t, db.Territories().AddNetwork(ctx, sys, territory.Network{ID: "n", Body: "enna", Prefix: netip.MustParsePrefix("203.0.113.0/24"), Added: c.Now()}))
		for range 2 {
			say(t, f, wire.EventStatus, wire.Status{})
		}
		page, err := f.Agents.Changes(ctx, machine, 0)
		must(t, err)
		if len(page.Changes) != 1 || page.Changes[0].Kind != wire.ChangeSettings {
			t.Fatalf("told %+v", page.Changes)
		}
		var s wire.Settings
		must(t, json.Unmarshal(page.Changes[0].Payload, &s))
		if !slices.Equal(s.Own, []string{"203.0.113.0/24"}) {
			t.Errorf("told %q", s.Own)
		}
	})
}
