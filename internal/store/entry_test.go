package store_test

import (
	"strings"
	"testing"
	"time"

	"filo/access"
	"filo/entry"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/store"
	"filo/internal/store/storetest"

	"github.com/pquerna/otp/totp"
)

func newEntry(db *store.DB, c clock.Clock) *entry.Desk {
	return entry.NewDesk(db.Entries(), c, entry.NewCheapPasswords(), nil)
}

const goodPassword = "quattro gatti al municipio"

// comeIn invites a technician of Enna and lets them in through all steps.
func comeIn(t *testing.T, d *entry.Desk, c *clock.Fake) (token, secret string, recovery []string) {
	t.Helper()
	code, err := d.Invite(ctx, sys, entry.Mandate{Kind: access.Body, Role: access.Technician, Body: "enna", Title: "tecnico CED, Comune di Enna"}, "PA")
	must(t, err)
	_, err = d.Accept(ctx, strings.ToLower(code), "ced@comune.enna.example", goodPassword)
	must(t, err)
	_, weak, err := d.Enter(ctx, "CED@comune.enna.example", goodPassword, "192.0.2.1", "prova")
	must(t, err)
	secret, _, err = d.NewTOTP("ced@comune.enna.example")
	must(t, err)
	otp, err := totp.GenerateCode(secret, c.Now())
	must(t, err)
	token, _, recovery, err = d.ConfirmTOTP(ctx, weak, secret, otp)
	must(t, err)
	return token, secret, recovery
}

func TestAnInvitationBecomesAPersonWithASeat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d := newEntry(db, c)
		token, _, recovery := comeIn(t, d, c)
		g, err := d.Who(ctx, token)
		must(t, err)
		if g.Viewer.Kind != access.Body || g.Viewer.Body != "enna" || len(recovery) != 10 {
			t.Errorf("came in as %+v with %d recovery codes", g.Viewer, len(recovery))
		}
		c.Advance(entry.IdleFor + time.Minute)
		if _, err := d.Who(ctx, token); !fault.Is(err, fault.NotFound) {
			t.Errorf("an idle session lives on: %v", err)
		}
	})
}

func TestAnInvitationWorksOnceAndNotAfterItsDays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d := newEntry(db, c)
		invite := func() string {
			code, err := d.Invite(ctx, sys, entry.Mandate{Kind: access.Body, Role: access.Technician, Body: "enna", Title: "tecnico CED"}, "PA")
			must(t, err)
			return code
		}
		used, late := invite(), invite()
		_, err := d.Accept(ctx, used, "uno@comune.enna.example", goodPassword)
		must(t, err)
		if _, err := d.Accept(ctx, used, "due@comune.enna.example", goodPassword); !fault.Is(err, fault.Expired) {
			t.Errorf("a used invitation works again: %v", err)
		}
		c.Advance(7*24*time.Hour + time.Minute)
		if _, err := d.Accept(ctx, late, "tre@comune.enna.example", goodPassword); !fault.Is(err, fault.Expired) {
			t.Errorf("an old invitation works: %v", err)
		}
	})
}

func TestAPasswordAloneOpensNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d := newEntry(db, c)
		_, secret, recovery := comeIn(t, d, c)
		c.Advance(time.Hour)
		token, weak, err := d.Enter(ctx, "ced@comune.enna.example", goodPassword, "192.0.2.1", "prova")
		must(t, err)
		g, err := d.Who(ctx, token)
		must(t, err)
		if g.Viewer.Kind != access.Nobody {
			t.Errorf("without second factor the viewer is %v", g.Viewer.Kind)
		}
		if _, _, _, err := d.ConfirmTOTP(ctx, weak, secret, "000000"); err == nil {
			t.Error("a half session replaces the second factor")
		}
		otp, err := totp.GenerateCode(secret, c.Now())
		must(t, err)
		strong, _, err := d.SecondFactor(ctx, weak, otp)
		must(t, err)
		if strong == token {
			t.Error("the token stays the same: a session could be fixed beforehand")
		}
		if _, err := d.Who(ctx, token); !fault.Is(err, fault.NotFound) {
			t.Error("the half session lives on")
		}
		_, again, err := d.Enter(ctx, "ced@comune.enna.example", goodPassword, "192.0.2.1", "prova")
		must(t, err)
		if _, _, err := d.SecondFactor(ctx, again, otp); err == nil {
			t.Error("a one-time code works twice")
		}
		if _, _, err := d.SecondFactor(ctx, again, recovery[0]); err != nil {
			t.Errorf("a recovery code does not work: %v", err)
		}
		if left, _ := d.RecoveryLeft(ctx, g.Person.ID); left != 9 {
			t.Errorf("%d recovery codes left, want 9", left)
		}
	})
}

func TestGuessingIsSlowedDownWhereItComesFromNotAtTheVictim(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d := newEntry(db, c)
		comeIn(t, d, c)
		var last error
		for range 7 {
			_, _, last = d.Enter(ctx, "ced@comune.enna.example", "sbagliata sbagliata", "203.0.113.66", "x")
		}
		if !fault.Is(last, fault.TooMany) {
			t.Errorf("the guesser is not slowed down: %v", last)
		}
		if _, _, err := d.Enter(ctx, "ced@comune.enna.example", goodPassword, "192.0.2.1", "x"); err != nil {
			t.Errorf("the owner is locked out: %v", err)
		}
		for i := range 60 {
			_, _, last = d.Enter(ctx, string(rune('a'+i%26))+"@spray.example", "Primavera2026!", "203.0.113.99", "x")
		}
		if !fault.Is(last, fault.TooMany) {
			t.Errorf("spraying many logins from one address goes on: %v", last)
		}
	})
}

func TestInvitationsAreGivenOnlyWithinOnesReach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d := newEntry(db, c)
		tech := entry.Mandate{Kind: access.Body, Role: access.Technician, Body: "enna", Title: "x"}
		head := access.Viewer{Kind: access.Centre, Role: access.Head, Centre: "PA"}
		for name, try := range map[string]struct {
			v  access.Viewer
			m  entry.Mandate
			of string
			ok bool
		}{
			"a technician":                {ofEnna, tech, "PA", false},
			"the manager of the body":     {access.Viewer{Kind: access.Body, Role: access.Manager, Body: "enna"}, tech, "PA", true},
			"the manager of another body": {access.Viewer{Kind: access.Body, Role: access.Manager, Body: "cl"}, tech, "PA", false},
			"the head of its centre":      {head, tech, "PA", true},
			"the head of another centre":  {access.Viewer{Kind: access.Centre, Role: access.Head, Centre: "GE"}, tech, "PA", false},
			"a head towards national":     {head, entry.Mandate{Kind: access.National, Role: access.Admin, Title: "x"}, "", false},
		} {
			_, err := d.Invite(ctx, try.v, try.m, "PA")
			if (err == nil) != try.ok {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
