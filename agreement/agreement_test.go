package agreement

import (
	"testing"

	"filo/internal/clock"
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
