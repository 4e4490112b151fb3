package entry

import (
	"context"
	"encoding/json"
	"sync"

	"filo/access"
	"filo/internal/fault"
	"filo/internal/ids"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDC lets people in through one OpenID Connect provider, such as an
// aggregator in front of SPID and CIE. Somebody signed in ties their account to
// the provider once; then the provider alone lets them in.
type OIDC struct {
	Name   string // as the button says it
	desk   *Desk
	cer    Ceremonies
	issuer string
	conf   oauth2.Config

	mu       sync.Mutex
	provider *oidc.Provider
}

// NewOIDC makes the way in through the provider; redirect is the address it
// sends people back to. The provider is asked for at first use, so that a node
// starts without it.
func NewOIDC(d *Desk, c Ceremonies, issuer, client, secret, redirect, name string) *OIDC {
	if name == "" {
		name = "OpenID Connect"
	}
	return &OIDC{Name: name, desk: d, cer: c, issuer: issuer, conf: oauth2.Config{
		ClientID: client, ClientSecret: secret, RedirectURL: redirect, Scopes: []string{oidc.ScopeOpenID},
	}}
}

func (o *OIDC) reach(ctx context.Context) (*oidc.Provider, oauth2.Config, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider == nil {
		p, err := oidc.NewProvider(context.WithoutCancel(ctx), o.issuer)
		if err != nil {
			return nil, o.conf, fault.Wrap(fault.Unavailable, err, "entry.oidc.away")
		}
		o.provider, o.conf.Endpoint = p, p.Endpoint()
	}
	return o.provider, o.conf, nil
}

// trip is what an exchange with the provider must remember.
type trip struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Tie      ids.ID `json:"tie"` // the person who ties their account
}

// Begin gives the address at the provider and the name of the exchange, which
// the browser must bring back. tie is the person who ties their account, if any.
func (o *OIDC) Begin(ctx context.Context, tie ids.ID) (state, to string, err error) {
	_, conf, err := o.reach(ctx)
	if err != nil {
		return "", "", err
	}
	t := trip{Nonce: ids.Secret(), Verifier: oauth2.GenerateVerifier(), Tie: tie}
	b, err := json.Marshal(t)
	if err != nil {
		return "", "", err
	}
	state = ids.Secret()
	if err := o.cer.Begin(ctx, ids.Hash(state), b, o.desk.clock.Now().Add(ceremonyLife)); err != nil {
		return "", "", err
	}
	return state, conf.AuthCodeURL(state, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), nil
}

// Finish takes the code that the provider sent back: it ties an account, or
// opens a full session for the account that is tied.
func (o *OIDC) Finish(ctx context.Context, state, code, address, agent string) (token string, err error) {
	b, err := o.cer.Finish(ctx, ids.Hash(state), o.desk.clock.Now())
	if err != nil {
		return "", err
	}
	var t trip
	if err := json.Unmarshal(b, &t); err != nil {
		return "", err
	}
	p, conf, err := o.reach(ctx)
	if err != nil {
		return "", err
	}
	got, err := conf.Exchange(ctx, code, oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return "", fault.Wrap(fault.Forbidden, err, "entry.oidc.refused")
	}
	raw, _ := got.Extra("id_token").(string)
	tok, err := p.VerifierContext(ctx, &oidc.Config{ClientID: conf.ClientID, Now: o.desk.clock.Now}).Verify(ctx, raw)
	if err != nil || tok.Nonce != t.Nonce {
		return "", fault.Wrap(fault.Forbidden, err, "entry.oidc.refused")
	}
	subject := tok.Issuer + "|" + tok.Subject
	sys := access.AsSystem("OpenID Connect")
	if t.Tie != "" {
		who, err := o.desk.store.Person(ctx, sys, t.Tie)
		if err != nil {
			return "", err
		}
		who.Subject = subject
		return "", o.desk.store.UpdatePerson(ctx, sys, who)
	}
	who, err := o.desk.store.BySubject(ctx, sys, subject)
	if fault.Is(err, fault.NotFound) {
		return "", fault.New(fault.Forbidden, "entry.oidc.unknown")
	}
	if err != nil {
		return "", err
	}
	token, _, err = o.desk.OpenStrong(ctx, who, address, agent)
	return token, err
}
