package store

import (
	"context"
	"time"

	"filo/access"
	"filo/detection"
	"filo/internal/ids"
)

// Detections is the store of findings.
type Detections struct{ *DB }

// Detections gives the store of findings.
func (d *DB) Detections() Detections { return Detections{d} }

// The columns repeat what lists filter and sort by; the rest is in detail.
const findingCols = "id, body, centre, agent, key, rule, severity, outcome, source_ip, count, first_at, last_at, detail, state, report, recorded, updated, released, released_by, sent"

func findingFields(r *detection.Record) []any {
	return []any{
		&r.ID, &r.Body, &r.Centre, &r.Agent, &r.Key, &r.Rule, &r.Severity, &r.Outcome, &r.SourceIP, &r.Count,
		at(&r.First), at(&r.Last), doc(&r.Finding), &r.State, &r.ReportID, at(&r.Recorded), at(&r.Updated),
		at(&r.Released), &r.ReleasedBy, &r.Sent,
	}
}

// Upsert keeps what an agent said; what people did with a known finding stays.
func (s Detections) Upsert(ctx context.Context, _ access.Viewer, r detection.Record) (detection.Record, error) {
	err := classify(s.write(ctx).QueryRowContext(ctx, "INSERT INTO finding ("+findingCols+") VALUES ("+marks(1, 20)+`)
		ON CONFLICT (agent, key) DO UPDATE SET severity=excluded.severity, outcome=excluded.outcome, count=excluded.count,
			first_at=excluded.first_at, last_at=excluded.last_at, detail=excluded.detail, updated=excluded.updated
		RETURNING `+findingCols, values(findingFields(&r))...).Scan(findingFields(&r)...))
	return r, err
}

// Find fails with NotFound also when v may not know it.
func (s Detections) Find(ctx context.Context, v access.Viewer, id ids.ID) (r detection.Record, err error) {
	var w where
	w.add("id = ?", id)
	w.scope(v, "body", "centre")
	err = s.one(ctx, "SELECT "+findingCols+" FROM finding WHERE "+w.String(), w.args, findingFields(&r)...)
	return r, err
}

// ByKey gives what an agent said under a key.
func (s Detections) ByKey(ctx context.Context, v access.Viewer, agent ids.ID, key string) (r detection.Record, err error) {
	var w where
	w.add("agent = ?", agent)
	w.add("key = ?", key)
	w.scope(v, "body", "centre")
	err = s.one(ctx, "SELECT "+findingCols+" FROM finding WHERE "+w.String(), w.args, findingFields(&r)...)
	return r, err
}

// SetState changes what people did with it.
func (s Detections) SetState(ctx context.Context, v access.Viewer, id ids.ID, st detection.State, report ids.ID) error {
	var w where
	w.args = []any{string(st), string(report)}
	w.add("id = ?", id)
	w.scope(v, "body", "centre")
	return changed(s.exec(ctx, "UPDATE finding SET state = $1, report = CASE WHEN $2 = '' THEN report ELSE $2 END WHERE "+w.String(), w.args...))
}

// Release writes down who let the lines around it go.
func (s Detections) Release(ctx context.Context, v access.Viewer, id ids.ID, by string, t time.Time) error {
	return s.set(ctx, v, id, "released, released_by", micro(t), by)
}

// SetSent keeps the fingerprint of the lines that stand in the report.
func (s Detections) SetSent(ctx context.Context, v access.Viewer, id ids.ID, sum string) error {
	return s.set(ctx, v, id, "sent", sum)
}

func (s Detections) set(ctx context.Context, v access.Viewer, id ids.ID, cols string, args ...any) error {
	w := where{args: args}
	w.add("id = ?", id)
	w.scope(v, "body", "centre")
	return changed(s.exec(ctx, "UPDATE finding SET "+sets(cols, 1)+" WHERE "+w.String(), w.args...))
}

// List gives the latest changed first.
func (s Detections) List(ctx context.Context, v access.Viewer, f detection.Filter) ([]detection.Record, string, error) {
	var w where
	w.scope(v, "body", "centre")
	if f.Body != "" {
		w.add("body = ?", f.Body)
	}
	if f.State != "" {
		w.add("state = ?", f.State)
	}
	if f.After != "" {
		var t int64
		var id string
		if err := uncursor(f.After, &t, &id); err != nil {
			return nil, "", err
		}
		w.add("(updated, id) < (?, ?)", t, id)
	}
	n := pageSize(f.Limit)
	list, err := each(ctx, s.DB, "SELECT "+findingCols+" FROM finding WHERE "+w.String()+" ORDER BY updated DESC, id DESC"+limit(n+1, 201), w.args, findingFields)
	list, next := page(list, n, func(r detection.Record) string { return cursor(micro(r.Updated), r.ID) })
	return list, next, err
}
