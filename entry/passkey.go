package entry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"filo/access"
	"filo/internal/fault"
	"filo/internal/ids"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Ceremonies is the store of what an exchange must remember between its halves.
type Ceremonies interface {
	// Begin keeps data under id until the instant.
	Begin(ctx context.Context, id string, data []byte, until time.Time) error
	// Finish gives the data and forgets it; it fails with Expired when there is
	// none, so that an answer counts once.
	Finish(ctx context.Context, id string, now time.Time) ([]byte, error)
}

// Passkeys lets people in with WebAuthn credentials that live on their devices.
type Passkeys struct {
	desk *Desk
	cer  Ceremonies
	wa   *webauthn.WebAuthn
}

// ceremonyLife is how long an exchange may take.
const ceremonyLife = 5 * time.Minute

// NewPasskeys makes the passkeys of a node that people reach at the address
// public. It fails when that is no address with a name: WebAuthn does not work
// on bare IP addresses.
func NewPasskeys(d *Desk, c Ceremonies, public string) (*Passkeys, error) {
	u, err := url.Parse(public)
	if err != nil {
		return nil, err
	}
	wa, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: "filo", RPOrigins: []string{u.Scheme + "://" + u.Host}})
	return &Passkeys{d, c, wa}, err
}

// holder is a person as the library asks for one.
type holder struct {
	p    Person
	keys []webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (h holder) WebAuthnID() []byte { return []byte(h.p.ID) }

// WebAuthnName implements webauthn.User.
func (h holder) WebAuthnName() string { return h.p.Login }

// WebAuthnDisplayName implements webauthn.User.
func (h holder) WebAuthnDisplayName() string { return h.p.Name }

// WebAuthnCredentials implements webauthn.User.
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func (k *Passkeys) holder(ctx context.Context, person ids.ID) (holder, []Passkey, error) {
	p, err := k.desk.store.Person(ctx, access.AsSystem("passkey"), person)
	if err != nil {
		return holder{}, nil, err
	}
	list, err := k.desk.store.Passkeys(ctx, person)
	if err != nil {
		return holder{}, nil, err
	}
	h := holder{p: p}
	for _, x := range list {
		var c webauthn.Credential
		if err := json.Unmarshal(x.Data, &c); err != nil {
			return h, nil, err
		}
		h.keys = append(h.keys, c)
	}
	return h, list, nil
}

func (k *Passkeys) begin(ctx context.Context, options any, s *webauthn.SessionData) (id string, out []byte, err error) {
	data, err := json.Marshal(s)
	if err != nil {
		return "", nil, err
	}
	if out, err = json.Marshal(options); err != nil {
		return "", nil, err
	}
	id = ids.Secret()
	return id, out, k.cer.Begin(ctx, ids.Hash(id), data, k.desk.clock.Now().Add(ceremonyLife))
}

func (k *Passkeys) session(ctx context.Context, id string) (s webauthn.SessionData, err error) {
	b, err := k.cer.Finish(ctx, ids.Hash(id), k.desk.clock.Now())
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

// BeginAdd gives what the browser needs to make a passkey, and the name of the
// exchange.
func (k *Passkeys) BeginAdd(ctx context.Context, g Signed) (string, []byte, error) {
	h, _, err := k.holder(ctx, g.Person.ID)
	if err != nil {
		return "", nil, err
	}
	opts, s, err := k.wa.BeginRegistration(h, webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired),
		webauthn.WithExclusions(webauthn.Credentials(h.keys).CredentialDescriptors()))
	if err != nil {
		return "", nil, err
	}
	return k.begin(ctx, opts, s)
}

// FinishAdd keeps the passkey that the browser made.
func (k *Passkeys) FinishAdd(ctx context.Context, g Signed, ceremony, name string, answer []byte) error {
	s, err := k.session(ctx, ceremony)
	if err != nil {
		return err
	}
	h, _, err := k.holder(ctx, g.Person.ID)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "entry.passkey.bad")
	}
	c, err := k.wa.CreateCredential(h, s, parsed)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "entry.passkey.bad")
	}
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	now := k.desk.clock.Now()
	if name = strings.TrimSpace(name); name == "" {
		name = "passkey"
	}
	return k.desk.store.InsertPasskey(ctx, Passkey{
		ID: ids.New(now), Person: g.Person.ID, Name: cut(name, 80), KeyID: base64.RawURLEncoding.EncodeToString(c.ID), Data: data, Created: now,
	})
}

// BeginEnter gives what the browser needs to sign in with any passkey it has.
func (k *Passkeys) BeginEnter(ctx context.Context) (string, []byte, error) {
	opts, s, err := k.wa.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return "", nil, err
	}
	return k.begin(ctx, opts, s)
}

// FinishEnter opens a full session for the owner of the passkey: the device
// verified the person, so that it counts as both factors.
func (k *Passkeys) FinishEnter(ctx context.Context, ceremony string, answer []byte, address, agent string) (string, error) {
	s, err := k.session(ctx, ceremony)
	if err != nil {
		return "", err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "entry.passkey.bad")
	}
	var who holder
	var list []Passkey
	c, err := k.wa.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
		var err error
		who, list, err = k.holder(ctx, ids.ID(handle))
		return who, err
	}, s, parsed)
	if err != nil || c.Authenticator.CloneWarning {
		return "", fault.Wrap(fault.Forbidden, err, "entry.passkey.bad")
	}
	now := k.desk.clock.Now()
	id := base64.RawURLEncoding.EncodeToString(c.ID)
	for _, x := range list {
		if x.KeyID != id {
			continue
		}
		if x.Data, err = json.Marshal(c); err != nil {
			return "", err
		}
		x.Used = now
		if err := k.desk.store.UpdatePasskey(ctx, x); err != nil {
			return "", err
		}
	}
	token, _, err := k.desk.OpenStrong(ctx, who.p, address, agent)
	return token, err
}

// List gives the passkeys of a person.
func (k *Passkeys) List(ctx context.Context, person ids.ID) ([]Passkey, error) {
	return k.desk.store.Passkeys(ctx, person)
}

// Remove takes a passkey of the person away.
func (k *Passkeys) Remove(ctx context.Context, person, id ids.ID) error {
	return k.desk.store.RemovePasskey(ctx, person, id)
}
