package store

import (
	"context"
	"time"

	"filo/access"
	"filo/internal/ids"
)

// Read writes down who looked at what: DB implements access.Audit. The node's
// own jobs are not people and leave no line.
func (d *DB) Read(ctx context.Context, v access.Viewer, noun string, id ids.ID) error {
	if v.Kind == access.System {
		return nil
	}
	now := d.clock.Now()
	_, err := d.exec(ctx, "INSERT INTO audit (id, at, kind, person, name, body, centre, noun, object) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
		string(ids.New(now)), micro(now), string(v.Kind), string(v.Person)+string(v.Agent), v.Name, string(v.Body), string(v.Centre), noun, string(id))
	return err
}

// Look is one line of the audit.
type Look struct {
	At     time.Time
	Name   string
	Noun   string
	Object ids.ID
}

// Looks gives who looked at an object, newest first; for the national centre and the
// heads of the object's centre.
func (d *DB) Looks(ctx context.Context, v access.Viewer, object ids.ID) ([]Look, error) {
	var w where
	w.add("object = ?", object)
	w.scope(v, "body", "centre")
	return each(ctx, d, "SELECT at, name, noun, object FROM audit WHERE "+w.String()+" ORDER BY id DESC"+limit(200, 200), w.args,
		func(l *Look) []any { return []any{at(&l.At), &l.Name, &l.Noun, &l.Object} })
}

// Setting gives a value the node keeps for itself; NotFound when unset.
func (d *DB) Setting(ctx context.Context, name string) (v string, err error) {
	err = d.one(ctx, "SELECT value FROM setting WHERE name = $1", []any{name}, &v)
	return v, err
}

// SetSetting keeps a value of the node.
func (d *DB) SetSetting(ctx context.Context, name, v string) error {
	return d.replace(ctx, "setting", "name, value", "name", []any{&name, &v})
}
