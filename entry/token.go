package entry

import (
	"context"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Token lets a program of a body or centre use the REST interface from the seat
// of whoever made it. Only its hash is kept.
type Token struct {
	ID      ids.ID
	Hash    string
	Person  ids.ID
	Mandate ids.ID
	Name    string // what the program is
	Created time.Time
	Used    time.Time
	Revoked time.Time
}

// tokenPrefix makes a token that leaked into a file easy to find.
const tokenPrefix = "filo_"

// maxTokens bounds how many live tokens a person may have.
const maxTokens = 20

// NewToken makes a token for the seat of somebody signed in; it is shown once.
func (d *Desk) NewToken(ctx context.Context, g Signed, name string) (string, error) {
	if name = strings.TrimSpace(name); name == "" {
		return "", fault.Bad("name", "entry.token.name")
	}
	have, err := d.store.Tokens(ctx, g.Person.ID)
	if err != nil {
		return "", err
	}
	if len(have) >= maxTokens {
		return "", fault.Bad("name", "entry.token.many", maxTokens)
	}
	secret := tokenPrefix + ids.Secret()
	now := d.clock.Now()
	return secret, d.store.InsertToken(ctx, Token{
		ID: ids.New(now), Hash: ids.Hash(secret), Person: g.Person.ID, Mandate: g.Mandate.ID, Name: cut(name, 80), Created: now,
	})
}

// Tokens lists the live tokens of a person.
func (d *Desk) Tokens(ctx context.Context, person ids.ID) ([]Token, error) {
	return d.store.Tokens(ctx, person)
}

// RevokeToken ends a token of the person.
func (d *Desk) RevokeToken(ctx context.Context, person, id ids.ID) error {
	return d.store.RevokeToken(ctx, person, id, d.clock.Now())
}

// Bearer gives the viewer behind a token. It fails with NotFound for unknown
// and revoked ones, and once the mandate is over.
func (d *Desk) Bearer(ctx context.Context, secret string) (access.Viewer, error) {
	none := fault.New(fault.NotFound, "fault.not_found")
	if !strings.HasPrefix(secret, tokenPrefix) {
		return access.Viewer{}, none
	}
	now := d.clock.Now()
	t, err := d.store.UseToken(ctx, ids.Hash(secret), now)
	if err != nil {
		return access.Viewer{}, err
	}
	sys := access.AsSystem("chiave di un programma")
	p, err := d.store.Person(ctx, sys, t.Person)
	if err != nil {
		return access.Viewer{}, err
	}
	m, err := d.store.Mandate(ctx, sys, t.Mandate)
	if err != nil {
		return access.Viewer{}, err
	}
	if !p.Disabled.IsZero() || !m.On(clock.DayOf(now)) {
		return access.Viewer{}, none
	}
	v, err := d.viewer(ctx, p, m)
	v.Name = m.Title + " (" + t.Name + ")"
	return v, err
}
