package store

import (
	"context"
	"io"
	"strings"
	"time"

	"filo/access"
	"filo/internal/ids"
	"filo/report"
)

// Reports is the store of reports.
type Reports struct{ *DB }

// Reports gives the store of reports.
func (d *DB) Reports() Reports { return Reports{d} }

const reportCols = "id, code, body, centre, direction, how, kind, signs, happening, title, text, services, began, known, deeds, caller, state, open, priority, rank, severity, level, tlp, confidence, taxonomy, exercise, author, author_name, taken_by, taken_name, taken_at, due, reminded, escalated, closed_at, result, finding, alert, step, version, created, sent"

func reportFields(r *report.Report) []any {
	open, rank := r.State.Open(), r.Priority.Rank() // columns of the queue's index, not fields
	if !r.Now {
		rank += 10
	}
	return []any{
		&r.ID, &r.Code, &r.Body, &r.Centre, &r.Direction, &r.How, &r.Kind, doc(&r.Signs), &r.Now, &r.Title, &r.Text,
		doc(&r.Services), at(&r.Began), at(&r.Known), doc(&r.Deeds), &r.Caller, &r.State, &open, &r.Priority, &rank,
		&r.Severity, &r.Level, &r.TLP, &r.Confidence, doc(&r.Taxonomy), &r.Exercise, &r.Author, &r.AuthorName,
		&r.TakenBy, &r.TakenName, at(&r.TakenAt), at(&r.Due), at(&r.Reminded), at(&r.Escalated), at(&r.ClosedAt),
		&r.Result, &r.Finding, &r.Alert, &r.Step, &r.Version, at(&r.Created), at(&r.Sent),
	}
}

// reportScope shows a side what is its own; what the other side has not sent
// yet does not exist.
func reportScope(w *where, v access.Viewer) {
	w.scope(v, "body", "centre")
	switch v.Kind {
	case access.System:
	case access.Centre, access.National:
		w.conds = append(w.conds, "(state NOT IN ('bozza','annullata') OR direction = 'dalla_polizia' OR how = 'telefono')")
	default:
		w.conds = append(w.conds, "(state NOT IN ('bozza','annullata') OR (direction = 'dal_comune' AND how <> 'telefono'))")
	}
}

// Insert fails with Conflict when the id or the code exists.
func (s Reports) Insert(ctx context.Context, _ access.Viewer, r report.Report) error {
	return s.insert(ctx, "report", reportCols, reportFields(&r), "")
}

func (s Reports) find(ctx context.Context, v access.Viewer, col, val string) (r report.Report, err error) {
	var w where
	w.add(col+" = ?", val)
	reportScope(&w, v)
	err = s.one(ctx, "SELECT "+reportCols+" FROM report WHERE "+w.String(), w.args, reportFields(&r)...)
	return r, err
}

// Find fails with NotFound also when v may not know that it exists.
func (s Reports) Find(ctx context.Context, v access.Viewer, id ids.ID) (report.Report, error) {
	return s.find(ctx, v, "id", string(id))
}

// ByCode fails like Find.
func (s Reports) ByCode(ctx context.Context, v access.Viewer, code string) (report.Report, error) {
	return s.find(ctx, v, "code", code)
}

// Update fails with Conflict when the version is not the stored one.
func (s Reports) Update(ctx context.Context, v access.Viewer, r report.Report) error {
	old := r.Version
	r.Version++
	var w where
	w.args = values(reportFields(&r))
	w.add("id = ? AND version = ?", r.ID, old)
	reportScope(&w, v)
	return changed(s.exec(ctx, "UPDATE report SET "+sets(reportCols, 1)+" WHERE "+w.String(), w.args...))
}

// Queue gives what waits, in the order in which it must be taken up.
func (s Reports) Queue(ctx context.Context, v access.Viewer, f report.Filter) ([]report.Report, string, error) {
	var w where
	w.add("open")
	reportScope(&w, v)
	if v.Police() {
		w.add("direction = 'dal_comune'")
	}
	filterReports(&w, f)
	if f.After != "" {
		var rank, due int64
		var id string
		if err := uncursor(f.After, &rank, &due, &id); err != nil {
			return nil, "", err
		}
		w.add("(rank, due, id) > (?, ?, ?)", rank, due, id)
	}
	n := pageSize(f.Limit)
	list, err := each(ctx, s.DB, "SELECT "+reportCols+" FROM report WHERE "+w.String()+" ORDER BY rank, due, id"+limit(n+1, 201), w.args, reportFields)
	list, next := page(list, n, func(r report.Report) string {
		rank := r.Priority.Rank()
		if !r.Now {
			rank += 10
		}
		return cursor(rank, micro(r.Due), r.ID)
	})
	return list, next, err
}

func pageSize(n int) int {
	if n <= 0 || n > 200 {
		return 50
	}
	return n
}

func filterReports(w *where, f report.Filter) {
	if f.Body != "" {
		w.add("body = ?", f.Body)
	}
	if f.Centre != "" {
		w.add("centre = ?", f.Centre)
	}
	if f.Open {
		w.add("open")
	}
	if f.Drafts {
		w.add("state = 'bozza'")
	}
	if f.State != "" {
		w.add("state = ?", f.State)
	}
	if f.Taker != "" {
		w.add("taken_by = ?", f.Taker)
	}
	if f.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(f.Text)) + "%"
		w.add(`(lower(title) LIKE ? ESCAPE '\' OR lower(code) LIKE ? ESCAPE '\')`, like, like)
	}
}

// List gives newest first.
func (s Reports) List(ctx context.Context, v access.Viewer, f report.Filter) ([]report.Report, string, error) {
	var w where
	reportScope(&w, v)
	filterReports(&w, f)
	if !f.Drafts && f.State == "" {
		w.add("state NOT IN ('bozza','annullata')")
	}
	if f.After != "" {
		w.add("id < ?", f.After)
	}
	n := pageSize(f.Limit)
	list, err := each(ctx, s.DB, "SELECT "+reportCols+" FROM report WHERE "+w.String()+" ORDER BY id DESC"+limit(n+1, 201), w.args, reportFields)
	list, next := page(list, n, func(r report.Report) string { return string(r.ID) })
	return list, next, err
}

// Overdue gives reports that nobody took in charge by the instant.
func (s Reports) Overdue(ctx context.Context, v access.Viewer, t time.Time, n int) ([]report.Report, error) {
	var w where
	w.add("state = 'ricevuta' AND due <= ? AND escalated = 0", micro(t))
	w.scope(v, "body", "centre")
	return each(ctx, s.DB, "SELECT "+reportCols+" FROM report WHERE "+w.String()+" ORDER BY due"+limit(n, 1000), w.args, reportFields)
}

const reportEventCols = "id, report, kind, at, recorded, person, by_name, police, private, text, answers, open"

func reportEventFields(e *report.Event) []any {
	return []any{&e.ID, &e.Report, &e.Kind, at(&e.At), at(&e.Recorded), &e.Person, &e.By, &e.Police, &e.Private, &e.Text, &e.Answers, &e.Open}
}

// AddEvent adds one step of the timeline.
func (s Reports) AddEvent(ctx context.Context, _ access.Viewer, e report.Event) error {
	return s.insert(ctx, "report_event", reportEventCols, reportEventFields(&e), "")
}

// of gives the condition for the children of a report that v may see.
func (s Reports) of(v access.Viewer, id ids.ID) *where {
	var w where
	w.add("x.report = ?", id)
	w.scope(v, "r.body", "r.centre")
	return &w
}

// Events leaves private ones out for viewers of a body.
func (s Reports) Events(ctx context.Context, v access.Viewer, id ids.ID) ([]report.Event, error) {
	w := s.of(v, id)
	if !v.Police() && v.Kind != access.System {
		w.add("x.private = false")
	}
	return each(ctx, s.DB, "SELECT "+prefixed("x", reportEventCols)+" FROM report_event x JOIN report r ON r.id = x.report WHERE "+w.String()+" ORDER BY x.id", w.args, reportEventFields)
}

// Answered marks the question as answered.
func (s Reports) Answered(ctx context.Context, _ access.Viewer, id, question ids.ID) error {
	return changed(s.exec(ctx, "UPDATE report_event SET open = false WHERE id = $1 AND report = $2 AND kind = 'domanda'", string(question), string(id)))
}

const observableCols = "id, report, kind, value, role, added"

func observableFields(o *report.Observable) []any {
	return []any{&o.ID, &o.Report, &o.Kind, &o.Value, &o.Role, at(&o.Added)}
}

// AddObservable adds a technical value.
func (s Reports) AddObservable(ctx context.Context, _ access.Viewer, o report.Observable) error {
	return s.insert(ctx, "report_observable", observableCols, observableFields(&o), "")
}

// Observables gives the technical values of a report that v may see.
func (s Reports) Observables(ctx context.Context, v access.Viewer, id ids.ID) ([]report.Observable, error) {
	w := s.of(v, id)
	return each(ctx, s.DB, "SELECT "+prefixed("x", observableCols)+" FROM report_observable x JOIN report r ON r.id = x.report WHERE "+w.String()+" ORDER BY x.id", w.args, observableFields)
}

const fileCols = "id, report, name, size, sha256, by_name, added"

func fileFields(a *report.Attachment) []any {
	return []any{&a.ID, &a.Report, &a.Name, &a.Size, &a.SHA256, &a.By, at(&a.Added)}
}

// AddFile names a sealed blob: its id is the attachment's.
func (s Reports) AddFile(ctx context.Context, _ access.Viewer, a report.Attachment) error {
	return s.insert(ctx, "report_file", fileCols, fileFields(&a), "")
}

// Files gives the attachments of a report that v may see.
func (s Reports) Files(ctx context.Context, v access.Viewer, id ids.ID) ([]report.Attachment, error) {
	w := s.of(v, id)
	return each(ctx, s.DB, "SELECT "+prefixed("x", fileCols)+" FROM report_file x JOIN report r ON r.id = x.report WHERE "+w.String()+" ORDER BY x.id", w.args, fileFields)
}

// FileContent opens a sealed file again.
func (s Reports) FileContent(ctx context.Context, v access.Viewer, of, id ids.ID) (a report.Attachment, _ io.ReadCloser, err error) {
	w := s.of(v, of)
	w.add("x.id = ?", id)
	err = s.one(ctx, "SELECT "+prefixed("x", fileCols)+" FROM report_file x JOIN report r ON r.id = x.report WHERE "+w.String(), w.args, fileFields(&a)...)
	if err != nil {
		return a, nil, err
	}
	r, err := s.open(ctx, id)
	return a, r, err
}

type seen struct {
	value string
	n     int
}

// SeenElsewhere counts, for each value, how many other bodies named it in a
// report that was sent. It counts without showing: v needs to see the report only.
func (s Reports) SeenElsewhere(ctx context.Context, v access.Viewer, id ids.ID) (map[string]int, error) {
	w := s.of(v, id)
	list, err := each(ctx, s.DB, `SELECT x.value, COUNT(DISTINCT o.body) FROM report_observable x
		JOIN report r ON r.id = x.report
		JOIN report_observable y ON y.value = x.value AND y.report <> x.report
		JOIN report o ON o.id = y.report AND o.body <> r.body AND o.sent > 0 AND o.exercise = r.exercise
		WHERE `+w.String()+" GROUP BY x.value", w.args, func(c *seen) []any { return []any{&c.value, &c.n} })
	out := make(map[string]int, len(list))
	for _, c := range list {
		out[c.value] = c.n
	}
	return out, err
}

// Counts gives how many reports are open and how many of them nobody took, of
// the thousand that come first in the queue; exercises are not counted.
func (s Reports) Counts(ctx context.Context, v access.Viewer) (open, waiting int, err error) {
	var w where
	w.add("open AND exercise = false")
	reportScope(&w, v)
	if v.Police() {
		w.add("direction = 'dal_comune'")
	}
	// Counting stops at a thousand: nobody reads on, and the page stays as fast
	// as it was on the first day.
	err = s.one(ctx, "SELECT COUNT(*), COUNT(*) FILTER (WHERE state = 'ricevuta') FROM (SELECT state FROM report WHERE "+w.String()+" ORDER BY rank, due, id LIMIT 1000) x", w.args, &open, &waiting)
	return open, waiting, err
}
