// Package store holds all SQL of filo: one text for SQLite and PostgreSQL, one
// file per domain. Every read takes an access.Viewer; scope.go turns it into
// the predicate.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/ids"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// DB is an open database. Its methods By noun (Reports, Alerts...) give the
// store that each domain asks for.
type DB struct {
	w, r    *sql.DB // one writer and several readers on SQLite; the same pool on PostgreSQL
	dialect dialect
	clock   clock.Clock
	sealer  *Sealer
	source  string

	mu    sync.Mutex
	hears []func(topic string, about []ids.ID)
}

// Open opens the database that source names: "sqlite:PATH" or
// "postgres://...", and brings its schema up to date. It fails with a fault of
// kind Unavailable when the database cannot be reached.
func Open(ctx context.Context, source string, c clock.Clock, s *Sealer) (*DB, error) {
	d := &DB{clock: c, sealer: s, source: source}
	var err error
	switch {
	case strings.HasPrefix(source, "sqlite:"):
		d.dialect = sqlite
		d.w, d.r, err = openSQLite(strings.TrimPrefix(source, "sqlite:"))
	case strings.HasPrefix(source, "postgres://"), strings.HasPrefix(source, "postgresql://"):
		d.dialect = postgres
		d.w, err = openPostgres(source)
		d.r = d.w
	default:
		return nil, fmt.Errorf("database %q: want sqlite:PATH or an address that begins with postgres://", redact(source))
	}
	if err != nil {
		return nil, err
	}
	if err := d.w.PingContext(ctx); err != nil {
		d.Close()
		return nil, fault.Wrap(fault.Unavailable, err, "fault.database")
	}
	if err := d.migrate(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *DB) migrate(ctx context.Context) error {
	sub, err := fs.Sub(migrations, "migrations/"+d.dialect.name)
	if err != nil {
		return err
	}
	// Two nodes that start at once must not migrate at once.
	unlock, err := d.dialect.lockMigrations(ctx, d.w)
	if err != nil {
		return fmt.Errorf("lock migrations: %w", err)
	}
	defer unlock()
	p, err := goose.NewProvider(d.dialect.goose, d.w, sub)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Close closes the database.
func (d *DB) Close() error {
	err := d.w.Close()
	if d.r != nil && d.r != d.w {
		err = errors.Join(err, d.r.Close())
	}
	return err
}

// Ping fails with Unavailable when the database does not answer.
func (d *DB) Ping(ctx context.Context) error {
	var one int
	if err := d.r.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fault.Wrap(fault.Unavailable, err, "fault.database")
	}
	return nil
}

// Engine names the database engine: "sqlite" or "postgres".
func (d *DB) Engine() string { return d.dialect.name }

type txKey struct{}

// tx is the transaction that a context carries, with what to tell after it.
type tx struct {
	*sql.Tx
	after []func()
}

// Do runs f in one transaction, which every store method called with f's
// context joins. Calls nest: the outermost commits.
func (d *DB) Do(ctx context.Context, f func(ctx context.Context) error) error {
	if _, ok := ctx.Value(txKey{}).(*tx); ok {
		return f(ctx)
	}
	t, err := d.w.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	own := &tx{Tx: t}
	defer t.Rollback() // after Commit it does nothing
	if err := f(context.WithValue(ctx, txKey{}, own)); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return classify(err)
	}
	for _, tell := range own.after {
		tell()
	}
	return nil
}

// querier is what *sql.DB and *sql.Tx share.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (d *DB) read(ctx context.Context) querier {
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		return t
	}
	return d.r
}

func (d *DB) write(ctx context.Context) querier {
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		return t
	}
	return d.w
}

// exec runs one statement and gives how many rows it touched.
func (d *DB) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := d.write(ctx).ExecContext(ctx, query, args...)
	if err != nil {
		return 0, classify(err)
	}
	return res.RowsAffected()
}

// one reads one row into dest; no row is NotFound.
func (d *DB) one(ctx context.Context, query string, args []any, dest ...any) error {
	return classify(d.read(ctx).QueryRowContext(ctx, query, args...).Scan(dest...))
}

// each reads rows one by one.
func each[T any](ctx context.Context, d *DB, query string, args []any, fields func(*T) []any) ([]T, error) {
	rows, err := d.read(ctx).QueryContext(ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var t T
		if err := rows.Scan(fields(&t)...); err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		out = append(out, t)
	}
	return out, classify(rows.Err())
}

// insert writes one row; cols are the names that fields lists, in order.
func (d *DB) insert(ctx context.Context, table, cols string, fields []any, tail string) error {
	_, err := d.exec(ctx, "INSERT INTO "+table+" ("+cols+") VALUES ("+marks(1, len(fields))+") "+tail, values(fields)...)
	return err
}

// replace writes one row over the one with the same key.
func (d *DB) replace(ctx context.Context, table, cols, key string, fields []any) error {
	return d.insert(ctx, table, cols, fields, "ON CONFLICT ("+key+") DO UPDATE SET "+excluded(cols, key))
}

// Wake implements access.Waker: inside a transaction it tells after the commit.
func (d *DB) Wake(ctx context.Context, topic string, about ...ids.ID) {
	tell := func() {
		d.tell(topic, about)
		d.dialect.notify(context.WithoutCancel(ctx), d.w, topic, about)
	}
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		t.after = append(t.after, tell)
		return
	}
	tell()
}

// OnWake registers f to hear of every wake-up of this node and, on PostgreSQL
// while Listen runs, of the others.
func (d *DB) OnWake(f func(topic string, about []ids.ID)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hears = append(d.hears, f)
}

func (d *DB) tell(topic string, about []ids.ID) {
	d.mu.Lock()
	hears := d.hears
	d.mu.Unlock()
	for _, f := range hears {
		f(topic, about)
	}
}
