package store_test

import (
	"strings"
	"testing"

	"filo/access"
	"filo/agreement"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/store"
	"filo/internal/store/storetest"
	"filo/territory"
)

func TestADelegationIsGivenByTheManagerAndTakenBackAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		seed(t, db)
		must(t, db.Territories().PutProvince(ctx, sys, territory.Province{Sigla: "PA", Name: "Palermo", Region: "Sicilia", Centre: "PA"}))
		d, g := territory.NewDesk(db.Territories(), c), agreement.NewDesk(db.Agreements(), c, db)
		company, err := d.Enlist(ctx, ofPA, territory.Body{Kind: territory.InHouse, Name: "Società di servizi", Province: "pa"})
		must(t, err)
		if _, err := d.Enlist(ctx, ofGE, territory.Body{Kind: territory.InHouse, Name: "Altra", Province: "PA"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("another centre enlists a body there: %v", err)
		}
		if _, err := d.Enlist(ctx, ofPA, territory.Body{Kind: territory.InHouse, Name: "società di SERVIZI", Province: "PA"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the same body is enlisted twice: %v", err)
		}
		manager := ofEnna
		manager.Role = access.Manager
		give := territory.Delegation{Operator: company.ID, Body: "enna", Scope: "rete"}
		if err := d.Delegate(ctx, ofEnna, give); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a technician delegates: %v", err)
		}
		if err := d.Delegate(ctx, manager, territory.Delegation{Operator: "cl", Body: "enna", Scope: "rete"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a Comune becomes an operator: %v", err)
		}
		if err := d.Delegate(ctx, manager, territory.Delegation{Operator: company.ID, Body: "cl", Scope: "rete"}); err == nil {
			t.Error("a manager delegates for another body")
		}
		must(t, d.Delegate(ctx, manager, give))
		of, err := g.Delegated(ctx, company.ID)
		must(t, err)
		if len(of) != 1 || of[0] != "enna" {
			t.Fatalf("the company acts for %v, want Enna", of)
		}
		list, err := d.Delegations(ctx, manager, "enna")
		must(t, err)
		if err := d.Undelegate(ctx, ofCl, "enna", list[0].ID); err == nil {
			t.Error("another body takes a delegation back")
		}
		must(t, d.Undelegate(ctx, manager, "enna", list[0].ID))
		if of, err = g.Delegated(ctx, company.ID); err != nil || len(of) != 0 {
			t.Errorf("the company still acts for %v (%v)", of, err)
		}
		if list, err = d.Delegations(ctx, manager, "enna"); err != nil || len(list) != 1 {
			t.Errorf("the record of the delegation is gone (%v)", err)
		}
	})
}

func TestABodyIsMeantByCodeOrNameAndHomonymsAreNamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		must(t, db.Territories().PutBodies(ctx, sys, []territory.Body{
			{ID: "1", Name: "Castro", Province: "BG", Belfiore: "C337"},
			{ID: "2", Name: "Castro", Province: "LE", Belfiore: "M261"},
			{ID: "3", Name: "Castronno", Province: "VA", Belfiore: "C343"},
			{ID: "4", Name: "Reggio nell'Emilia", Province: "RE", Belfiore: "H223"},
		}))
		d := territory.NewDesk(db.Territories(), c)
		for typed, want := range map[string]ids.ID{"m261": "2", "castro bg": "1", "Castronno": "3", "reggio": "4"} {
			if b, err := d.Resolve(ctx, sys, "ente", typed); err != nil || b.ID != want {
				t.Errorf("%q means %s (%v), want %s", typed, b.ID, err, want)
			}
		}
		_, err := d.Resolve(ctx, sys, "ente", "Castro")
		if f := fault.Outside(err); f.Field != "ente" || len(f.Args) == 0 || !strings.Contains(f.Args[0].(string), "Castro (LE)") {
			t.Errorf("homonyms are not named: %v", err)
		}
		if _, err := d.Resolve(ctx, sys, "ente", "Atlantide"); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown place: %v", err)
		}
	})
}

func TestAProvinceCountsTheComuniOfTodayAndTheirPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB, c *clock.Fake) {
		d := territory.NewDesk(db.Territories(), c)
		must(t, d.PutBodies(ctx, sys, []territory.Body{
			{ID: "1", Kind: territory.Comune, Name: "Enna", Province: "EN", Belfiore: "C342", Population: 27_894},
			{ID: "2", Kind: territory.Comune, Name: "Agira", Province: "EN", Belfiore: "A070", Population: 8_484},
			{ID: "3", Kind: territory.Comune, Name: "Sciolto", Province: "EN", Belfiore: "X001", Population: 30_000, Until: "2020-01-01"},
			{ID: "4", Kind: territory.InHouse, Name: "Società", Province: "EN"},
		}))
		list, err := d.Extents(ctx, sys)
		must(t, err)
		if want := (territory.Extent{Province: "EN", Comuni: 2, Large: 1, People: 36_378}); len(list) != 1 || list[0] != want {
			t.Errorf("the province counts as %+v, want %+v", list, want)
		}
	})
}
