package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filo/internal/fault"
	"filo/internal/ids"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	"github.com/pressly/goose/v3"
	msqlite "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// dialect is the little in which the two engines differ.
type dialect struct {
	name           string
	goose          goose.Dialect
	lockMigrations func(context.Context, *sql.DB) (func(), error)
	lockChanges    string // taken before a change gets its number
	holdRow        string // ends a SELECT whose row nobody else may change meanwhile; one writer needs none
	notify         func(ctx context.Context, db *sql.DB, topic string, about []ids.ID)
}

var sqlite = dialect{
	name: "sqlite", goose: goose.DialectSQLite3,
	lockMigrations: func(context.Context, *sql.DB) (func(), error) { return func() {}, nil }, // one process, one writer
	notify:         func(context.Context, *sql.DB, string, []ids.ID) {},
}

// The numbers name our advisory locks.
const (
	lockMigrate = 7061001
	lockChange  = 7061002
)

var postgres = dialect{
	name: "postgres", goose: goose.DialectPostgres,
	lockMigrations: func(ctx context.Context, db *sql.DB) (func(), error) {
		c, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := c.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lockMigrate); err != nil {
			c.Close()
			return nil, err
		}
		return func() {
			_, _ = c.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", lockMigrate)
			c.Close()
		}, nil
	},
	holdRow:     " FOR UPDATE",
	lockChanges: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", lockChange),
	notify: func(ctx context.Context, db *sql.DB, topic string, about []ids.ID) {
		words := []string{topic}
		if len(about) <= 64 { // a notification holds 8,000 bytes; with none named, everybody looks
			for _, id := range about {
				words = append(words, string(id))
			}
		}
		ctx, stop := context.WithTimeout(ctx, 5*time.Second)
		defer stop()
		// A lost notification costs a little time: readers look again by themselves.
		_, _ = db.ExecContext(ctx, "SELECT pg_notify('filo', $1)", strings.Join(words, " "))
	},
}

func openSQLite(path string) (w, r *sql.DB, err error) {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, nil, fmt.Errorf("database folder: %w", err)
		}
	}
	// The pragmas stand in the address so that every pooled connection has them.
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-65536)" +
		"&_pragma=mmap_size(268435456)&_pragma=temp_store(MEMORY)&_txlock=immediate"
	if w, err = sql.Open("sqlite", dsn); err != nil {
		return nil, nil, err
	}
	w.SetMaxOpenConns(1)
	if r, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)"); err != nil {
		return w, nil, err
	}
	r.SetMaxOpenConns(4)
	r.SetMaxIdleConns(4)
	return w, r, nil
}

func openPostgres(source string) (*sql.DB, error) {
	db, err := sql.Open("pgx", source)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", redact(source), err)
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// Listen passes on the wake-ups of other nodes until ctx ends; on SQLite there
// are none. It reconnects by itself and, after each reconnect, wakes everybody,
// since something may have been missed.
func (d *DB) Listen(ctx context.Context) {
	if d.dialect.name != "postgres" {
		return
	}
	for ctx.Err() == nil {
		if err := d.listenOnce(ctx); err == nil || ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
	}
}

func (d *DB) listenOnce(ctx context.Context) error {
	c, err := pgx.Connect(ctx, d.source)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "LISTEN filo"); err != nil {
		return err
	}
	d.tell("change", nil)
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		words := strings.Fields(n.Payload)
		if n.PID == c.PgConn().PID() || len(words) == 0 {
			continue
		}
		about := make([]ids.ID, len(words)-1)
		for i, w := range words[1:] {
			about[i] = ids.ID(w)
		}
		d.tell(words[0], about)
	}
}

// classify turns what a driver says into a fault.
func classify(err error) error {
	var lite *msqlite.Error
	var pg *pgconn.PgError
	var open *pgconn.ConnectError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fault.Wrap(fault.NotFound, err, "fault.not_found")
	case errors.As(err, &lite):
		switch lite.Code() & 0xff {
		case lib.SQLITE_CONSTRAINT:
			return fault.Wrap(fault.Conflict, err, "fault.conflict")
		case lib.SQLITE_BUSY, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY:
			return fault.Wrap(fault.Unavailable, err, "fault.database")
		}
	case errors.As(err, &pg):
		switch {
		case strings.HasPrefix(pg.Code, "23"):
			return fault.Wrap(fault.Conflict, err, "fault.conflict")
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "40"):
			return fault.Wrap(fault.Unavailable, err, "fault.database")
		}
	case errors.As(err, &open), errors.Is(err, sql.ErrConnDone), strings.Contains(err.Error(), "connect"),
		strings.Contains(err.Error(), "closed"), strings.Contains(err.Error(), "unexpected EOF"):
		return fault.Wrap(fault.Unavailable, err, "fault.database")
	}
	return err
}

// redact leaves the password out of a database address.
func redact(source string) string {
	u, err := url.Parse(source)
	if err != nil || u.User == nil {
		return source
	}
	return u.Redacted()
}
