package store

import (
	"context"
	"strings"
	"time"

	"filo/access"
	"filo/entry"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Entries is the store of people and their ways in.
type Entries struct{ *DB }

// Entries gives the store of people.
func (d *DB) Entries() Entries { return Entries{d} }

const personCols = "id, login, name, language, password, totp, totp_used, subject, disabled, created"

func personFields(p *entry.Person) []any {
	return []any{&p.ID, &p.Login, &p.Name, &p.Language, &p.Password, &p.TOTP, &p.TOTPUsed, &p.Subject, at(&p.Disabled), at(&p.Created)}
}

// InsertPerson fails with Conflict when the login exists.
func (s Entries) InsertPerson(ctx context.Context, _ access.Viewer, p entry.Person) error {
	return s.insert(ctx, "person", personCols, personFields(&p), "")
}

func (s Entries) person(ctx context.Context, col, val string) (p entry.Person, err error) {
	err = s.one(ctx, "SELECT "+personCols+" FROM person WHERE "+col+" = $1 AND "+col+" <> ''", []any{val}, personFields(&p)...)
	return p, err
}

// Person fails with NotFound.
func (s Entries) Person(ctx context.Context, _ access.Viewer, id ids.ID) (entry.Person, error) {
	return s.person(ctx, "id", string(id))
}

// ByLogin fails with NotFound.
func (s Entries) ByLogin(ctx context.Context, _ access.Viewer, login string) (entry.Person, error) {
	return s.person(ctx, "login", login)
}

// BySubject fails with NotFound.
func (s Entries) BySubject(ctx context.Context, _ access.Viewer, subject string) (entry.Person, error) {
	return s.person(ctx, "subject", subject)
}

// UpdatePerson writes all of a person.
func (s Entries) UpdatePerson(ctx context.Context, _ access.Viewer, p entry.Person) error {
	args := append(values(personFields(&p)), string(p.ID))
	return changed(s.exec(ctx, "UPDATE person SET "+sets(personCols, 1)+" WHERE id = $11", args...))
}

// AcceptStep fails with Conflict when that step or a later one was used.
func (s Entries) AcceptStep(ctx context.Context, person ids.ID, step int64) error {
	return changed(s.exec(ctx, "UPDATE person SET totp_used = $1 WHERE id = $2 AND totp_used < $1", step, string(person)))
}

const mandateCols = "id, person, kind, role, body, centre, title, from_day, until_day"

func mandateFields(m *entry.Mandate) []any {
	return []any{&m.ID, &m.Person, &m.Kind, &m.Role, &m.Body, &m.Centre, &m.Title, &m.From, &m.Until}
}

// People gives those with a mandate that v may see: its own body or centre, and
// for the police the bodies of the territory.
func (s Entries) People(ctx context.Context, v access.Viewer) ([]entry.Member, error) {
	var w where
	switch v.Kind {
	case access.System, access.National:
		w.add("true")
	case access.Centre:
		w.add("(m.centre = ? OR b.centre = ?)", v.Centre, v.Centre)
	default:
		w.scope(v, "m.body", "m.centre")
	}
	return each(ctx, s.DB, "SELECT "+prefixed("p", personCols)+", "+prefixed("m", mandateCols)+", COALESCE(b.name, '') FROM mandate m JOIN person p ON p.id = m.person LEFT JOIN body b ON b.id = m.body WHERE "+w.String()+" ORDER BY b.name, m.title, m.id"+limit(500, 500), w.args,
		func(m *entry.Member) []any {
			return append(append(personFields(&m.Person), mandateFields(&m.Mandate)...), &m.BodyName)
		})
}

// PutMandate inserts or replaces.
func (s Entries) PutMandate(ctx context.Context, _ access.Viewer, m entry.Mandate) error {
	return s.replace(ctx, "mandate", mandateCols, "id", mandateFields(&m))
}

// Mandates gives all seats of a person, oldest first.
func (s Entries) Mandates(ctx context.Context, _ access.Viewer, person ids.ID) ([]entry.Mandate, error) {
	return each(ctx, s.DB, "SELECT "+mandateCols+" FROM mandate WHERE person = $1 ORDER BY id", []any{string(person)}, mandateFields)
}

// Mandate fails with NotFound.
func (s Entries) Mandate(ctx context.Context, _ access.Viewer, id ids.ID) (m entry.Mandate, err error) {
	err = s.one(ctx, "SELECT "+mandateCols+" FROM mandate WHERE id = $1", []any{string(id)}, mandateFields(&m)...)
	return m, err
}

const invitationCols = "id, hash, mandate, by_name, created, expires, used"

func invitationFields(i *entry.Invitation) []any {
	return []any{&i.ID, &i.Hash, doc(&i.Mandate), &i.By, at(&i.Created), at(&i.Expires), at(&i.Used)}
}

// InsertInvitation keeps the hash of a code.
func (s Entries) InsertInvitation(ctx context.Context, _ access.Viewer, i entry.Invitation) error {
	return s.insert(ctx, "invitation", invitationCols, invitationFields(&i), "")
}

// Invitation gives an open one.
func (s Entries) Invitation(ctx context.Context, hash string, t time.Time) (i entry.Invitation, err error) {
	err = s.one(ctx, "SELECT "+invitationCols+" FROM invitation WHERE hash = $1 AND used = 0 AND expires > $2", []any{hash, micro(t)}, invitationFields(&i)...)
	return i, over(err)
}

// UseInvitation marks it as used; of two callers only one gets it.
func (s Entries) UseInvitation(ctx context.Context, hash string, t time.Time) (i entry.Invitation, err error) {
	err = classify(s.write(ctx).QueryRowContext(ctx, "UPDATE invitation SET used = $1 WHERE hash = $2 AND used = 0 AND expires > $1 RETURNING "+invitationCols, micro(t), hash).Scan(invitationFields(&i)...))
	return i, over(err)
}

func over(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Expired, "entry.code.unknown")
	}
	return err
}

// PutRecovery replaces the recovery codes of a person.
func (s Entries) PutRecovery(ctx context.Context, person ids.ID, hashes []string) error {
	return s.Do(ctx, func(ctx context.Context) error {
		if _, err := s.exec(ctx, "DELETE FROM recovery WHERE person = $1", string(person)); err != nil {
			return err
		}
		for _, h := range hashes {
			if _, err := s.exec(ctx, "INSERT INTO recovery (person, hash) VALUES ($1, $2)", string(person), h); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseRecovery takes one code away; it fails with NotFound.
func (s Entries) UseRecovery(ctx context.Context, person ids.ID, hash string) error {
	return gone(s.exec(ctx, "DELETE FROM recovery WHERE person = $1 AND hash = $2", string(person), hash))
}

// RecoveryLeft counts the codes left.
func (s Entries) RecoveryLeft(ctx context.Context, person ids.ID) (n int, err error) {
	err = s.one(ctx, "SELECT COUNT(*) FROM recovery WHERE person = $1", []any{string(person)}, &n)
	return n, err
}

func gone(n int64, err error) error {
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	return err
}

const sessionCols = "id, hash, person, mandate, strong, user_agent, address, created, seen"

func sessionFields(x *entry.Session) []any {
	return []any{&x.ID, &x.Hash, &x.Person, &x.Mandate, &x.Strong, &x.Agent, &x.Address, at(&x.Created), at(&x.Seen)}
}

// InsertSession keeps a new session.
func (s Entries) InsertSession(ctx context.Context, x entry.Session) error {
	return s.insert(ctx, "session", sessionCols, sessionFields(&x), "")
}

// Session fails with NotFound.
func (s Entries) Session(ctx context.Context, hash string) (x entry.Session, err error) {
	err = s.one(ctx, "SELECT "+sessionCols+" FROM session WHERE hash = $1", []any{hash}, sessionFields(&x)...)
	return x, err
}

// TouchSession keeps when it was last used.
func (s Entries) TouchSession(ctx context.Context, id ids.ID, t time.Time) error {
	_, err := s.exec(ctx, "UPDATE session SET seen = $1 WHERE id = $2", micro(t), string(id))
	return err
}

// UpdateSession writes the seat.
func (s Entries) UpdateSession(ctx context.Context, x entry.Session) error {
	return changed(s.exec(ctx, "UPDATE session SET mandate = $1 WHERE id = $2", string(x.Mandate), string(x.ID)))
}

// Sessions gives the sessions of a person, newest first.
func (s Entries) Sessions(ctx context.Context, person ids.ID) ([]entry.Session, error) {
	return each(ctx, s.DB, "SELECT "+sessionCols+" FROM session WHERE person = $1 ORDER BY id DESC"+limit(100, 100), []any{string(person)}, sessionFields)
}

// EndSession fails with NotFound when it is not the person's.
func (s Entries) EndSession(ctx context.Context, person, id ids.ID) error {
	return gone(s.exec(ctx, "DELETE FROM session WHERE person = $1 AND id = $2", string(person), string(id)))
}

// EndOthers ends all sessions of the person but one.
func (s Entries) EndOthers(ctx context.Context, person, keep ids.ID) error {
	_, err := s.exec(ctx, "DELETE FROM session WHERE person = $1 AND id <> $2", string(person), string(keep))
	return err
}

const passkeyCols = "id, person, name, key_id, data, created, used"

func passkeyFields(p *entry.Passkey) []any {
	return []any{&p.ID, &p.Person, &p.Name, &p.KeyID, &p.Data, at(&p.Created), at(&p.Used)}
}

// InsertPasskey keeps a new credential.
func (s Entries) InsertPasskey(ctx context.Context, p entry.Passkey) error {
	return s.insert(ctx, "passkey", passkeyCols, passkeyFields(&p), "")
}

// Passkeys gives the credentials of a person.
func (s Entries) Passkeys(ctx context.Context, person ids.ID) ([]entry.Passkey, error) {
	return each(ctx, s.DB, "SELECT "+passkeyCols+" FROM passkey WHERE person = $1 ORDER BY id", []any{string(person)}, passkeyFields)
}

// UpdatePasskey writes the counter and the last use.
func (s Entries) UpdatePasskey(ctx context.Context, p entry.Passkey) error {
	return changed(s.exec(ctx, "UPDATE passkey SET data = $1, used = $2 WHERE id = $3", p.Data, micro(p.Used), string(p.ID)))
}

// RemovePasskey fails with NotFound when it is not the person's.
func (s Entries) RemovePasskey(ctx context.Context, person, id ids.ID) error {
	return gone(s.exec(ctx, "DELETE FROM passkey WHERE person = $1 AND id = $2", string(person), string(id)))
}

// Tries gives the failures of a key; none is zero.
func (s Entries) Tries(ctx context.Context, key string) (t entry.Tries, err error) {
	t.Key = key
	err = s.one(ctx, "SELECT count, last FROM tries WHERE key = $1", []any{key}, &t.Count, at(&t.Last))
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return t, err
}

// Fail counts one failure more; a day without failures forgives the old ones.
func (s Entries) Fail(ctx context.Context, key string, t time.Time) error {
	_, err := s.exec(ctx, "INSERT INTO tries (key, count, last) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET count = CASE WHEN tries.last < $3 THEN 1 ELSE tries.count + 1 END, last = excluded.last",
		strings.ToValidUTF8(key, ""), micro(t), micro(t.Add(-24*time.Hour)))
	return err
}

// Clear forgets the failures of a key.
func (s Entries) Clear(ctx context.Context, key string) error {
	_, err := s.exec(ctx, "DELETE FROM tries WHERE key = $1", key)
	return err
}

const tokenCols = "id, hash, person, mandate, name, created, used, revoked"

func tokenFields(t *entry.Token) []any {
	return []any{&t.ID, &t.Hash, &t.Person, &t.Mandate, &t.Name, at(&t.Created), at(&t.Used), at(&t.Revoked)}
}

// InsertToken keeps the hash of a token.
func (s Entries) InsertToken(ctx context.Context, t entry.Token) error {
	return s.insert(ctx, "token", tokenCols, tokenFields(&t), "")
}

// Tokens gives the live tokens of a person.
func (s Entries) Tokens(ctx context.Context, person ids.ID) ([]entry.Token, error) {
	return each(ctx, s.DB, "SELECT "+tokenCols+" FROM token WHERE person = $1 AND revoked = 0 ORDER BY id", []any{string(person)}, tokenFields)
}

// UseToken gives a live token; its use is noted at most once a minute.
func (s Entries) UseToken(ctx context.Context, hash string, t time.Time) (k entry.Token, err error) {
	err = s.one(ctx, "SELECT "+tokenCols+" FROM token WHERE hash = $1 AND revoked = 0", []any{hash}, tokenFields(&k)...)
	if err != nil || t.Sub(k.Used) < time.Minute {
		return k, err
	}
	_, err = s.exec(ctx, "UPDATE token SET used = $1 WHERE id = $2", micro(t), string(k.ID))
	return k, err
}

// RevokeToken fails with NotFound when it is not the person's.
func (s Entries) RevokeToken(ctx context.Context, person, id ids.ID, t time.Time) error {
	return gone(s.exec(ctx, "UPDATE token SET revoked = $1 WHERE person = $2 AND id = $3 AND revoked = 0", micro(t), string(person), string(id)))
}

// Begin keeps what an exchange must remember; it also sweeps what is over.
func (s Entries) Begin(ctx context.Context, id string, data []byte, until time.Time) error {
	if _, err := s.exec(ctx, "DELETE FROM ceremony WHERE expires < $1", micro(s.clock.Now())); err != nil {
		return err
	}
	_, err := s.exec(ctx, "INSERT INTO ceremony (id, data, expires) VALUES ($1, $2, $3)", id, string(data), micro(until))
	return err
}

// Finish gives the data and forgets it.
func (s Entries) Finish(ctx context.Context, id string, now time.Time) (data []byte, err error) {
	var text string
	err = classify(s.write(ctx).QueryRowContext(ctx, "DELETE FROM ceremony WHERE id = $1 AND expires > $2 RETURNING data", id, micro(now)).Scan(&text))
	return []byte(text), over(err)
}
