package store

import (
	"context"
	"time"

	"filo/access"
	"filo/hunt"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

// Hunts is the store of questions to the edges.
type Hunts struct{ *DB }

// Hunts gives the store of questions to the edges.
func (d *DB) Hunts() Hunts { return Hunts{d} }

const huntCols = "id, code, centre, title, why, vals, rule_text, by_name, created, until, exercise"

func huntFields(h *hunt.Hunt) []any {
	return []any{&h.ID, &h.Code, &h.Centre, &h.Title, &h.Why, doc(&h.Values), &h.Rule, &h.ByName, at(&h.Created), at(&h.Until), &h.Exercise}
}

const askCols = "hunt, body, centre, body_name, province, agents, outcome, answers, answered, released, released_by, lines"

func askFields(a *hunt.Ask) []any {
	return []any{
		&a.Hunt, &a.Body, &a.Centre, &a.BodyName, &a.Province, &a.Agents, &a.Outcome, doc(&a.Answers), at(&a.Answered),
		at(&a.Released), &a.ReleasedBy, doc(&a.Lines),
	}
}

// huntScope: a centre sees what it asked and what was asked in its territory; a
// body what it was asked.
func huntScope(w *where, v access.Viewer) {
	switch v.Kind {
	case access.System, access.National:
		w.conds = append(w.conds, "true")
	case access.Centre:
		w.add("(h.centre = ? OR EXISTS (SELECT 1 FROM hunt_ask a WHERE a.hunt = h.id AND a.centre = ?))", v.Centre, v.Centre)
	case access.Body, access.Operator:
		own := scope(v, "a.body", "a.centre", &w.args)
		w.conds = append(w.conds, "EXISTS (SELECT 1 FROM hunt_ask a WHERE a.hunt = h.id AND "+own+")")
	default:
		w.conds = append(w.conds, "false")
	}
}

// Insert keeps a hunt, its asks, and a row of the log of changes for each.
func (s Hunts) Insert(ctx context.Context, _ access.Viewer, h hunt.Hunt, asks []hunt.Ask, payload []byte) error {
	return s.Do(ctx, func(ctx context.Context) error {
		if _, err := s.exec(ctx, "INSERT INTO hunt ("+huntCols+") VALUES ("+marks(1, 11)+")", values(huntFields(&h))...); err != nil {
			return err
		}
		for i := range asks {
			a := &asks[i]
			if _, err := s.exec(ctx, "INSERT INTO hunt_ask ("+askCols+") VALUES ("+marks(1, 12)+")", values(askFields(a))...); err != nil {
				return err
			}
			if _, err := s.appendChange(ctx, wire.ChangeHunt, "", a.Body, payload); err != nil {
				return err
			}
		}
		return nil
	})
}

// Find fails with NotFound also when v may not know it.
func (s Hunts) Find(ctx context.Context, v access.Viewer, id ids.ID) (h hunt.Hunt, err error) {
	var w where
	w.add("h.id = ?", id)
	huntScope(&w, v)
	err = s.one(ctx, "SELECT "+huntCols+" FROM hunt h WHERE "+w.String(), w.args, huntFields(&h)...)
	return h, err
}

// List gives the latest first.
func (s Hunts) List(ctx context.Context, v access.Viewer, f hunt.Filter) ([]hunt.Hunt, error) {
	var w where
	huntScope(&w, v)
	if f.After != "" {
		w.add("h.id < ?", f.After)
	}
	return each(ctx, s.DB, "SELECT "+huntCols+" FROM hunt h WHERE "+w.String()+" ORDER BY h.id DESC"+limit(f.Limit, 100), w.args, huntFields)
}

// Asks gives hits first, then who could not look, then who has not answered.
func (s Hunts) Asks(ctx context.Context, v access.Viewer, id ids.ID, n int) ([]hunt.Ask, error) {
	var w where
	w.add("hunt = ?", id)
	w.scope(v, "body", "centre")
	return each(ctx, s.DB, "SELECT "+askCols+" FROM hunt_ask WHERE "+w.String()+
		" ORDER BY CASE outcome WHEN 'visto' THEN 0 WHEN 'non_verificabile' THEN 1 WHEN '' THEN 2 ELSE 3 END, body_name, body"+limit(n, 8000), w.args, askFields)
}

// Ask gives one.
func (s Hunts) Ask(ctx context.Context, v access.Viewer, id, body ids.ID) (hunt.Ask, error) {
	return s.ask(ctx, v, id, body, "")
}

// Hold gives one and keeps it from others until the transaction ends.
func (s Hunts) Hold(ctx context.Context, v access.Viewer, id, body ids.ID) (hunt.Ask, error) {
	return s.ask(ctx, v, id, body, s.dialect.holdRow)
}

func (s Hunts) ask(ctx context.Context, v access.Viewer, id, body ids.ID, tail string) (a hunt.Ask, err error) {
	var w where
	w.add("hunt = ?", id)
	w.add("body = ?", body)
	w.scope(v, "body", "centre")
	err = s.one(ctx, "SELECT "+askCols+" FROM hunt_ask WHERE "+w.String()+tail, w.args, askFields(&a)...)
	return a, err
}

// Tally counts over what v may see.
func (s Hunts) Tally(ctx context.Context, v access.Viewer, id ids.ID) (t hunt.Tally, err error) {
	var w where
	w.add("hunt = ?", id)
	w.scope(v, "body", "centre")
	err = s.one(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN outcome <> '' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN outcome = 'visto' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN outcome = 'non_verificabile' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN released <> 0 THEN 1 ELSE 0 END), 0)
		FROM hunt_ask WHERE `+w.String(), w.args, &t.Asked, &t.Answered, &t.Seen, &t.Unable, &t.Released)
	return t, err
}

// PutAnswers keeps outcome and answers.
func (s Hunts) PutAnswers(ctx context.Context, v access.Viewer, a hunt.Ask) error {
	return s.put(ctx, v, a, "outcome, answers, answered", string(a.Outcome), doc(&a.Answers), micro(a.Answered))
}

// PutLines keeps the lines.
func (s Hunts) PutLines(ctx context.Context, v access.Viewer, a hunt.Ask) error {
	return s.put(ctx, v, a, "lines", doc(&a.Lines))
}

func (s Hunts) put(ctx context.Context, v access.Viewer, a hunt.Ask, cols string, args ...any) error {
	w := where{args: args}
	w.add("hunt = ?", a.Hunt)
	w.add("body = ?", a.Body)
	w.scope(v, "body", "centre")
	return changed(s.exec(ctx, "UPDATE hunt_ask SET "+sets(cols, 1)+" WHERE "+w.String(), w.args...))
}

// Release keeps who let lines go, once, and tells the agents of the body.
func (s Hunts) Release(ctx context.Context, v access.Viewer, id, body ids.ID, by string, t time.Time, payload []byte) error {
	return s.Do(ctx, func(ctx context.Context) error {
		var w where
		w.args = []any{micro(t), by}
		w.add("hunt = ?", id)
		w.add("body = ?", body)
		w.add("released = ?", 0)
		w.scope(v, "body", "centre")
		n, err := s.exec(ctx, "UPDATE hunt_ask SET released = $1, released_by = $2 WHERE "+w.String(), w.args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "hunt.released.already")
		}
		_, err = s.appendChange(ctx, wire.ChangeRelease, "", body, payload)
		return err
	})
}
