package entry

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// Desk is where people come in.
type Desk struct {
	store     Store
	clock     clock.Clock
	passwords *Passwords
	delegated func(ctx context.Context, operator ids.ID) ([]ids.ID, error)
}

// NewDesk makes the desk of entry. delegated gives the bodies an operator may
// act for today.
func NewDesk(s Store, c clock.Clock, p *Passwords, delegated func(context.Context, ids.ID) ([]ids.ID, error)) *Desk {
	return &Desk{store: s, clock: c, passwords: p, delegated: delegated}
}

// InvitationLife is how long an invitation is good.
const InvitationLife = 7 * 24 * time.Hour

// mayInvite says who may give which seat: the people of a body by its manager,
// a centre's people and its bodies' first manager by the head of the centre,
// everything by the administrator of the national centre.
func mayInvite(v access.Viewer, m Mandate, bodyCentre ids.ID) bool {
	if !slices.Contains(Roles(m.Kind), m.Role) {
		return false
	}
	switch {
	case v.Kind == access.System, v.Kind == access.National && v.May(access.Admin, access.Head):
		return true
	case v.Kind == access.Centre && v.May(access.Head, access.Admin):
		if m.Kind == access.Centre {
			return m.Centre == v.Centre && m.Role != access.Admin
		}
		return m.Body != "" && bodyCentre == v.Centre && slices.Contains([]access.Kind{access.Body, access.Operator, access.Lab}, m.Kind)
	case (v.Kind == access.Body || v.Kind == access.Operator) && v.May(access.Manager):
		return m.Kind == v.Kind && m.Body == v.Body
	default:
		return false
	}
}

// Roles lists what a person may be at a seat.
func Roles(k access.Kind) []access.Role {
	switch k {
	case access.Centre, access.National:
		return []access.Role{access.Officer, access.Head, access.Admin, access.Reader}
	case access.Body, access.Operator:
		return []access.Role{access.Technician, access.Manager, access.Reader}
	case access.ANCI, access.Lab:
		return []access.Role{access.Reader, access.Manager}
	}
	return nil
}

// Invite makes a code that lets one person in with the mandate. bodyCentre is
// the centre of the mandate's body.
func (d *Desk) Invite(ctx context.Context, v access.Viewer, m Mandate, bodyCentre ids.ID) (string, error) {
	if !mayInvite(v, m, bodyCentre) {
		return "", fault.New(fault.Forbidden, "entry.invite.forbidden")
	}
	if m.Title = strings.TrimSpace(m.Title); m.Title == "" {
		return "", fault.Bad("title", "entry.title.missing")
	}
	now := d.clock.Now()
	if m.From == "" {
		m.From = clock.DayOf(now)
	}
	code := ids.Code(11)
	return code, d.store.InsertInvitation(ctx, v, Invitation{
		ID: ids.New(now), Hash: ids.Hash(code), Mandate: m, By: v.Name, Created: now, Expires: now.Add(InvitationLife),
	})
}

// Invited gives the invitation behind a code, as typed.
func (d *Desk) Invited(ctx context.Context, typed string) (Invitation, error) {
	code, ok := ids.NormalCode(typed)
	if !ok {
		return Invitation{}, fault.Bad("code", "entry.code.bad")
	}
	return d.store.Invitation(ctx, ids.Hash(code), d.clock.Now())
}

// Accept turns an invitation into a person with a password. A login that exists
// gets the mandate only when the password is theirs.
func (d *Desk) Accept(ctx context.Context, typed, login, password string) (Person, error) {
	code, ok := ids.NormalCode(typed)
	if !ok {
		return Person{}, fault.Bad("code", "entry.code.bad")
	}
	login = strings.ToLower(strings.TrimSpace(login))
	if a, err := mail.ParseAddress(login); err != nil || a.Address != login || len(login) > 200 {
		return Person{}, fault.Bad("login", "entry.login.bad")
	}
	if err := CheckQuality(password, login); err != nil {
		return Person{}, err
	}
	hash, err := d.passwords.Hash(ctx, password)
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = d.store.Do(ctx, func(ctx context.Context) error {
		now := d.clock.Now()
		inv, err := d.store.UseInvitation(ctx, ids.Hash(code), now)
		if err != nil {
			return err
		}
		sys := access.AsSystem("invito")
		p, err = d.store.ByLogin(ctx, sys, login)
		switch {
		case fault.Is(err, fault.NotFound):
			p = Person{ID: ids.New(now), Login: login, Name: inv.Mandate.Title, Language: "it", Password: hash, Created: now}
			if err := d.store.InsertPerson(ctx, sys, p); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if ok, err := d.passwords.Check(ctx, p.Password, password); err != nil || !ok {
				return fault.Bad("password", "entry.login.taken")
			}
		}
		m := inv.Mandate
		m.ID, m.Person = ids.New(now), p.ID
		return d.store.PutMandate(ctx, sys, m)
	})
	return p, err
}

// Failures before an address must wait, and before a login from one address must.
const (
	perAddress = 50
	perPair    = 5
)

// wait grows with failures: none, then 1, 2, 4... minutes, at most an hour.
func wait(t Tries, free int) time.Duration {
	if t.Count < free {
		return 0
	}
	return min(time.Minute<<min(t.Count-free, 6), time.Hour)
}

// allowed slows down guessing. The delay belongs to the pair of address and
// login and to the address, never to the login alone: nobody can lock another
// person out from elsewhere.
func (d *Desk) allowed(ctx context.Context, address, login string) error {
	now := d.clock.Now()
	for key, free := range map[string]int{address: perAddress, address + " " + login: perPair} {
		t, err := d.store.Tries(ctx, key)
		if err != nil {
			return err
		}
		if left := t.Last.Add(wait(t, free)).Sub(now); t.Count >= free && left > 0 {
			return fault.New(fault.TooMany, "entry.wait", int(left/time.Minute)+1)
		}
	}
	return nil
}

func (d *Desk) failed(ctx context.Context, address, login string) error {
	now := d.clock.Now()
	if err := d.store.Fail(ctx, address, now); err != nil {
		return err
	}
	return d.store.Fail(ctx, address+" "+login, now)
}

// Enter checks login and password and opens a session that still lacks the
// second factor. The returned token is for the browser alone.
func (d *Desk) Enter(ctx context.Context, login, password, address, agent string) (token string, s Session, err error) {
	login = strings.ToLower(strings.TrimSpace(login))
	if err := d.allowed(ctx, address, login); err != nil {
		return "", s, err
	}
	p, err := d.store.ByLogin(ctx, access.AsSystem("accesso"), login)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", s, err
	}
	ok, err := d.passwords.Check(ctx, p.Password, password)
	if err != nil {
		return "", s, err
	}
	if !ok || !p.Disabled.IsZero() {
		if err := d.failed(ctx, address, login); err != nil {
			return "", s, err
		}
		return "", s, fault.New(fault.Forbidden, "entry.wrong")
	}
	return d.open(ctx, p, false, address, agent)
}

// open makes a session; its token is new each time, so that none can be fixed
// beforehand.
func (d *Desk) open(ctx context.Context, p Person, strong bool, address, agent string) (string, Session, error) {
	now := d.clock.Now()
	token := ids.Secret()
	s := Session{
		ID: ids.New(now), Hash: ids.Hash(token), Person: p.ID, Strong: strong, Agent: cut(agent, 200), Address: address, Created: now, Seen: now,
	}
	list, err := d.mandates(ctx, p.ID)
	if err != nil {
		return "", s, err
	}
	if len(list) > 0 {
		s.Mandate = list[0].ID
	}
	return token, s, d.store.InsertSession(ctx, s)
}

// strengthen replaces a session by one with the second factor, under a new token.
func (d *Desk) strengthen(ctx context.Context, s Session) (string, Session, error) {
	p, err := d.store.Person(ctx, access.AsSystem("accesso"), s.Person)
	if err != nil {
		return "", s, err
	}
	var token string
	var next Session
	err = d.store.Do(ctx, func(ctx context.Context) error {
		if err := d.store.EndSession(ctx, s.Person, s.ID); err != nil {
			return err
		}
		token, next, err = d.open(ctx, p, true, s.Address, s.Agent)
		return err
	})
	if err != nil {
		return "", s, err
	}
	return token, next, d.store.Clear(ctx, s.Address+" "+p.Login)
}

// OpenStrong opens a full session for somebody whom a passkey or the provider
// of OpenID Connect has vouched for.
func (d *Desk) OpenStrong(ctx context.Context, p Person, address, agent string) (string, Session, error) {
	if !p.Disabled.IsZero() {
		return "", Session{}, fault.New(fault.Forbidden, "entry.wrong")
	}
	return d.open(ctx, p, true, address, agent)
}

// NewTOTP makes a secret and the address an authenticator app reads; nothing is
// kept until ConfirmTOTP.
func (d *Desk) NewTOTP(login string) (secret, uri string, err error) {
	k, err := totp.Generate(totp.GenerateOpts{Issuer: "filo", AccountName: login})
	if err != nil {
		return "", "", fmt.Errorf("one-time secret: %w", err)
	}
	return k.Secret(), k.URL(), nil
}

// ConfirmTOTP sets the second factor once its first code fits, gives ten
// recovery codes, and makes the session full.
func (d *Desk) ConfirmTOTP(ctx context.Context, s Session, secret, code string) (token string, next Session, recovery []string, err error) {
	p, err := d.store.Person(ctx, access.AsSystem("secondo fattore"), s.Person)
	if err != nil {
		return "", s, nil, err
	}
	if p.TOTP != "" && !s.Strong {
		return "", s, nil, fault.New(fault.Forbidden, "entry.totp.set")
	}
	step, ok := fits(secret, code, d.clock.Now())
	if !ok {
		return "", s, nil, fault.Bad("code", "entry.totp.bad")
	}
	p.TOTP, p.TOTPUsed = secret, step
	hashes := make([]string, 10)
	for i := range hashes {
		c := ids.Code(9)
		recovery, hashes[i] = append(recovery, c), ids.Hash(c)
	}
	err = d.store.Do(ctx, func(ctx context.Context) error {
		if err := d.store.UpdatePerson(ctx, access.AsSystem("secondo fattore"), p); err != nil {
			return err
		}
		if err := d.store.PutRecovery(ctx, p.ID, hashes); err != nil {
			return err
		}
		token, next, err = d.strengthen(ctx, s)
		return err
	})
	return token, next, recovery, err
}

// fits reports whether a code is right now or one step beside, and which step.
func fits(secret, code string, now time.Time) (int64, bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	for _, shift := range []int64{0, -1, 1} {
		t := now.Add(time.Duration(shift) * 30 * time.Second)
		ok, err := totp.ValidateCustom(code, secret, t, totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && ok {
			return t.Unix() / 30, true
		}
	}
	return 0, false
}

// SecondFactor completes a session with a one-time code or a recovery code.
func (d *Desk) SecondFactor(ctx context.Context, s Session, code string) (string, Session, error) {
	p, err := d.store.Person(ctx, access.AsSystem("secondo fattore"), s.Person)
	if err != nil {
		return "", s, err
	}
	if err := d.allowed(ctx, s.Address, p.Login); err != nil {
		return "", s, err
	}
	if step, ok := fits(p.TOTP, code, d.clock.Now()); ok && p.TOTP != "" {
		if err := d.store.AcceptStep(ctx, p.ID, step); err == nil {
			return d.strengthen(ctx, s)
		}
	} else if rec, ok := ids.NormalCode(code); ok {
		if err := d.store.UseRecovery(ctx, p.ID, ids.Hash(rec)); err == nil {
			return d.strengthen(ctx, s)
		}
	}
	if err := d.failed(ctx, s.Address, p.Login); err != nil {
		return "", s, err
	}
	return "", s, fault.Bad("code", "entry.totp.bad")
}

// Signed is somebody signed in: the session, the person and the seat.
type Signed struct {
	Session Session
	Person  Person
	Mandate Mandate
	Seats   []Mandate
	Viewer  access.Viewer
}

// Who gives who is behind a token. It fails with NotFound for unknown and ended
// sessions; without a second factor the viewer is Nobody.
func (d *Desk) Who(ctx context.Context, token string) (Signed, error) {
	var out Signed
	s, err := d.store.Session(ctx, ids.Hash(token))
	if err != nil {
		return out, err
	}
	now := d.clock.Now()
	if s.Over(now) {
		return out, fault.New(fault.NotFound, "entry.session.over")
	}
	if out.Person, err = d.store.Person(ctx, access.AsSystem("sessione"), s.Person); err != nil {
		return out, err
	}
	if !out.Person.Disabled.IsZero() {
		return out, fault.New(fault.NotFound, "entry.session.over")
	}
	if now.Sub(s.Seen) > time.Minute {
		if err := d.store.TouchSession(ctx, s.ID, now); err != nil {
			return out, err
		}
	}
	out.Session = s
	if !s.Strong {
		return out, nil
	}
	if out.Seats, err = d.mandates(ctx, s.Person); err != nil {
		return out, err
	}
	for i, m := range out.Seats {
		if m.ID == s.Mandate || i == 0 {
			out.Mandate = m
		}
		if m.ID == s.Mandate {
			break
		}
	}
	out.Viewer, err = d.viewer(ctx, out.Person, out.Mandate)
	return out, err
}

func (d *Desk) mandates(ctx context.Context, person ids.ID) ([]Mandate, error) {
	all, err := d.store.Mandates(ctx, access.AsSystem("incarichi"), person)
	if err != nil {
		return nil, err
	}
	today := clock.DayOf(d.clock.Now())
	var out []Mandate
	for _, m := range all {
		if m.On(today) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (d *Desk) viewer(ctx context.Context, p Person, m Mandate) (access.Viewer, error) {
	v := access.Viewer{Kind: m.Kind, Person: p.ID, Name: m.Title, Role: m.Role, Body: m.Body, Centre: m.Centre}
	switch m.Kind {
	case access.Body:
		v.Bodies = []ids.ID{m.Body}
	case access.Operator:
		list, err := d.delegated(ctx, m.Body)
		if err != nil {
			return access.Viewer{}, err
		}
		v.Bodies = append([]ids.ID{m.Body}, list...)
	}
	return v, nil
}

// Sit changes the seat of a session to another mandate of the person.
func (d *Desk) Sit(ctx context.Context, g Signed, mandate ids.ID) error {
	for _, m := range g.Seats {
		if m.ID == mandate {
			g.Session.Mandate = mandate
			return d.store.UpdateSession(ctx, g.Session)
		}
	}
	return fault.New(fault.NotFound, "fault.not_found")
}

// Leave ends a session.
func (d *Desk) Leave(ctx context.Context, s Session) error {
	return d.store.EndSession(ctx, s.Person, s.ID)
}

// Sessions lists the open sessions of a person.
func (d *Desk) Sessions(ctx context.Context, person ids.ID) ([]Session, error) {
	all, err := d.store.Sessions(ctx, person)
	var out []Session
	for _, s := range all {
		if !s.Over(d.clock.Now()) {
			out = append(out, s)
		}
	}
	return out, err
}

// End ends one session of the person; EndOthers all but one.
func (d *Desk) End(ctx context.Context, person, id ids.ID) error {
	return d.store.EndSession(ctx, person, id)
}

// EndOthers ends all sessions of the person but one.
func (d *Desk) EndOthers(ctx context.Context, person, keep ids.ID) error {
	return d.store.EndOthers(ctx, person, keep)
}

// Language keeps the language a person chose.
func (d *Desk) Language(ctx context.Context, p Person, lang string) error {
	if lang != "it" && lang != "en" {
		return fault.Bad("language", "entry.language.bad")
	}
	p.Language = lang
	return d.store.UpdatePerson(ctx, access.AsSystem("lingua"), p)
}

// People lists those whom v may see.
func (d *Desk) People(ctx context.Context, v access.Viewer) ([]Member, error) {
	return d.store.People(ctx, v)
}

// RecoveryLeft counts the recovery codes that a person has left.
func (d *Desk) RecoveryLeft(ctx context.Context, person ids.ID) (int, error) {
	return d.store.RecoveryLeft(ctx, person)
}

func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
