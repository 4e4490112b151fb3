// Package entry is how a person proves who they are: invitation, password with
// a one-time code, passkey, recovery code, and the sessions that follow. It
// also says from which seats a person may look.
package entry

import (
	"context"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/ids"
)

// Person is somebody who signs in. Name is how they appear: a role and a body.
type Person struct {
	ID       ids.ID
	Login    string // mail address, lower case
	Name     string
	Language string
	Password string // argon2id, PHC format; empty: none yet
	TOTP     string // secret, base32; empty: not set up
	TOTPUsed int64  // last time step accepted, so that a code works once
	Subject  string // of the OpenID Connect provider
	Disabled time.Time
	Created  time.Time
}

// Ready reports whether the person finished setting up a second factor.
func (p Person) Ready() bool { return p.TOTP != "" || p.Subject != "" }

// Mandate is one seat of a person, between two days.
type Mandate struct {
	ID     ids.ID
	Person ids.ID
	Kind   access.Kind
	Role   access.Role
	Body   ids.ID // for bodies, operators, ANCI, laboratories
	Centre ids.ID // for centres and the national centre
	Title  string // "tecnico CED, Comune di Enna"
	From   clock.Day
	Until  clock.Day // empty: until withdrawn
}

// On reports whether the mandate holds on a day.
func (m Mandate) On(d clock.Day) bool { return m.From <= d && (m.Until == "" || d <= m.Until) }

// Invitation lets one person in, once.
type Invitation struct {
	ID      ids.ID
	Hash    string
	Mandate Mandate // without person
	By      string
	Created time.Time
	Expires time.Time
	Used    time.Time
}

// Session is one signed-in browser. Its token is known to the browser alone.
type Session struct {
	ID      ids.ID
	Hash    string
	Person  ids.ID
	Mandate ids.ID
	Strong  bool // second factor given
	Agent   string
	Address string
	Created time.Time
	Seen    time.Time
}

// Limits of sessions.
const (
	IdleFor = 12 * time.Hour
	LastFor = 7 * 24 * time.Hour
)

// Over reports whether the session has ended at the instant.
func (s Session) Over(now time.Time) bool {
	return now.Sub(s.Seen) > IdleFor || now.Sub(s.Created) > LastFor
}

// Passkey is one WebAuthn credential; Data is what the library needs again.
type Passkey struct {
	ID      ids.ID
	Person  ids.ID
	Name    string
	KeyID   string // base64url
	Data    []byte
	Created time.Time
	Used    time.Time
}

// Tries counts failures for one key (an address, or an address and a login).
type Tries struct {
	Key   string
	Count int
	Last  time.Time
}

// Store is what this package needs from the database.
type Store interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
	InsertPerson(ctx context.Context, v access.Viewer, p Person) error
	// Person fails with NotFound.
	Person(ctx context.Context, v access.Viewer, id ids.ID) (Person, error)
	ByLogin(ctx context.Context, v access.Viewer, login string) (Person, error)
	BySubject(ctx context.Context, v access.Viewer, subject string) (Person, error)
	UpdatePerson(ctx context.Context, v access.Viewer, p Person) error
	// AcceptStep records a time step of a one-time code; it fails with Conflict
	// when that step or a later one was used.
	AcceptStep(ctx context.Context, person ids.ID, step int64) error
	// People gives those with a mandate that v may see.
	People(ctx context.Context, v access.Viewer) ([]Member, error)

	PutMandate(ctx context.Context, v access.Viewer, m Mandate) error
	Mandates(ctx context.Context, v access.Viewer, person ids.ID) ([]Mandate, error)
	Mandate(ctx context.Context, v access.Viewer, id ids.ID) (Mandate, error)

	InsertInvitation(ctx context.Context, v access.Viewer, i Invitation) error
	// Invitation gives an open one; unknown, used and expired ones fail alike with Expired.
	Invitation(ctx context.Context, hash string, at time.Time) (Invitation, error)
	// UseInvitation marks it as used; of two callers only one gets it.
	UseInvitation(ctx context.Context, hash string, at time.Time) (Invitation, error)

	PutRecovery(ctx context.Context, person ids.ID, hashes []string) error
	// UseRecovery takes one code away; it fails with NotFound.
	UseRecovery(ctx context.Context, person ids.ID, hash string) error
	RecoveryLeft(ctx context.Context, person ids.ID) (int, error)

	InsertSession(ctx context.Context, s Session) error
	// Session fails with NotFound.
	Session(ctx context.Context, hash string) (Session, error)
	TouchSession(ctx context.Context, id ids.ID, at time.Time) error
	UpdateSession(ctx context.Context, s Session) error
	Sessions(ctx context.Context, person ids.ID) ([]Session, error)
	// EndSession fails with NotFound when it is not the person's.
	EndSession(ctx context.Context, person, id ids.ID) error
	EndOthers(ctx context.Context, person, keep ids.ID) error

	InsertPasskey(ctx context.Context, p Passkey) error
	Passkeys(ctx context.Context, person ids.ID) ([]Passkey, error)
	UpdatePasskey(ctx context.Context, p Passkey) error
	RemovePasskey(ctx context.Context, person, id ids.ID) error

	InsertToken(ctx context.Context, t Token) error
	// Tokens gives the live ones of a person.
	Tokens(ctx context.Context, person ids.ID) ([]Token, error)
	// UseToken gives a live token and notes its use; it fails with NotFound.
	UseToken(ctx context.Context, hash string, at time.Time) (Token, error)
	// RevokeToken fails with NotFound when it is not the person's.
	RevokeToken(ctx context.Context, person, id ids.ID, at time.Time) error

	Tries(ctx context.Context, key string) (Tries, error)
	// Fail counts one failure more.
	Fail(ctx context.Context, key string, at time.Time) error
	Clear(ctx context.Context, key string) error
}

// Member is a person with one of their mandates, as lists show them.
type Member struct {
	Person
	Mandate
	BodyName string
}
