package store

import (
	"context"
	"encoding/json"
	"time"

	"filo/access"
	"filo/agent"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

// Agents is the store of agents and of the log of changes that they read.
type Agents struct{ *DB }

// Agents gives the store of agents.
func (d *DB) Agents() Agents { return Agents{d} }

const agentCols = "id, body, centre, host, system, version, serial, not_after, enrolled, by_name, revoked, revoked_by, last_seen, seq, applied, clock_offset, status"

func agentFields(a *agent.Agent) []any {
	return []any{
		&a.ID, &a.Body, &a.Centre, &a.Host, &a.System, &a.Version, &a.Serial, at(&a.NotAfter), at(&a.Enrolled), &a.By,
		at(&a.Revoked), &a.RevokedBy, at(&a.LastSeen), &a.Seq, &a.Applied, (*int64)(&a.Offset), doc(&a.Status),
	}
}

// AddEnrolment keeps the hash of a code.
func (s Agents) AddEnrolment(ctx context.Context, _ access.Viewer, e agent.Enrolment) error {
	return s.insert(ctx, "enrolment", "id, body, hash, by_name, created, expires, used",
		[]any{&e.ID, &e.Body, &e.Hash, &e.By, at(&e.Created), at(&e.Expires), at(&e.Used)}, "")
}

// UseEnrolment marks the code as used and gives it back; of two callers only one gets it.
func (s Agents) UseEnrolment(ctx context.Context, hash string, t time.Time) (e agent.Enrolment, err error) {
	err = s.write(ctx).QueryRowContext(ctx, "UPDATE enrolment SET used = $1 WHERE hash = $2 AND used = 0 AND expires > $1 RETURNING id, body, by_name, created, expires", micro(t), hash).
		Scan(&e.ID, &e.Body, &e.By, at(&e.Created), at(&e.Expires))
	if err = classify(err); fault.Is(err, fault.NotFound) {
		return e, fault.New(fault.Expired, "agent.code.unknown")
	}
	return e, err
}

// Insert writes a new agent.
func (s Agents) Insert(ctx context.Context, _ access.Viewer, a agent.Agent) error {
	return s.insert(ctx, "agent", agentCols, agentFields(&a), "")
}

// Find fails with NotFound also when v may not know it.
func (s Agents) Find(ctx context.Context, v access.Viewer, id ids.ID) (a agent.Agent, err error) {
	var w where
	w.add("id = ?", id)
	w.scope(v, "body", "centre")
	err = s.one(ctx, "SELECT "+agentCols+" FROM agent WHERE "+w.String(), w.args, agentFields(&a)...)
	return a, err
}

// Update writes what people and renewals change; what the agent itself says
// has its own methods.
func (s Agents) Update(ctx context.Context, v access.Viewer, a agent.Agent) error {
	var w where
	w.args = []any{a.Serial, micro(a.NotAfter), micro(a.Revoked), a.RevokedBy}
	w.add("id = ?", a.ID)
	w.scope(v, "body", "centre")
	return changed(s.exec(ctx, "UPDATE agent SET serial=$1, not_after=$2, revoked=$3, revoked_by=$4 WHERE "+w.String(), w.args...))
}

// List gives the agents of a body, or all that v may see, silent ones first.
func (s Agents) List(ctx context.Context, v access.Viewer, body ids.ID, after string, n int) ([]agent.Agent, string, error) {
	var w where
	w.scope(v, "body", "centre")
	if body != "" {
		w.add("body = ?", body)
	}
	if after != "" {
		var seenAt int64
		var id string
		if err := uncursor(after, &seenAt, &id); err != nil {
			return nil, "", err
		}
		w.add("(last_seen, id) > (?, ?)", seenAt, id)
	}
	n = pageSize(n)
	list, err := each(ctx, s.DB, "SELECT "+agentCols+" FROM agent WHERE "+w.String()+" ORDER BY last_seen, id"+limit(n+1, 201), w.args, agentFields)
	list, next := page(list, n, func(a agent.Agent) string { return cursor(micro(a.LastSeen), a.ID) })
	return list, next, err
}

// Advance moves the agent's highest event on. It fails with Conflict when
// another batch was faster.
func (s Agents) Advance(ctx context.Context, id ids.ID, from, seq uint64, t time.Time, offset time.Duration) error {
	return changed(s.exec(ctx, "UPDATE agent SET seq=$1, last_seen=$2, clock_offset=$3 WHERE id=$4 AND seq=$5 AND revoked=0",
		int64(seq), micro(t), int64(offset), string(id), int64(from)))
}

// SetStatus keeps what the agent last said of itself.
func (s Agents) SetStatus(ctx context.Context, id ids.ID, st wire.Status, t time.Time) error {
	_, err := s.exec(ctx, "UPDATE agent SET status=$1, version=$2, system=$3, host=$4, last_seen=$5 WHERE id=$6",
		doc(&st), st.Version, st.System, st.Host, micro(t), string(id))
	return err
}

// SetApplied keeps how far the agent has the changes on its disk.
func (s Agents) SetApplied(ctx context.Context, id ids.ID, seq int64, t time.Time) error {
	_, err := s.exec(ctx, "UPDATE agent SET applied=$1, last_seen=$2 WHERE id=$3 AND applied < $1", seq, micro(t), string(id))
	return err
}

// Changes gives the rows of the log meant for a body, after seq, in order.
func (s Agents) Changes(ctx context.Context, body ids.ID, after int64, n int) ([]wire.Change, int64, error) {
	list, err := each(ctx, s.DB, `SELECT seq, kind, payload FROM (
			SELECT c.seq, c.kind, c.payload FROM alert_recipient p JOIN change c ON c.alert = p.alert AND c.alert <> '' WHERE p.body = $1 AND c.seq > $2
			UNION ALL
			SELECT c.seq, c.kind, c.payload FROM change c WHERE c.body = $1 AND c.body <> '' AND c.seq > $2
		) x ORDER BY seq`+limit(n, 500), []any{string(body), after}, changeFields)
	next := after
	if len(list) > 0 {
		next = int64(list[len(list)-1].Seq)
	}
	return list, next, err
}

// Recalls gives the recalls meant for a body after seq, and nothing else.
func (s Agents) Recalls(ctx context.Context, body ids.ID, after int64) ([]wire.Change, error) {
	return each(ctx, s.DB, `SELECT c.seq, c.kind, c.payload FROM alert_recipient p JOIN change c ON c.alert = p.alert AND c.alert <> ''
		WHERE p.body = $1 AND c.seq > $2 AND c.kind = $3 ORDER BY c.seq`+limit(500, 500), []any{string(body), after, wire.ChangeRecall}, changeFields)
}

func changeFields(c *wire.Change) []any { return []any{&c.Seq, &c.Kind, rawText{&c.Payload}} }

type rawText struct{ p *json.RawMessage }

// Scan implements sql.Scanner.
func (r rawText) Scan(v any) error {
	switch s := v.(type) {
	case string:
		*r.p = json.RawMessage(s)
	case []byte:
		*r.p = append(json.RawMessage{}, s...)
	}
	return nil
}

// AddChange appends a change for one body.
func (s Agents) AddChange(ctx context.Context, body ids.ID, kind string, payload []byte) (int64, error) {
	return s.appendChange(ctx, kind, "", body, payload)
}

// appendChange gives a change its number under one lock that lasts until the
// commit: numbers become visible in order.
func (d *DB) appendChange(ctx context.Context, kind string, alert, body ids.ID, payload []byte) (seq int64, err error) {
	err = d.Do(ctx, func(ctx context.Context) error {
		if d.dialect.lockChanges != "" {
			if _, err := d.exec(ctx, d.dialect.lockChanges); err != nil {
				return err
			}
		}
		return classify(d.write(ctx).QueryRowContext(ctx, "INSERT INTO change (seq, kind, alert, body, payload, at) SELECT COALESCE(MAX(seq), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT) FROM change RETURNING seq",
			kind, string(alert), string(body), string(payload), micro(d.clock.Now())).Scan(&seq))
	})
	return seq, err
}

// Settings gives what the body chose; zero when it chose nothing.
func (s Agents) Settings(ctx context.Context, v access.Viewer, body ids.ID) (st wire.Settings, err error) {
	var w where
	w.add("x.body = ?", body)
	w.scope(v, "b.id", "b.centre")
	err = s.one(ctx, "SELECT x.settings FROM agent_settings x JOIN body b ON b.id = x.body WHERE "+w.String(), w.args, doc(&st))
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return st, err
}

// PutSettings keeps what the body chose.
func (s Agents) PutSettings(ctx context.Context, _ access.Viewer, body ids.ID, st wire.Settings) error {
	return s.replace(ctx, "agent_settings", "body, settings", "body", []any{&body, doc(&st)})
}
