package store

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"filo/access"
	"filo/agreement"
	"filo/alert"
	"filo/internal/clock"
	"filo/internal/ids"
	"filo/territory"
)

// Alerts is the store of alerts.
type Alerts struct{ *DB }

// Alerts gives the store of alerts.
func (d *DB) Alerts() Alerts { return Alerts{d} }

const alertCols = "id, code, centre, author, author_name, report, title, what, advice, tlp, priority, confidence, audience, state, exercise, deadline, created, published, ended, reason, version"

func alertFields(a *alert.Alert) []any {
	return []any{
		&a.ID, &a.Code, &a.Centre, &a.Author, &a.AuthorName, &a.Report, &a.Title, &a.What, doc(&a.Advice), &a.TLP,
		&a.Priority, &a.Confidence, doc(&a.Audience), &a.State, &a.Exercise, at(&a.Deadline), at(&a.Created),
		at(&a.Published), at(&a.Ended), &a.Reason, &a.Version,
	}
}

// alertScope: a centre sees what it issued and what reached its territory; a
// body sees what was published to it.
func alertScope(w *where, v access.Viewer) {
	switch v.Kind {
	case access.System, access.National:
		w.conds = append(w.conds, "true")
	case access.Centre:
		w.add("(a.centre = ? OR (a.state <> 'bozza' AND EXISTS (SELECT 1 FROM alert_recipient p WHERE p.alert = a.id AND p.centre = ?)))", v.Centre, v.Centre)
	case access.Body, access.Operator:
		own := scope(v, "p.body", "p.centre", &w.args)
		w.conds = append(w.conds, "a.state <> 'bozza'", "EXISTS (SELECT 1 FROM alert_recipient p WHERE p.alert = a.id AND "+own+")")
	default:
		w.conds = append(w.conds, "false")
	}
}

// shown leaves out what the viewer may not know of an alert: the report and
// the audience lead to the reporter.
func shown(v access.Viewer, a alert.Alert) alert.Alert {
	if v.Kind == access.System || v.Kind == access.National || v.Kind == access.Centre && v.Centre == a.Centre {
		return a
	}
	a.Report, a.Audience, a.Author = "", alert.Audience{}, ""
	return a
}

// Insert fails with Conflict when the id or the code exists.
func (s Alerts) Insert(ctx context.Context, _ access.Viewer, a alert.Alert) error {
	return s.insert(ctx, "alert", alertCols, alertFields(&a), "")
}

// Find fails with NotFound also when v may not know it.
func (s Alerts) Find(ctx context.Context, v access.Viewer, id ids.ID) (a alert.Alert, err error) {
	var w where
	w.add("a.id = ?", id)
	alertScope(&w, v)
	err = s.one(ctx, "SELECT "+prefixed("a", alertCols)+" FROM alert a WHERE "+w.String(), w.args, alertFields(&a)...)
	return shown(v, a), err
}

// Update fails with Conflict when the version is not the stored one, or when v
// did not issue it.
func (s Alerts) Update(ctx context.Context, v access.Viewer, a alert.Alert) error {
	old := a.Version
	a.Version++
	var w where
	w.args = values(alertFields(&a))
	w.add("id = ? AND version = ?", a.ID, old)
	if v.Kind == access.Centre {
		w.add("centre = ?", v.Centre)
	}
	return changed(s.exec(ctx, "UPDATE alert SET "+sets(alertCols, 1)+" WHERE "+w.String(), w.args...))
}

// List gives newest first.
func (s Alerts) List(ctx context.Context, v access.Viewer, f alert.Filter) ([]alert.Alert, error) {
	var w where
	alertScope(&w, v)
	if f.State != "" {
		w.add("a.state = ?", f.State)
	}
	if f.Body != "" {
		cond := "EXISTS (SELECT 1 FROM alert_recipient q WHERE q.alert = a.id AND q.body = ?"
		if f.Waiting {
			cond += " AND q.answer = ''"
		}
		w.add(cond+")", f.Body)
	}
	if f.After != "" {
		w.add("a.id < ?", f.After)
	}
	list, err := each(ctx, s.DB, "SELECT "+prefixed("a", alertCols)+" FROM alert a WHERE "+w.String()+" ORDER BY a.id DESC"+limit(f.Limit, 200), w.args, alertFields)
	for i := range list {
		list[i] = shown(v, list[i])
	}
	return list, err
}

// Waiting gives what waits for the answers of the viewer's bodies.
func (s Alerts) Waiting(ctx context.Context, v access.Viewer, n int) ([]alert.Alert, error) {
	var w where
	w.scope(v, "p.body", "p.centre")
	w.add("p.answer = '' AND a.state = 'pubblicata'")
	list, err := each(ctx, s.DB, "SELECT DISTINCT "+prefixed("a", alertCols)+" FROM alert_recipient p JOIN alert a ON a.id = p.alert WHERE "+w.String()+" ORDER BY a.deadline, a.id"+limit(n, 200), w.args, alertFields)
	for i := range list {
		list[i] = shown(v, list[i])
	}
	return list, err
}

const recipientCols = "alert, body, centre, why, sent, opened, pre, pre_at, pre_seen, pre_from, pre_logs, answer, answered, by_name, note, report, reminded"

func recipientFields(r *alert.Recipient) []any {
	return []any{
		&r.Alert, &r.Body, &r.Centre, &r.Why, at(&r.Sent), at(&r.Opened), &r.Pre, at(&r.PreAt), &r.PreSeen, at(&r.PreFrom),
		&r.PreLogs, &r.Answer, at(&r.Answered), &r.By, &r.Note, &r.Report, at(&r.Reminded),
	}
}

func recipientRow(r *alert.Recipient) []any {
	return append(recipientFields(r), &r.BodyName, &r.Province)
}

// AddRecipients inserts, many rows a statement.
func (s Alerts) AddRecipients(ctx context.Context, _ access.Viewer, list []alert.Recipient) error {
	const rows = 100
	width := len(split(recipientCols))
	return s.Do(ctx, func(ctx context.Context) error {
		for from := 0; from < len(list); from += rows {
			part := list[from:min(from+rows, len(list))]
			var args []any
			var rowsText []string
			for i := range part {
				rowsText = append(rowsText, "("+marks(1+i*width, width)+")")
				args = append(args, values(recipientFields(&part[i]))...)
			}
			if _, err := s.exec(ctx, "INSERT INTO alert_recipient ("+recipientCols+") VALUES "+strings.Join(rowsText, ","), args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// recipientScope: the issuer sees every recipient, other centres their own
// territory, a body itself.
func recipientScope(w *where, v access.Viewer) {
	if v.Kind == access.Centre {
		w.add("(p.centre = ? OR EXISTS (SELECT 1 FROM alert i WHERE i.id = p.alert AND i.centre = ?))", v.Centre, v.Centre)
		return
	}
	w.scope(v, "p.body", "p.centre")
}

// Recipient fails with NotFound also when v may not know it.
func (s Alerts) Recipient(ctx context.Context, v access.Viewer, id, body ids.ID) (r alert.Recipient, err error) {
	var w where
	w.add("p.alert = ? AND p.body = ?", id, body)
	recipientScope(&w, v)
	err = s.one(ctx, "SELECT "+prefixed("p", recipientCols)+", b.name, b.province FROM alert_recipient p JOIN body b ON b.id = p.body WHERE "+w.String(), w.args, recipientRow(&r)...)
	return r, err
}

// UpdateRecipient writes what came back from a body.
func (s Alerts) UpdateRecipient(ctx context.Context, v access.Viewer, r alert.Recipient) error {
	var w where
	w.args = values(recipientFields(&r))
	w.add("alert = ? AND body = ?", r.Alert, r.Body)
	if !v.Police() {
		w.scope(v, "body", "centre")
	}
	return changed(s.exec(ctx, "UPDATE alert_recipient SET "+sets(recipientCols, 1)+" WHERE "+w.String(), w.args...))
}

// Recipients gives those that v may see: hit first, then those who owe an
// answer, then the rest.
func (s Alerts) Recipients(ctx context.Context, v access.Viewer, id ids.ID, after string, n int) ([]alert.Recipient, string, error) {
	const order = "CASE p.answer WHEN 'incidente_trovato' THEN 0 WHEN '' THEN 1 ELSE 2 END"
	var w where
	w.add("p.alert = ?", id)
	recipientScope(&w, v)
	if after != "" {
		var rank int
		var name, body string
		if err := uncursor(after, &rank, &name, &body); err != nil {
			return nil, "", err
		}
		w.add("("+order+", b.name, p.body) > (?, ?, ?)", rank, name, body)
	}
	n = pageSize(n)
	list, err := each(ctx, s.DB, "SELECT "+prefixed("p", recipientCols)+", b.name, b.province FROM alert_recipient p JOIN body b ON b.id = p.body WHERE "+w.String()+" ORDER BY "+order+", b.name, p.body"+limit(n+1, 201), w.args, recipientRow)
	list, next := page(list, n, func(r alert.Recipient) string {
		rank := 2
		switch r.Answer {
		case alert.Incident:
			rank = 0
		case alert.None:
			rank = 1
		}
		return cursor(rank, r.BodyName, r.Body)
	})
	return list, next, err
}

// Tally counts the answers, as far as v may know.
func (s Alerts) Tally(ctx context.Context, v access.Viewer, id ids.ID) (t alert.Tally, err error) {
	var w where
	w.add("p.alert = ?", id)
	recipientScope(&w, v)
	err = s.one(ctx, `SELECT COUNT(*), COUNT(*) FILTER (WHERE p.answer = 'non_vulnerabile'), COUNT(*) FILTER (WHERE p.answer = 'nessuna_evidenza'),
		COUNT(*) FILTER (WHERE p.answer = 'incidente_trovato'), COUNT(*) FILTER (WHERE p.answer = ''),
		COUNT(*) FILTER (WHERE p.pre = 'visto'), COUNT(*) FILTER (WHERE p.pre = 'non_visto')
		FROM alert_recipient p WHERE `+w.String(), w.args, &t.Sent, &t.NotUs, &t.NoTrace, &t.Incident, &t.Waiting, &t.PreSeen, &t.PreClean)
	if err != nil {
		return t, err
	}
	err = s.one(ctx, `SELECT COUNT(g.id), COUNT(g.id) FILTER (WHERE g.applied >= (SELECT COALESCE(MIN(c.seq), 9223372036854775807) FROM change c WHERE c.alert = p.alert))
		FROM alert_recipient p JOIN agent g ON g.body = p.body AND g.revoked = 0 WHERE `+w.String(), w.args, &t.Agents, &t.Applied)
	return t, err
}

// Publish appends to the log of changes.
func (s Alerts) Publish(ctx context.Context, id ids.ID, kind string, payload []byte) (int64, error) {
	return s.appendChange(ctx, kind, id, "", payload)
}

// concerned is one body that may be concerned.
type concerned struct {
	alert.Recipient
	kind territory.BodyKind
}

// Concerned gives the bodies that an audience means and that an agreement in
// force lets receive alerts.
func (s Alerts) Concerned(ctx context.Context, v access.Viewer, a alert.Audience, issuer ids.ID, networks []string, t time.Time) ([]alert.Recipient, error) {
	var w where
	w.add("b.active = true AND b.until = ''")
	audienceScope(&w, v, a, issuer)
	list, err := each(ctx, s.DB, "SELECT b.id, b.name, b.province, b.centre, b.kind FROM body b WHERE "+w.String()+" ORDER BY b.name, b.id", w.args, func(c *concerned) []any {
		return []any{&c.Body, &c.BodyName, &c.Province, &c.Centre, &c.kind}
	})
	if err != nil {
		return nil, err
	}
	covered, err := s.covered(ctx, access.ClauseSharing, clock.DayOf(t))
	if err != nil {
		return nil, err
	}
	why, narrowed, err := s.why(ctx, a, networks)
	if err != nil {
		return nil, err
	}
	named := set(strs(a.Bodies))
	except := set(strs(a.Except))
	var out []alert.Recipient
	for _, c := range list {
		reason, fits := why[string(c.Body)]
		if named[string(c.Body)] {
			reason, fits = "scelto", true
		}
		if !narrowed && len(a.Bodies) == 0 {
			reason, fits = "territorio", true
		}
		if !fits || except[string(c.Body)] || !covered[c.Body] {
			continue
		}
		c.Why = reason
		out = append(out, c.Recipient)
	}
	return out, nil
}

func audienceScope(w *where, v access.Viewer, a alert.Audience, issuer ids.ID) {
	switch {
	case v.Kind == access.Centre:
		w.add("b.centre = ?", v.Centre)
	case len(a.Centres) > 0:
		in(w, "b.centre", a.Centres)
	case issuer != "" && issuer != territory.NationalCentre:
		w.add("b.centre = ?", issuer)
	}
	if len(a.Provinces) > 0 {
		in(w, "b.province", a.Provinces)
	}
	if len(a.Kinds) > 0 {
		in(w, "b.kind", a.Kinds)
	}
}

// why gives, for each body that a product, supplier or network points at, the
// reason; narrowed says whether any such criterion was asked for.
func (s Alerts) why(ctx context.Context, a alert.Audience, networks []string) (map[string]string, bool, error) {
	out := map[string]string{}
	type row struct{ body, what string }
	fields := func(r *row) []any { return []any{&r.body, &r.what} }
	for _, h := range a.Holdings {
		list, err := each(ctx, s.DB, "SELECT body, name FROM holding WHERE search = $1", []any{territory.SearchKey(h)}, fields)
		if err != nil {
			return nil, false, err
		}
		for _, r := range list {
			out[r.body] = "prodotto:" + r.what
		}
	}
	if a.Networks {
		for _, n := range networks {
			p, err := netip.ParsePrefix(n)
			if addr, bad := netip.ParseAddr(n); bad == nil {
				p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
			}
			if err != nil {
				continue
			}
			low, high := bounds(p)
			list, err := each(ctx, s.DB, "SELECT body, prefix FROM network WHERE low <= $1 AND high >= $2", []any{high, low}, fields)
			if err != nil {
				return nil, false, err
			}
			for _, r := range list {
				out[r.body] = "rete:" + r.what
			}
		}
	}
	return out, len(a.Holdings) > 0 || a.Networks, nil
}

// covered gives the bodies that have the clause on a day.
func (s Alerts) covered(ctx context.Context, c access.Clause, day clock.Day) (map[ids.ID]bool, error) {
	list, err := each(ctx, s.DB, "SELECT "+agreementCols+" FROM agreement WHERE state IN ('in_vigore','disdetta_comunicata')", nil, agreementFields)
	return agreement.Cover(list, c, day), err
}

func set(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}
