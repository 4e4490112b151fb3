package store

import (
	"context"
	"time"

	"filo/access"
	"filo/indicator"
	"filo/internal/fault"
	"filo/internal/ids"
)

// Indicators is the store of indicators.
type Indicators struct{ *DB }

// Indicators gives the store of indicators.
func (d *DB) Indicators() Indicators { return Indicators{d} }

const indicatorCols = "id, alert, centre, kind, value, tlp, confidence, state, valid_from, valid_until, recalled_at, reason, exercise"

func indicatorFields(i *indicator.Indicator) []any {
	return []any{
		&i.ID, &i.Alert, &i.Centre, &i.Kind, &i.Value, &i.TLP, &i.Confidence, &i.State, at(&i.ValidFrom), at(&i.ValidUntil),
		at(&i.RecalledAt), &i.Reason, &i.Exercise,
	}
}

// indicatorScope: an indicator is seen through its alert.
func indicatorScope(w *where, v access.Viewer) {
	alertScope(w, v)
}

// Insert writes the indicators of an alert; one that it has already is left alone.
func (s Indicators) Insert(ctx context.Context, _ access.Viewer, list []indicator.Indicator) error {
	return s.Do(ctx, func(ctx context.Context) error {
		for i := range list {
			if err := s.insert(ctx, "indicator", indicatorCols, indicatorFields(&list[i]), "ON CONFLICT (alert, kind, value) DO NOTHING"); err != nil {
				return err
			}
		}
		return nil
	})
}

// Find fails with NotFound also when v may not know it.
func (s Indicators) Find(ctx context.Context, v access.Viewer, id ids.ID) (i indicator.Indicator, err error) {
	var w where
	w.add("i.id = ?", id)
	indicatorScope(&w, v)
	err = s.one(ctx, "SELECT "+prefixed("i", indicatorCols)+" FROM indicator i JOIN alert a ON a.id = i.alert WHERE "+w.String(), w.args, indicatorFields(&i)...)
	return i, err
}

// List gives newest first; who has it and who saw it is for the police.
func (s Indicators) List(ctx context.Context, v access.Viewer, f indicator.Filter) ([]indicator.Watched, error) {
	var w where
	indicatorScope(&w, v)
	if f.Alert != "" {
		w.add("i.alert = ?", f.Alert)
	}
	if f.Value != "" {
		w.add("i.value = ?", f.Value)
	}
	if f.Live {
		w.add("i.state = 'attivo' AND i.valid_until > ?", micro(s.clock.Now()))
	}
	if f.After != "" {
		w.add("i.id < ?", f.After)
	}
	list, err := each(ctx, s.DB, "SELECT "+prefixed("i", indicatorCols)+", a.code FROM indicator i JOIN alert a ON a.id = i.alert WHERE "+w.String()+" ORDER BY i.id DESC"+limit(f.Limit, 5000), w.args,
		func(x *indicator.Watched) []any { return append(indicatorFields(&x.Indicator), &x.AlertCode) })
	if err != nil || !v.Police() && v.Kind != access.System {
		return list, err
	}
	return list, s.reach(ctx, v, list)
}

// reach fills in who has the indicators and who saw them: once per alert, then
// once for all sightings of the page.
func (s Indicators) reach(ctx context.Context, v access.Viewer, list []indicator.Watched) error {
	tallies := map[ids.ID][2]int{}
	var wanted []ids.ID
	for i := range list {
		a := list[i].Alert
		if _, ok := tallies[a]; !ok {
			t, err := s.Alerts().Tally(ctx, v, a)
			if err != nil {
				return err
			}
			tallies[a] = [2]int{t.Agents, t.Applied}
		}
		list[i].Agents, list[i].Applied = tallies[a][0], tallies[a][1]
		wanted = append(wanted, list[i].ID)
	}
	if len(wanted) == 0 {
		return nil
	}
	var w where
	in(&w, "indicator", wanted[:min(len(wanted), 500)])
	w.scope(v, "body", "centre")
	counts, err := each(ctx, s.DB, "SELECT indicator, COUNT(DISTINCT body) FROM sighting WHERE "+w.String()+" GROUP BY indicator", w.args,
		func(c *seen) []any { return []any{&c.value, &c.n} })
	by := map[string]int{}
	for _, c := range counts {
		by[c.value] = c.n
	}
	for i := range list {
		list[i].Seen = by[string(list[i].ID)]
	}
	return err
}

// Recall marks the indicators of an alert, or one of them, as taken back.
func (s Indicators) Recall(ctx context.Context, v access.Viewer, alert, one ids.ID, t time.Time, reason string) ([]ids.ID, error) {
	if !v.Police() && v.Kind != access.System {
		return nil, fault.New(fault.Forbidden, "alert.only_issuer")
	}
	var w where
	w.args = []any{micro(t), reason}
	w.add("alert = ? AND state = 'attivo'", alert)
	if one != "" {
		w.add("id = ?", one)
	}
	rows, err := s.write(ctx).QueryContext(ctx, "UPDATE indicator SET state = 'richiamato', recalled_at = $1, reason = $2 WHERE "+w.String()+" RETURNING id", w.args...)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	var out []ids.ID
	for rows.Next() {
		var id ids.ID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, classify(rows.Err())
}

// Sighted records that the agent of a body saw an indicator that was published
// to it. What it names beyond that is dropped: an agent cannot ask what exists.
func (s Indicators) Sighted(ctx context.Context, v access.Viewer, g indicator.Sighting) error {
	_, err := s.exec(ctx, `INSERT INTO sighting (indicator, body, centre, agent, back, count, first_at, last_at, log)
		SELECT i.id, p.body, p.centre, CAST($3 AS TEXT), CAST($4 AS BOOLEAN), CAST($5 AS BIGINT), CAST($6 AS BIGINT), CAST($7 AS BIGINT), CAST($8 AS TEXT) FROM indicator i JOIN alert_recipient p ON p.alert = i.alert
		WHERE i.id = $1 AND p.body = $2
		ON CONFLICT (indicator, agent, back) DO UPDATE SET count = CASE WHEN excluded.back THEN excluded.count ELSE sighting.count + excluded.count END,
			first_at = CASE WHEN excluded.first_at < sighting.first_at THEN excluded.first_at ELSE sighting.first_at END,
			last_at = CASE WHEN excluded.last_at > sighting.last_at THEN excluded.last_at ELSE sighting.last_at END`,
		string(g.Indicator), string(g.Body), string(g.Agent), g.Back, g.Count, micro(g.First), micro(g.Last), g.Log)
	return err
}

// Sightings gives who saw an indicator, as far as v may know.
func (s Indicators) Sightings(ctx context.Context, v access.Viewer, id ids.ID) ([]indicator.Sighting, error) {
	var w where
	w.add("indicator = ?", id)
	w.scope(v, "body", "centre")
	return each(ctx, s.DB, "SELECT indicator, body, agent, back, count, first_at, last_at, log FROM sighting WHERE "+w.String()+" ORDER BY first_at"+limit(500, 500), w.args,
		func(g *indicator.Sighting) []any {
			return []any{&g.Indicator, &g.Body, &g.Agent, &g.Back, &g.Count, at(&g.First), at(&g.Last), &g.Log}
		})
}
