package store

import (
	"bytes"
	"context"
	"io"
	"strings"

	"filo/access"
	"filo/agreement"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Agreements is the store of agreements.
type Agreements struct{ *DB }

// Agreements gives the store of agreements.
func (d *DB) Agreements() Agreements { return Agreements{d} }

const agreementCols = "id, level, parent, body, region, centre, title, state, clauses, renewal, months, notice_days, office, person, resolution, resolved, signed, start_day, term, term_end, withdrawn, notice_of, exercise, version, created"

func agreementFields(a *agreement.Agreement) []any {
	return []any{
		&a.ID, &a.Level, &a.Parent, &a.Body, &a.Region, &a.Centre, &a.Title, &a.State, doc(&a.Clauses), &a.Renewal,
		&a.Months, &a.NoticeDays, &a.Office, &a.Person, &a.Resolution, &a.Resolved, &a.Signed, &a.Start, &a.Term,
		&a.TermEnd, &a.Withdrawn, &a.NoticeOf, &a.Exercise, &a.Version, at(&a.Created),
	}
}

// agreementScope also shows ANCI who is a member, and everybody the framework
// and the regional agreements: those are public acts.
func agreementScope(w *where, v access.Viewer) {
	if v.Kind == access.ANCI {
		return
	}
	own := scope(v, "body", "centre", &w.args)
	if v.Kind == access.Nobody {
		w.conds = append(w.conds, own)
		return
	}
	w.conds = append(w.conds, "("+own+" OR level IN ('quadro','regionale'))")
}

// Insert fails with Conflict when the id exists.
func (s Agreements) Insert(ctx context.Context, _ access.Viewer, a agreement.Agreement) error {
	return s.insert(ctx, "agreement", agreementCols, agreementFields(&a), "")
}

// Find fails with NotFound also when v may not know it.
func (s Agreements) Find(ctx context.Context, v access.Viewer, id ids.ID) (a agreement.Agreement, err error) {
	var w where
	w.add("id = ?", id)
	agreementScope(&w, v)
	err = s.one(ctx, "SELECT "+agreementCols+" FROM agreement WHERE "+w.String(), w.args, agreementFields(&a)...)
	return a, err
}

// Update fails with Conflict when the version is not the stored one.
func (s Agreements) Update(ctx context.Context, v access.Viewer, a agreement.Agreement) error {
	old := a.Version
	a.Version++
	var w where
	w.args = values(agreementFields(&a))
	w.add("id = ? AND version = ?", a.ID, old)
	agreementScope(&w, v)
	return changed(s.exec(ctx, "UPDATE agreement SET "+sets(agreementCols, 1)+" WHERE "+w.String(), w.args...))
}

// List gives the agreements that v may see.
func (s Agreements) List(ctx context.Context, v access.Viewer, f agreement.Filter) ([]agreement.Agreement, error) {
	var w where
	agreementScope(&w, v)
	if f.Body != "" {
		w.add("body = ?", f.Body)
	}
	if f.Centre != "" {
		w.add("centre = ?", f.Centre)
	}
	if f.Level != "" {
		w.add("level = ?", f.Level)
	}
	if f.Running {
		w.add("state IN ('in_vigore','disdetta_comunicata')")
	}
	if f.Title != "" {
		w.add("lower(title) LIKE ? ESCAPE '!'", "%"+likeEscape(strings.ToLower(f.Title))+"%")
	}
	if f.After != "" {
		w.add("id < ?", f.After)
	}
	return each(ctx, s.DB, "SELECT "+agreementCols+" FROM agreement WHERE "+w.String()+" ORDER BY id DESC"+limit(f.Limit, 20_000), w.args, agreementFields)
}

// likeEscape keeps % and _ of typed text from meaning anything.
func likeEscape(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// OfBody gives every agreement that can cover the body.
func (s Agreements) OfBody(ctx context.Context, _ access.Viewer, body ids.ID) ([]agreement.Agreement, error) {
	return each(ctx, s.DB, "SELECT "+agreementCols+` FROM agreement WHERE body = $1
		OR id IN (SELECT parent FROM agreement WHERE body = $1)
		OR id IN (SELECT p.parent FROM agreement p JOIN agreement c ON c.parent = p.id WHERE c.body = $1)`,
		[]any{string(body)}, agreementFields)
}

const agreementEventCols = "id, agreement, state, day, recorded, person, by_name, note"

func agreementEventFields(e *agreement.Event) []any {
	return []any{&e.ID, &e.Agreement, &e.State, &e.Day, at(&e.Recorded), &e.Person, &e.By, &e.Note}
}

// AddEvent adds one step of history.
func (s Agreements) AddEvent(ctx context.Context, _ access.Viewer, e agreement.Event) error {
	return s.insert(ctx, "agreement_event", agreementEventCols, agreementEventFields(&e), "")
}

// Events gives the history of an agreement that v may see.
func (s Agreements) Events(ctx context.Context, v access.Viewer, id ids.ID) ([]agreement.Event, error) {
	if _, err := s.Find(ctx, v, id); err != nil {
		return nil, err
	}
	return each(ctx, s.DB, "SELECT "+agreementEventCols+" FROM agreement_event WHERE agreement = $1 ORDER BY id", []any{string(id)}, agreementEventFields)
}

const documentCols = "id, agreement, name, size, sha256, added, by_name"

func documentFields(d *agreement.Document) []any {
	return []any{&d.ID, &d.Agreement, &d.Name, &d.Size, &d.SHA256, at(&d.Added), &d.By}
}

// AddDocument keeps content, sealed.
func (s Agreements) AddDocument(ctx context.Context, _ access.Viewer, d agreement.Document, content []byte) error {
	return s.Do(ctx, func(ctx context.Context) error {
		if _, _, err := s.Seal(ctx, d.ID, bytes.NewReader(content), int64(len(content))); err != nil {
			return err
		}
		return s.insert(ctx, "agreement_document", documentCols, documentFields(&d), "")
	})
}

// Documents gives the documents of an agreement that v may see.
func (s Agreements) Documents(ctx context.Context, v access.Viewer, id ids.ID) ([]agreement.Document, error) {
	if _, err := s.Find(ctx, v, id); err != nil {
		return nil, err
	}
	return each(ctx, s.DB, "SELECT "+documentCols+" FROM agreement_document WHERE agreement = $1 ORDER BY id", []any{string(id)}, documentFields)
}

// DocumentContent gives a document that v may see, with its content.
func (s Agreements) DocumentContent(ctx context.Context, v access.Viewer, of, id ids.ID) (d agreement.Document, content []byte, err error) {
	if _, err := s.Find(ctx, v, of); err != nil {
		return d, nil, err
	}
	if err = s.one(ctx, "SELECT "+documentCols+" FROM agreement_document WHERE id = $1 AND agreement = $2", []any{string(id), string(of)}, documentFields(&d)...); err != nil {
		return d, nil, err
	}
	r, err := s.open(ctx, id)
	if err != nil {
		return d, nil, err
	}
	defer r.Close()
	content, err = io.ReadAll(io.LimitReader(r, agreement.MaxDocument+1))
	if err != nil {
		err = fault.Wrap(fault.Internal, err, "fault.internal")
	}
	return d, content, err
}

// Delegated gives the bodies that operator may act for on day.
func (s Agreements) Delegated(ctx context.Context, _ access.Viewer, operator ids.ID, day clock.Day) ([]ids.ID, error) {
	return each(ctx, s.DB, "SELECT DISTINCT body FROM delegation WHERE operator = $1 AND from_day <= $2 AND (until_day = '' OR until_day >= $2) ORDER BY body",
		[]any{string(operator), string(day)}, func(id *ids.ID) []any { return []any{id} })
}
