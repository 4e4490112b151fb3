package agreement

import (
	"slices"
	"strings"
	"testing"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/ids"
)

func TestTermsEndByTheEndOfMonthRule(t *testing.T) {
	for _, c := range []struct {
		start  clock.Day
		months int
		want   clock.Day
	}{
		{"2024-02-29", 36, "2027-02-27"},
		{"2026-11-24", 36, "2029-11-23"},
		{"2025-08-31", 6, "2026-02-27"},
	} {
		if got := FirstTermEnd(c.start, c.months); got != c.want {
			t.Errorf("a term of %d months from %s ends %s, want %s", c.months, c.start, got, c.want)
		}
	}
}

func TestTacitRenewalIsASuccessorTermOfTheSameAgreement(t *testing.T) {
	a := Agreement{State: InForce, Renewal: Tacit, Start: "2020-01-31", Months: 36, Term: 1, TermEnd: FirstTermEnd("2020-01-31", 36)}
	if term, end := a.Terms("2026-11-24"); term != 3 || end != "2029-01-30" {
		t.Errorf("term %d until %s, want the third until 2029-01-30", term, end)
	}
	if !a.InForceOn("2026-11-24") {
		t.Error("a tacitly renewed agreement is in force")
	}
	a.Renewal = Explicit
	if a.InForceOn("2026-11-24") {
		t.Error("without a new signature an explicit agreement ends with its term")
	}
	if got := a.Seen("2026-11-24"); got != Ended {
		t.Errorf("it is seen as %s, want ended", got)
	}
}

func TestWithdrawalCutsRightsOnItsDay(t *testing.T) {
	a := Agreement{State: Notice, Renewal: Tacit, Start: "2025-01-01", Months: 36, Term: 1, TermEnd: "2027-12-31", Withdrawn: "2026-12-01"}
	if !a.InForceOn("2026-11-30") || a.InForceOn("2026-12-01") {
		t.Error("rights last through the day before the withdrawal takes effect")
	}
}

func TestPeopleAreWarnedAtTheNarrowestWindow(t *testing.T) {
	a := Agreement{State: InForce, Renewal: Explicit, Start: "2024-01-01", Months: 36, Term: 1, TermEnd: "2026-12-31"}
	for day, want := range map[clock.Day]int{"2026-01-01": 0, "2026-07-10": 180, "2026-10-10": 90, "2026-11-10": 60, "2026-12-05": 30} {
		if got, _ := a.Warning(day); got != want {
			t.Errorf("on %s the window is %d, want %d", day, got, want)
		}
	}
}

func TestEachAgreementAboveMustBeInForceWithTheClause(t *testing.T) {
	in := func(id, parent ids.ID, body ids.ID, cl ...access.Clause) Agreement {
		return Agreement{ID: id, Parent: parent, Body: body, State: InForce, Renewal: Tacit, Start: "2025-01-01", Months: 36, TermEnd: "2027-12-31", Clauses: cl}
	}
	share, report := access.ClauseSharing, access.ClauseReport
	suspended := in("regione-sospesa", "quadro", "", share)
	suspended.State = Suspended
	list := []Agreement{
		in("quadro", "", "", share, report), in("regione", "quadro", "", share), suspended,
		in("a", "regione", "enna", share, report), in("b", "regione-sospesa", "genova", share),
		in("c", "sparito", "roma", share), in("d", "", "bari", share), in("e", "f", "giro", share), in("f", "e", "", share),
	}
	for clause, want := range map[access.Clause]string{share: "bari enna", report: ""} {
		var got []string
		for body := range Cover(list, clause, "2026-11-24") {
			got = append(got, string(body))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s covers %q, want %q", clause, got, want)
		}
	}
}

func TestOnlyTheSideThatKeepsAnAgreementChangesIt(t *testing.T) {
	a := Agreement{State: InForce, Body: "enna", Centre: "PA", Start: "2025-01-01"}
	of := func(k access.Kind, r access.Role, centre, body ids.ID) access.Viewer {
		return access.Viewer{Kind: k, Role: r, Centre: centre, Body: body, Bodies: []ids.ID{body}}
	}
	for name, c := range map[string]struct {
		v  access.Viewer
		to State
		ok bool
	}{
		"its centre suspends it":            {of(access.Centre, access.Officer, "PA", ""), Suspended, true},
		"another centre suspends it":        {of(access.Centre, access.Head, "GE", ""), Suspended, false},
		"the national centre suspends it":   {of(access.National, access.Officer, "", ""), Suspended, true},
		"a reader of the centre":            {of(access.Centre, access.Reader, "PA", ""), Suspended, false},
		"the body's manager withdraws":      {of(access.Body, access.Manager, "", "enna"), Notice, true},
		"the body's manager suspends":       {of(access.Body, access.Manager, "", "enna"), Suspended, false},
		"the body's technician withdraws":   {of(access.Body, access.Technician, "", "enna"), Notice, false},
		"another body's manager withdraws":  {of(access.Body, access.Manager, "", "genova"), Notice, false},
		"the association of Comuni changes": {of(access.ANCI, access.Manager, "", "x"), Suspended, false},
	} {
		_, err := a.moved(c.v, Step{To: c.to, Day: "2026-11-24"}, "2026-11-24")
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
